"""Which documents run over HTTP: by id, by hash, by text, in each of the three modes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.server import create_app
from maestro.db.tables.enums import Role
from maestro.settings import Settings
from tests.fixtures.documents import (
    NAMES,
    RESTORE,
    RETIRE,
    ROLE,
    automatic,
    code,
    register,
    role,
    send,
    sha256,
)
from tests.fixtures.graphql import Api, browser, owners_key, untraced
from tests.fixtures.hearing import caught_up
from tests.fixtures.members import new_member

FREE = "query Free { viewer { role } }"
BROKEN = "query Broken { viewer { nothing } }"
INTROSPECTION = "{ __schema { queryType { name } } }"
MODES = ("open", "mixed", "trusted")


def in_mode(*modes: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("mode", modes, indirect=True)


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """The setting `documents`."""
    found: str = getattr(request, "param", "open")
    return found


@pytest.fixture
def settings(tmp_path: Path, mode: str) -> Settings:
    """Settings of a server in a mode."""
    return Settings(data_dir=tmp_path / "data", documents=mode, _env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


@asynccontextmanager
async def signed_in(api: Api, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody in a browser."""
    async with browser(app) as http:
        await http.get("/sign-in", params={"token": await api.runtime.access.create_link_token(api.viewer.actor_id)})
        yield http


@pytest.fixture
async def viewer(api: Api, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A member in a browser, who may not register documents."""
    async with signed_in(await new_member(api, Role.VIEWER), app) as http:
        yield http


@pytest.fixture
async def other(settings: Settings, server_url: str) -> AsyncIterator[Starlette]:
    """A second server process on the same database."""
    application = create_app(settings, server_url)
    async with application.router.lifespan_context(application):
        yield application


# Known documents, in every mode


@in_mode(*MODES)
@pytest.mark.parametrize("prefix", ["", "sha256:"])
async def test_a_known_document_runs_by_its_hash(api: Api, viewer: httpx.AsyncClient, prefix: str) -> None:
    await register(api, ROLE)
    assert role(await send(viewer, documentId=prefix + sha256(ROLE))) == "VIEWER"
    assert role(await send(viewer, **automatic(prefix + sha256(ROLE)))) == "VIEWER"


@in_mode(*MODES)
@pytest.mark.parametrize("prefix", ["", "sha256:"])
async def test_a_known_document_runs_by_the_id_of_its_manifest(
    api: Api, viewer: httpx.AsyncClient, prefix: str
) -> None:
    await register(api, manifest={"sha256:made-up": ROLE})
    assert role(await send(viewer, documentId=f"{prefix}made-up")) == "VIEWER"


@in_mode(*MODES)
async def test_a_known_document_runs_by_get(api: Api, viewer: httpx.AsyncClient) -> None:
    await register(api, ROLE)
    assert role(await viewer.get("/graphql", params={"documentId": sha256(ROLE)})) == "VIEWER"


@in_mode(*MODES)
async def test_a_known_document_runs_by_its_exact_text(api: Api, viewer: httpx.AsyncClient) -> None:
    await register(api, ROLE)
    assert role(await send(viewer, query=ROLE)) == "VIEWER"
    assert role(await send(viewer, query=ROLE, documentId=sha256(ROLE))) == "VIEWER"


async def test_a_document_takes_variables(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, "query P($first: Int) { projects(first: $first) { pageInfo { hasNextPage } } }")
    by_name = (await api("{ persistedDocuments { nodes { sha256 } } }"))["persistedDocuments"]["nodes"][0]["sha256"]
    response = await send(client, documentId=by_name, variables={"first": 5000})
    assert code(response) == "BAD_USER_INPUT"
    assert "errors" not in (await send(client, documentId=by_name, variables={"first": 5})).json()


@in_mode(*MODES)
async def test_an_id_with_another_text_is_refused(api: Api, viewer: httpx.AsyncClient) -> None:
    await register(api, ROLE, NAMES)
    for content in ({"documentId": sha256(ROLE)}, automatic(sha256(ROLE))):
        response = await send(viewer, query=NAMES, **content)
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
        assert response.json()["errors"][0]["message"] == "provided sha does not match query"


async def test_two_ids_of_different_documents_are_refused(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, ROLE, NAMES)
    assert code(await send(client, documentId=sha256(ROLE), **automatic(sha256(NAMES)))) == "BAD_REQUEST"
    assert "errors" not in (await send(client, documentId=f"sha256:{sha256(ROLE)}", **automatic(sha256(ROLE)))).json()


async def test_a_request_without_any_document_is_refused(client: httpx.AsyncClient) -> None:
    response = await send(client, variables={})
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("id_", ["", "unknown", "a\0b", "x" * 10_000, "sha256:", "\u2028"])
async def test_an_unknown_id_is_told_from_other_errors(client: httpx.AsyncClient, id_: str) -> None:
    assert code(await send(client, documentId=id_)) == "PERSISTED_QUERY_NOT_FOUND"


# Others' documents


@in_mode(*MODES)
async def test_a_document_of_another_organization_is_not_known(
    foreign: Api, viewer: httpx.AsyncClient, mode: str
) -> None:
    await register(foreign, ROLE, manifest=None)
    missing = {"open": "PERSISTED_QUERY_NOT_FOUND"}.get(mode, "DOCUMENT_NOT_TRUSTED")
    assert code(await send(viewer, documentId=sha256(ROLE))) == missing


# Mixed: browsers are bound to known documents


@in_mode("mixed")
async def test_in_mixed_mode_a_browser_runs_no_other_text(viewer: httpx.AsyncClient) -> None:
    for content in ({"query": FREE}, automatic(sha256(FREE)), automatic(sha256(FREE), query=FREE)):
        assert code(await send(viewer, **content)) == "DOCUMENT_NOT_TRUSTED"


@in_mode("mixed")
async def test_in_mixed_mode_a_program_runs_any_text(client: httpx.AsyncClient) -> None:
    assert role(await send(client, query=FREE)) == "OWNER"
    assert code(await send(client, **automatic(sha256(FREE)))) == "PERSISTED_QUERY_NOT_FOUND"
    assert role(await send(client, **automatic(sha256(FREE), query=FREE))) == "OWNER"
    assert role(await send(client, **automatic(sha256(FREE)))) == "OWNER"


@in_mode("mixed")
async def test_in_mixed_mode_who_may_register_documents_runs_any_text(person: httpx.AsyncClient) -> None:
    assert role(await send(person, query=FREE)) == "OWNER"
    assert "errors" not in (await send(person, query=INTROSPECTION)).json()


# Trusted: nothing but known documents, and nothing told of the schema


@in_mode("trusted")
@pytest.mark.parametrize("text", [FREE, BROKEN, INTROSPECTION, "{ syntax", "{ __typename }"])
async def test_in_trusted_mode_nobody_runs_another_text(
    client: httpx.AsyncClient, person: httpx.AsyncClient, text: str
) -> None:
    for who in (client, person):
        response = await send(who, query=text)
        assert untraced(response)["errors"] == [
            {
                "message": "This server runs known documents only.",
                "extensions": {
                    "code": "DOCUMENT_NOT_TRUSTED",
                    "hint": "Register the document, or send the id of one that is.",
                },
            }
        ]
        assert code(await send(who, query=text, **automatic(sha256(text)))) == "DOCUMENT_NOT_TRUSTED"
        assert code(await send(who, **automatic(sha256(text)))) == "DOCUMENT_NOT_TRUSTED"


@in_mode("trusted")
async def test_a_document_with_another_space_is_another_one(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, ROLE)
    assert code(await send(client, query=f"{ROLE} ")) == "DOCUMENT_NOT_TRUSTED"


# Retiring and restoring


@in_mode("trusted")
async def test_a_retired_document_is_refused_by_every_process(
    api: Api, other: Starlette, client: httpx.AsyncClient
) -> None:
    (made,) = await register(api, ROLE)
    there = other.state.runtime
    async with browser(other, authorization=f"Bearer {await owners_key(api.runtime)}") as elsewhere:
        await caught_up(there.events, there.db)
        assert role(await send(elsewhere, documentId=sha256(ROLE))) == "OWNER"
        assert role(await send(client, documentId=sha256(ROLE))) == "OWNER"
        await api(RETIRE, id=made["document"]["id"])
        assert code(await send(client, documentId=sha256(ROLE))) == "DOCUMENT_NOT_TRUSTED"
        await caught_up(there.events, there.db)
        assert code(await send(elsewhere, documentId=sha256(ROLE))) == "DOCUMENT_NOT_TRUSTED"
        await api(RESTORE, id=made["document"]["id"])
        assert role(await send(client, documentId=sha256(ROLE))) == "OWNER"
        await caught_up(there.events, there.db)
        assert role(await send(elsewhere, documentId=sha256(ROLE))) == "OWNER"


@in_mode("trusted")
async def test_what_was_unknown_runs_as_soon_as_it_is_registered(
    api: Api, other: Starlette, client: httpx.AsyncClient
) -> None:
    there = other.state.runtime
    async with browser(other, authorization=f"Bearer {await owners_key(api.runtime)}") as elsewhere:
        for who in (client, elsewhere):
            assert code(await send(who, documentId=sha256(ROLE))) == "DOCUMENT_NOT_TRUSTED"
        await register(api, ROLE)
        assert role(await send(client, documentId=sha256(ROLE))) == "OWNER"
        await caught_up(there.events, there.db)
        assert role(await send(elsewhere, documentId=sha256(ROLE))) == "OWNER"


# A schema that has changed


@in_mode(*MODES)
async def test_a_document_that_does_not_fit_any_more_tells_nothing_of_the_schema(
    api: Api, client: httpx.AsyncClient
) -> None:
    await register(api, ROLE)
    async with api.runtime.db.transaction() as tx:
        sql = "UPDATE document SET text = $1, sha256 = $2, schema_sha256 = 'of an earlier version'"
        await tx.fetch_sql(sql, BROKEN, sha256(BROKEN))
    api.runtime.documents.forget()
    response = await send(client, documentId=sha256(BROKEN))
    assert code(response) == "DOCUMENT_BROKEN"
    assert "nothing" not in response.text


async def test_a_document_of_an_earlier_schema_that_fits_runs(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, ROLE)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE document SET schema_sha256 = 'of an earlier version'")
    api.runtime.documents.forget()
    assert role(await send(client, documentId=sha256(ROLE))) == "OWNER"
