"""Whoever loses their access while a request of theirs is under way: it goes no further than it has come."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from maestro.ids import Kind, encode
from maestro.runtime import Runtime
from tests.fixtures.access import change
from tests.fixtures.artifacts import new_artifact, opened
from tests.fixtures.audit import entries
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project

PROJECTS = "{ projects { totalCount } }"
CREATE = 'mutation { createProject(input: {name: "Late"}) { __typename } }'
KEY = 'mutation { createApiKey(input: {name: "Back door"}) { key } }'
REVOKE = """mutation ($id: ID!) {
  revokeApiKey(id: $id) { isActive }
  createProject(input: {name: "Late"}) { __typename }
}"""
SWITCH = """mutation ($id: ID!) {
  switchOrganization(id: $id) { organizations { id } }
  createProject(input: {name: "Here"}) { ... on ProjectSaved { project { name } } }
}"""
REVOKE_ALL = "UPDATE api_key SET revoked_at = now()"


@pytest.fixture
def mine(anonymous: httpx.AsyncClient, fresh_key: str) -> httpx.AsyncClient:
    """The owner with a key that nobody has used, over HTTP."""
    anonymous.headers["authorization"] = f"Bearer {fresh_key}"
    return anonymous


async def slowly(runtime: Runtime, body: bytes) -> AsyncIterator[bytes]:
    """A body whose sender loses all keys before it has come."""
    yield body[:10]
    await change(runtime, REVOKE_ALL)
    yield body[10:]


@pytest.mark.parametrize("query", [PROJECTS, CREATE, KEY])
async def test_a_body_that_comes_after_its_key_was_revoked_is_not_executed(
    runtime: Runtime, api: Api, mine: httpx.AsyncClient, *, query: str
) -> None:
    await mine.post("/graphql", json={"query": PROJECTS})
    body = slowly(runtime, json.dumps({"query": query}).encode())
    answer = await mine.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert await entries(api) == []
    assert len(await runtime.db.fetch_sql("SELECT id FROM api_key")) == 1


async def test_a_file_that_comes_after_its_key_was_revoked_is_not_recorded(
    runtime: Runtime, api: Api, mine: httpx.AsyncClient
) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    answer = await mine.put(f"/artifacts/{version}/late.bin", content=slowly(runtime, bytes(20)))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert await runtime.db.fetch_sql("SELECT path FROM artifact_entry") == []
    last = (await entries(api))[-1]
    assert (last.operation, last.is_allowed, last.code) == ("uploadArtifactFile", False, "UNAUTHENTICATED")


async def test_later_mutations_of_a_document_are_refused_once_an_earlier_one_has_ended_their_key(
    runtime: Runtime, api: Api, mine: httpx.AsyncClient
) -> None:
    (key,) = await runtime.db.fetch_sql("SELECT id FROM api_key")
    content = {"query": REVOKE, "variables": {"id": encode(Kind.ApiKey, key.id)}}
    answer = (await mine.post("/graphql", json=content)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await runtime.db.fetch_sql("SELECT id FROM project") == []
    assert [(one.operation, one.code) for one in await entries(api)] == [
        ("revokeApiKey", None),
        ("createProject", "UNAUTHENTICATED"),
    ]


async def test_later_mutations_of_a_document_stay_in_the_organisation_in_which_it_began(
    runtime: Runtime, api: Api, foreign: Api, *, person: httpx.AsyncClient
) -> None:
    there = foreign.viewer.organization_id
    await change(
        runtime,
        "INSERT INTO membership (id, organization_id, user_id, role) VALUES (gen_random_uuid(), $1, $2, 'OWNER')",
        there,
        api.viewer.actor_id,
    )
    content = {"query": SWITCH, "variables": {"id": encode(Kind.Organization, there)}}
    answer = (await person.post("/graphql", json=content)).json()
    assert answer["data"]["createProject"] == {"project": {"name": "Here"}}
    (project,) = await runtime.db.fetch_sql("SELECT organization_id FROM project")
    assert project.organization_id == api.viewer.organization_id
