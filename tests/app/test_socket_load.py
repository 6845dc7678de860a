"""Sockets whose clients do not read, and one that has much to do: what the server keeps for them is bounded."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from app.sockets import transport
from maestro.runtime import Runtime
from tests.fixtures.graphql import Api, owners_key, with_settings
from tests.fixtures.raw_sockets import PING, RawSocket, frame, message, raw
from tests.fixtures.sockets import (
    Connections,
    ask,
    at_work,
    connected,
    until,
    until_nothing_is_left,
)
from tests.schema.metric_texts import log, metric, new_run

TYPENAME = "{ __typename }"
METRICS = """
subscription ($id: ID!) { metricAppended(runId: $id) { series { steps values timestampsMs isGap } cursor } }"""
LARGE = "query ($id: ID!) { run(id: $id) { series { points(first: 10000) { step time value } } } }"
QUERIES = 40
ANSWER_BYTES = 1024 * 1024
UNLIMITED: dict[str, Any] = {"rate_limit_requests": "off", "rate_limit_cost": "off"}


@pytest.fixture
async def key(runtime: Runtime) -> str:
    return await owners_key(runtime)


@pytest.fixture
async def run(api: Api) -> str:
    return await new_run(api)


class TestTheClientDoesNotRead:
    @pytest.fixture
    def changed(self) -> dict[str, Any]:
        return UNLIMITED | {"socket_send_timeout": timedelta(seconds=2)}

    @pytest.fixture
    async def deaf(
        self, api: Api, url: str, *, key: str, run: str, connections: Connections
    ) -> AsyncIterator[RawSocket]:
        """A socket whose client asks for more than fits between it and the server, and reads nothing."""
        await log(api, run, 0, metric(range(10_000), [step / 3 for step in range(10_000)], key="long"))
        async with raw(url, key) as peer:
            await peer.introduce()
            for number in range(QUERIES):
                await peer.subscribe(LARGE, str(number), id=run)
            await until(lambda: connections.are_full)
            yield peer

    async def test_the_socket_is_closed_with_1013_and_nothing_is_left(
        self, runtime: Runtime, deaf: RawSocket, connections: Connections
    ) -> None:
        await until(lambda: not at_work())
        assert await deaf.closed() == 1013
        await until(lambda: not connections.are_open)
        await until_nothing_is_left(runtime)

    @with_settings(**UNLIMITED)
    async def test_nothing_is_lost_for_who_reads_again_in_time(self, deaf: RawSocket) -> None:
        heard = [json.loads((await deaf.hear())[1]) for _ in range(2 * QUERIES)]
        answered = [one["id"] for one in heard if one["type"] == "next" and one["payload"]["data"]["run"]["series"]]
        completed = [one["id"] for one in heard if one["type"] == "complete"]
        assert sorted(answered, key=int) == [str(number) for number in range(QUERIES)]
        assert answered == completed

    @with_settings(**UNLIMITED)
    async def test_a_subscription_waits_and_tells_all_then(self, api: Api, deaf: RawSocket, run: str) -> None:
        await deaf.subscribe(METRICS, "news", id=run)
        await until(lambda: "following" in at_work())
        for step in range(30):
            await log(api, run, 1 + step, metric([step]))
        steps: list[int] = []
        while len(steps) < 30:
            heard = json.loads((await deaf.hear())[1])
            if heard["id"] == "news":
                for one in heard["payload"]["data"]["metricAppended"]["series"]:
                    assert not one["isGap"]
                    steps += one["steps"]
        assert steps == list(range(30))

    async def test_whoever_never_reads_is_cut_off(
        self, deaf: RawSocket, connections: Connections, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "CLOSE_S", 0.2)
        await until(lambda: not connections.are_open)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await deaf.closed()

    async def test_pings_without_end_are_answered_no_faster_than_they_are_read(
        self, deaf: RawSocket, connections: Connections
    ) -> None:
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(1):
                while True:
                    await deaf.send(frame(b"x" * 125, PING) * 100 + message(type="ping", payload={"x": "y" * 60_000}))
        assert connections.bytes_kept < 2 * ANSWER_BYTES


@with_settings(**UNLIMITED, socket_ping_interval=timedelta(hours=1))
async def test_ten_thousand_operations_leave_nothing_behind(runtime: Runtime, url: str, key: str) -> None:
    async with connected(url, key) as websocket:
        await ask_often(websocket, 500)
        before = objects()
        await ask_often(websocket, 10_000)
        assert objects() - before < 500
        assert sorted(at_work()) == ["socket listening", "socket watching"]
    await until_nothing_is_left(runtime)


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


async def ask_often(websocket: ClientConnection, times: int) -> None:
    for _ in range(times):
        assert (await ask(websocket, TYPENAME))["type"] == "next"
