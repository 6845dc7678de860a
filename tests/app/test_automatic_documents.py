"""Automatic persisted queries over HTTP: texts that clients leave under their hash."""

import json
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from pydantic import SecretStr

from app.server import create_app
from maestro.settings import Settings
from tests.fixtures.documents import NAMES, automatic, code, role, send, sha256
from tests.fixtures.graphql import Api, browser, owners_key, untraced

FREE: Final = "query Free { viewer { role } }"
BROKEN: Final = "query Broken { viewer { nothing } }"


@pytest.fixture
async def pair(  # noqa: PLR0917 -- fixtures
    api: Api, settings: Settings, server_url: str, redis_url: str
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """The owner at two servers that share a Redis."""
    sharing = settings.model_copy(update={"redis_url": SecretStr(redis_url)})
    one, two = create_app(sharing, server_url), create_app(sharing, server_url)
    key = {"authorization": f"Bearer {await owners_key(api.runtime)}"}
    async with (
        one.router.lifespan_context(one),
        two.router.lifespan_context(two),
        browser(one, **key) as here,
        browser(two, **key) as there,
    ):
        yield here, there


async def test_what_one_organization_has_left_another_does_not_find(
    api: Api, foreign: Api, client: httpx.AsyncClient
) -> None:
    assert role(await send(client, query=FREE, **automatic(sha256(FREE)))) == "OWNER"
    assert await api.runtime.automatic.find(api.viewer.organization_id, sha256(FREE)) == FREE
    assert await api.runtime.automatic.find(foreign.viewer.organization_id, sha256(FREE)) is None


async def test_a_miss_is_answered_as_clients_know_it(client: httpx.AsyncClient) -> None:
    response = await send(client, **automatic(sha256(FREE)))
    (error,) = untraced(response)["errors"]
    assert error == {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    assert response.status_code == 200
    assert "no-cache" in response.headers["cache-control"]


async def test_a_text_that_was_left_runs_by_its_hash(client: httpx.AsyncClient) -> None:
    assert role(await send(client, query=FREE, **automatic(sha256(FREE)))) == "OWNER"
    assert role(await send(client, **automatic(sha256(FREE)))) == "OWNER"
    sent = {"extensions": json.dumps(automatic(sha256(FREE))["extensions"])}
    assert role(await client.get("/graphql", params=sent)) == "OWNER"


async def test_a_text_is_not_kept_under_another_hash(client: httpx.AsyncClient) -> None:
    for sha in (sha256(NAMES), "short", ""):
        response = await send(client, query=FREE, **automatic(sha))
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
        assert response.json()["errors"][0]["message"] == "provided sha does not match query"
    assert code(await send(client, **automatic(sha256(NAMES)))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("text", [BROKEN, "{ syntax"])
async def test_a_text_that_is_not_valid_is_not_kept(client: httpx.AsyncClient, text: str) -> None:
    assert str(code(await send(client, query=text, **automatic(sha256(text))))).startswith("GRAPHQL_")
    assert code(await send(client, **automatic(sha256(text)))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "offered",
    [{"version": 2, "sha256Hash": sha256(FREE)}, {"version": 1}, {}, "text", 1, [], {"version": 1, "sha256Hash": 1}],
)
async def test_another_version_is_not_supported(client: httpx.AsyncClient, offered: object) -> None:
    response = await send(client, query=FREE, extensions={"persistedQuery": offered})
    (error,) = untraced(response)["errors"]
    told = {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}
    assert error == told


async def test_two_servers_share_what_was_left_through_redis(pair: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    here, there = pair
    assert role(await send(here, query=FREE, **automatic(sha256(FREE)))) == "OWNER"
    assert role(await send(there, **automatic(sha256(FREE)))) == "OWNER"


async def test_a_server_whose_redis_is_away_misses_and_goes_on(api: Api, settings: Settings, server_url: str) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    key = await owners_key(api.runtime)
    alone = create_app(nowhere, server_url)
    async with alone.router.lifespan_context(alone), browser(alone, authorization=f"Bearer {key}") as here:
        assert code(await send(here, **automatic(sha256(FREE)))) == "PERSISTED_QUERY_NOT_FOUND"
        assert role(await send(here, query=FREE, **automatic(sha256(FREE)))) == "OWNER"
        assert role(await send(here, **automatic(sha256(FREE)))) == "OWNER"
