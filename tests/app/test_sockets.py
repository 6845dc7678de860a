"""GraphQL over a real socket: the protocol, who may open one, and what goes wrong."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.app.conftest import Program, Server
from tests.fixtures.graphql import owners_key
from tests.fixtures.sockets import PROTOCOL, ask, closed, connected, hear, listening, opened, tell

PROJECTS = "{ projects { nodes { id } } }"
CREATE = "mutation ($name: String!) { createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } } }"
RENAME = "mutation ($id: ID!) { updateProject(id: $id, input: {name: %r}) { __typename } }"


async def test_a_query_over_a_socket_is_answered_and_completed(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        assert websocket.subprotocol == PROTOCOL
        answer = await ask(websocket, "{ __typename }")
    assert (answer["id"], answer["type"], answer["payload"]["data"]) == ("1", "next", {"__typename": "Query"})


async def test_a_ping_is_answered(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        await tell(websocket, type="ping")
        assert await hear(websocket) == {"type": "pong"}


async def test_each_operation_of_a_socket_reads_anew(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        made = await ask(websocket, CREATE, name="before")
        project = made["payload"]["data"]["createProject"]["project"]["id"]
        names = []
        for name in ("one", "two"):
            await ask(websocket, RENAME.replace("%r", f'"{name}"'), id=project)
            read = await ask(websocket, "query ($id: ID!) { project(id: $id) { name } }", id=project)
            names.append(read["payload"]["data"]["project"]["name"])
    assert names == ["one", "two"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ projects {", "GRAPHQL_PARSE_FAILED"),
        ("{" + "a " * 100_000 + "}", "OPERATION_TOO_COMPLEX"),
        ('{ a(b: "' + "b" * 3_000_000 + '") }', "OPERATION_TOO_COMPLEX"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { projects(first: $n) { nodes { id } } }", "BAD_USER_INPUT"),
    ],
)
async def test_a_refused_operation_leaves_the_socket_open(server: Server, key: str, query: str, code: str) -> None:  # noqa: PLR0917 -- two fixtures
    async with connected(server.url, key) as websocket:
        answer = await ask(websocket, query)
        errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == [code]
        assert (await ask(websocket, "{ __typename }"))["type"] == "next"


async def test_an_error_of_a_field_is_coded(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        answer = await ask(websocket, "{ projects(first: -1) { nodes { id } } }")
    [error] = answer["payload"]["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["projects"], "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        "1",
        "null",
        '"x"',
        "{}",
        "{",
        '{"type": "unknown"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": {}}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": []}',
        b'{"type": "ping"}',
    ],
)
async def test_a_frame_without_the_protocols_form_closes_the_socket(
    server: Server, key: str, frame: str | bytes
) -> None:
    async with connected(server.url, key) as websocket:
        await websocket.send(frame)
        assert await closed(websocket) == 4400


async def test_an_operation_before_the_handshake_closes_the_socket(server: Server, key: str) -> None:
    async with opened(server.url, key) as websocket:
        await tell(websocket, id="1", type="subscribe", payload={"query": "{ __typename }"})
        assert await closed(websocket) == 4401


async def test_a_message_larger_than_a_body_may_be_closes_the_socket(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        with suppress(ConnectionClosedError):
            await websocket.send(" " * (4 * 1024 * 1024 + 1))
        assert await closed(websocket) == 1009


async def test_a_socket_with_a_bad_key_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with opened(server.url, "mst_made-up"):
            pass
    assert caught.value.response.status_code == 403


@pytest.fixture
def cookie(server: Server) -> str:
    """A session of the shared server."""
    made = server.program.invoke("link")
    token = made.stdout.strip().partition("token=")[2]
    answer = httpx.get(f"{server.url}/sign-in", params={"token": token}, trust_env=False)
    return str(answer.headers["set-cookie"].partition(";")[0])


async def test_a_socket_with_a_session_is_for_pages_of_our_own_origin_only(server: Server, cookie: str) -> None:
    async with opened(server.url, cookie=cookie, origin=server.url) as websocket:
        await tell(websocket, type="connection_init")
        assert await hear(websocket) == {"type": "connection_ack"}
    own = server.url.removeprefix("http://")
    for origin in (None, "https://evil.example", "null", f"http://{own}0", f"https://{own}", f"http://sub.{own}"):
        with pytest.raises(InvalidStatus) as caught:
            async with opened(server.url, cookie=cookie, origin=origin):
                pass
        assert caught.value.response.status_code == 403


class TestInTheSameProcess:
    """Real sockets of an application whose database and settings the test holds in its hands."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"operation_timeout": timedelta(seconds=0.3)})

    @pytest.fixture
    async def url(self, app: Starlette) -> AsyncIterator[str]:
        async with listening(app) as url:
            yield url

    @pytest.fixture
    async def key(self, runtime: Runtime) -> str:
        return await owners_key(runtime)

    async def test_an_unexpected_error_is_masked(self, db: Database, url: str, key: str) -> None:
        async with db.transaction() as tx:
            await tx.fetch_sql("ALTER TABLE project RENAME TO secret_name_of_a_table")
        async with connected(url, key) as websocket:
            answer = await ask(websocket, PROJECTS)
        [error] = answer["payload"]["errors"]
        assert error["message"] == "Something went wrong on the server."
        assert error["extensions"].keys() == {"code", "traceId"}
        assert "relation" not in json.dumps(answer)

    async def test_an_operation_that_takes_too_long_is_ended(self, runtime: Runtime, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            async with runtime.db.transaction() as tx:
                await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
                answer = await ask(websocket, PROJECTS)
            assert answer["type"] == "error"
            assert [(error["message"], error["extensions"]["code"]) for error in answer["payload"]] == [
                ("The operation took longer than 0.3 s.", "SERVICE_UNAVAILABLE")
            ]
            assert (await ask(websocket, PROJECTS))["payload"]["data"] == {"projects": {"nodes": []}}


async def test_a_signal_stops_a_server_that_has_sockets_open(program: Program) -> None:
    with program.serving() as server:
        key = program.run("key", "create", "--name", "x").stdout.strip()
        async with connected(server.url, key):
            assert await asyncio.to_thread(server.stop, signal.SIGTERM) == 0
        assert program.postgres() == []
