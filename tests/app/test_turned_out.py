"""Whoever loses their access while a request of theirs is under way: it goes no further than it has come."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from maestro.access.sessions import Origin
from maestro.db.tables.enums import Role, SignInWay
from maestro.ids import Kind, encode
from maestro.runtime import Runtime
from resolvers.setup import Owner
from tests.fixtures.access import change, make_key, new_session
from tests.fixtures.access import cookie as cookie_of
from tests.fixtures.artifacts import new_artifact, opened
from tests.fixtures.audit import entries
from tests.fixtures.graphql import Api
from tests.fixtures.members import membership_of, new_member
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
PROMOTE = "mutation ($id: ID!) { updateMembership(id: $id, role: ADMIN) { __typename } }"
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


@pytest.mark.parametrize("bearer", ["key", "session"])
async def test_who_waits_to_give_a_role_and_loses_their_own_meanwhile_gives_none(
    runtime: Runtime, api: Api, owner: Owner, *, anonymous: httpx.AsyncClient, bearer: str
) -> None:
    admin, viewer = await new_member(api, Role.ADMIN), await new_member(api, Role.VIEWER, name="Other")
    headers = await shown(runtime, owner, admin.viewer.actor_id, bearer=bearer)
    content = {"query": PROMOTE, "variables": {"id": await membership_of(api, viewer)}}
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE", owner.organization_id)
        waiting = asyncio.create_task(anonymous.post("/graphql", json=content, headers=headers))
        await until_somebody_waits(runtime)
        await tx.fetch_sql("UPDATE membership SET role = 'VIEWER' WHERE user_id = $1", admin.viewer.actor_id)
    answer = (await waiting).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    (role,) = await runtime.db.fetch_sql("SELECT role FROM membership WHERE user_id = $1", viewer.viewer.actor_id)
    assert role.role == Role.VIEWER


async def test_who_waits_to_give_a_role_and_whose_key_is_revoked_meanwhile_gives_none(
    runtime: Runtime, api: Api, owner: Owner, *, mine: httpx.AsyncClient
) -> None:
    viewer = await new_member(api, Role.VIEWER)
    content = {"query": PROMOTE, "variables": {"id": await membership_of(api, viewer)}}
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE", owner.organization_id)
        waiting = asyncio.create_task(mine.post("/graphql", json=content))
        await until_somebody_waits(runtime)
        await tx.fetch_sql(REVOKE_ALL)
    answer = (await waiting).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def shown(runtime: Runtime, owner: Owner, user_id: UUID, *, bearer: str) -> dict[str, str]:
    """What a person shows with a request."""
    if bearer == "key":
        key = await make_key(runtime, Owner(user_id, owner.organization_id))
        return {"authorization": f"Bearer {key}"}
    return cookie_of((await new_session(runtime, user_id, Origin(SignInWay.LINK))).token)


async def until_somebody_waits(runtime: Runtime) -> None:
    """Return once a statement waits for a lock."""
    async with asyncio.timeout(5):
        while not await runtime.db.fetch_sql("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 -- only the database knows who waits
            await asyncio.sleep(0.01)
