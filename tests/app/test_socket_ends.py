"""How sockets end: cut off in the middle, with the server, by its failures; and what is left of them: nothing."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from app.sockets import OpenSockets
from maestro.db.engine import Database
from maestro.postgres.address import Address
from maestro.runtime import Runtime
from tests.app.conftest import Program
from tests.fixtures.graphql import Api, owners_key
from tests.fixtures.raw_sockets import CLOSE, PING, RawSocket, frame, message, raw
from tests.fixtures.sockets import (
    ask,
    at_work,
    connected,
    ended,
    followed,
    hear,
    opened,
    tell,
    until,
    until_nothing_is_left,
)
from tests.schema.metric_texts import new_run

TYPENAME = "{ __typename }"
FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"
METRICS = """
subscription ($id: ID!) { metricAppended(runId: $id) { series { steps values timestampsMs isGap } cursor } }"""
PROJECTS = "{ projects { totalCount } }"
CREATE = 'mutation { createProject(input: {name: "x"}) { __typename } }'
LOCK = "LOCK TABLE project IN ACCESS EXCLUSIVE MODE"
SCHEMA = "{ __schema { types { name description fields { name description } } } }"
QUERIES = 40
SOON_S = 10


@pytest.fixture
async def key(runtime: Runtime) -> str:
    return await owners_key(runtime)


@pytest.fixture
async def run(api: Api) -> str:
    return await new_run(api)


class TestTheClientGoes:
    @pytest.fixture
    async def busy(self, runtime: Runtime, url: str, *, key: str, run: str) -> AsyncIterator[RawSocket]:
        """A socket with subscriptions, and with a query that waits."""
        async with raw(url, key) as socket, runtime.db.transaction() as tx:
            await socket.introduce()
            await socket.subscribe(FOLLOW, "1", id=run)
            await socket.hear()
            await socket.subscribe(METRICS, "2", id=run)
            await socket.hear()
            await tx.fetch_sql(LOCK)
            await socket.subscribe(PROJECTS, "3")
            await until(lambda: at_work().count("socket operation") == 3)
            assert followed(runtime)
            yield socket

    @pytest.mark.parametrize(
        "last",
        [
            b"",
            b"\x81",
            message(type="ping")[:-3],
            frame(b'{"type": ', is_last=False),
            frame(b'{"type": ', is_last=False) + frame(b'"ping"}', 0)[:4],
            frame(b"1234567890" * 10_000)[:-1],
        ],
        ids=["nothing", "one byte", "a cut frame", "a first part", "a cut second part", "a large cut frame"],
    )
    async def test_whoever_breaks_off_leaves_nothing(self, runtime: Runtime, busy: RawSocket, last: bytes) -> None:
        await busy.send(last)
        busy.cut()
        await until(lambda: not at_work() and not followed(runtime))

    @pytest.mark.parametrize(
        "last",
        [
            frame(b"", CLOSE),
            frame((1000).to_bytes(2, "big"), CLOSE),
            frame((4499).to_bytes(2, "big") + b"Terminated", CLOSE),
            frame(b"x", CLOSE),
            frame(b"", 0x3),
            frame(b"", 0x0),
            bytes([0x81, 0x02]) + b"{}",
            frame(b"x" * 200, PING),
            b"GET / HTTP/1.1\r\n\r\n",
        ],
        ids=[
            "a close without a code",
            "a normal close",
            "a terminated one",
            "a close of one byte",
            "an unknown opcode",
            "a part of nothing",
            "a frame without a mask",
            "a long ping",
            "a request of HTTP",
        ],
    )
    async def test_whoever_ends_or_breaks_the_protocol_leaves_nothing(
        self, runtime: Runtime, busy: RawSocket, last: bytes
    ) -> None:
        await busy.send(last)
        await until(lambda: not at_work() and not followed(runtime))

    async def test_statements_end_with_their_socket(self, runtime: Runtime, url: str, key: str) -> None:
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql(LOCK)
            async with raw(url, key) as socket:
                await socket.introduce()
                await socket.subscribe(PROJECTS)
                await until(lambda: "socket operation" in at_work())
                async with asyncio.timeout(SOON_S):
                    while not await waiting(tx):
                        pass
            await until(lambda: not at_work())
            async with asyncio.timeout(SOON_S):
                while await waiting(tx):
                    pass

    async def test_half_of_an_init_is_waited_for_no_longer_than_a_whole_one(self, url: str, key: str) -> None:
        async with raw(url, key) as socket:
            await socket.send(message(type="connection_init")[:-1])
            opcode, content = await socket.hear()
        assert (opcode, int.from_bytes(content[:2], "big")) == (CLOSE, 4408)

    async def test_whoever_goes_before_saying_who_they_are_leaves_nothing(self, url: str, key: str) -> None:
        for _ in range(20):
            async with raw(url, key):
                pass
        await until(lambda: not at_work())


async def waiting(tx: Any) -> bool:
    """Whether somebody waits for a lock."""
    return bool(await tx.fetch_sql("SELECT 1 FROM pg_locks WHERE NOT granted"))


class TestTheServerStops:
    async def test_idle_and_following_sockets_are_closed_with_1012(
        self, app: Starlette, runtime: Runtime, url: str, *, key: str, run: str
    ) -> None:
        sockets: OpenSockets = app.state.sockets
        async with connected(url, key) as idle, opened(url, key) as silent, connected(url, key) as following:
            await tell(following, id="1", type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})
            await hear(following)
            await sockets.drain(timedelta(seconds=30))
            assert [await ended(one) for one in (idle, silent, following)] == [1012] * 3
        await until_nothing_is_left(runtime)

    async def test_what_is_under_way_is_answered_first(
        self, app: Starlette, runtime: Runtime, url: str, *, key: str
    ) -> None:
        async with connected(url, key) as websocket:
            async with runtime.db.transaction() as tx:
                await tx.fetch_sql(LOCK)
                await tell(websocket, id="1", type="subscribe", payload={"query": CREATE})
                await until(lambda: "socket operation" in at_work())
                draining = asyncio.create_task(app.state.sockets.drain(timedelta(seconds=30)))
                await asyncio.sleep(0.1)
                assert not draining.done()
            assert (await hear(websocket))["payload"]["data"] == {"createProject": {"__typename": "ProjectSaved"}}
            assert await ended(websocket) == 1012
            await draining

    async def test_what_takes_too_long_is_not_waited_for(
        self, app: Starlette, runtime: Runtime, url: str, *, key: str
    ) -> None:
        async with connected(url, key) as websocket, runtime.db.transaction() as tx:
            await tx.fetch_sql(LOCK)
            await tell(websocket, id="1", type="subscribe", payload={"query": PROJECTS})
            await until(lambda: "socket operation" in at_work())
            await app.state.sockets.drain(timedelta(seconds=0.1))
            assert await ended(websocket) == 1012

    async def test_no_socket_is_opened_any_more(self, app: Starlette, url: str, key: str) -> None:
        await app.state.sockets.drain(timedelta(seconds=1))
        async with opened(url, key) as websocket:
            assert await ended(websocket) == 1012

    async def test_a_signal_closes_sockets_and_whoever_does_not_read_holds_nothing_up(self, program: Program) -> None:
        with program.serving() as server:
            key = program.run("key", "create", "--name", "x").stdout.strip()
            async with connected(server.url, key) as websocket, raw(server.url, key) as deaf:
                await deaf.introduce()
                for number in range(QUERIES):
                    await deaf.subscribe(SCHEMA, str(number))
                stopping = asyncio.create_task(asyncio.to_thread(server.stop, signal.SIGTERM))
                assert await ended(websocket) == 1012
                assert await stopping == 0


class TestTheDatabaseIsAway:
    """It refuses every connection, and has ended those that were open."""

    async def test_whoever_introduces_themselves_is_closed_with_1013(
        self, runtime: Runtime, postgres: Address, url: str, *, key: str
    ) -> None:
        async with opened(url) as websocket:
            await cut_off(runtime, postgres)
            await tell(websocket, type="connection_init", payload={"Authorization": f"Bearer {key}"})
            assert await ended(websocket) == 1013

    async def test_an_operation_is_an_error_and_the_socket_goes_on(
        self, runtime: Runtime, postgres: Address, url: str, *, key: str
    ) -> None:
        async with connected(url, key) as websocket:
            await cut_off(runtime, postgres)
            runtime.access.forget()
            for _ in range(2):
                answer = await ask(websocket, TYPENAME)
                assert answer["type"] == "error"
                assert answer["payload"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


async def cut_off(runtime: Runtime, postgres: Address) -> None:
    name = runtime.db.url.database
    other = await asyncpg.connect(replace(postgres, database="postgres").url("postgresql"))
    await other.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await other.close()


class TestTheUnexpected:
    """The table of keys has another name, which nobody foresees."""

    @pytest.fixture
    async def strange(
        self, db: Database, runtime: Runtime, *, url: str, key: str
    ) -> AsyncIterator[tuple[ClientConnection, ...]]:
        """A socket of somebody who has said who they are, and one of somebody who has not."""
        async with connected(url, key) as known, opened(url) as unknown:
            async with db.transaction() as tx:
                await tx.fetch_sql("ALTER TABLE api_key RENAME TO secret_name_of_a_table")
            runtime.access.forget()
            yield known, unknown

    async def test_it_closes_the_socket_with_4500_and_is_told_to_the_log_alone(
        self, strange: tuple[ClientConnection, ...], caplog: pytest.LogCaptureFixture
    ) -> None:
        known, unknown = strange
        await tell(known, id="1", type="subscribe", payload={"query": TYPENAME})
        await tell(unknown, type="connection_init", payload={"Authorization": "Bearer mst_x"})
        for websocket in (known, unknown):
            assert await ended(websocket) == 4500
            reason = websocket.close_reason or ""
            assert re.fullmatch(r"Something went wrong on the server, trace id [0-9a-f]{32}\.", reason)
            assert reason[-33:-1] in caplog.text
        await until(lambda: not at_work())
