"""Operations on sockets: their ids, how many there may be, and what comes of them; and how many sockets."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from maestro.runtime import Runtime
from tests.fixtures.graphql import Api, owners_key, with_settings
from tests.fixtures.registry import new_project, new_run
from tests.fixtures.sockets import (
    ask,
    closed,
    connected,
    hear,
    opened,
    tell,
)
from tests.fixtures.tracking import finish

TYPENAME = "{ __typename }"
FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"


@pytest.fixture
async def key(runtime: Runtime) -> str:
    return await owners_key(runtime)


@pytest.fixture
async def run(api: Api) -> str:
    return await new_run(api, await new_project(api))


async def follow(websocket: ClientConnection, run: str, *, under: str = "1") -> None:
    """Subscribe to a run and hear its present state."""
    await tell(websocket, id=under, type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})
    heard = await hear(websocket)
    assert (heard["id"], heard["type"]) == (under, "next")


class TestOperations:
    async def test_an_id_that_is_in_use_is_closed_with_4409(self, url: str, key: str, run: str) -> None:
        async with connected(url, key) as websocket:
            await follow(websocket, run)
            await tell(websocket, id="1", type="subscribe", payload={"query": TYPENAME})
            with pytest.raises(ConnectionClosedError) as caught:
                await websocket.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4409, "Subscriber for 1 already exists")

    async def test_a_long_id_is_cut_in_the_reason(self, url: str, key: str, run: str) -> None:
        async with connected(url, key) as websocket:
            await follow(websocket, run, under="é" * 1_000)
            await tell(websocket, id="é" * 1_000, type="subscribe", payload={"query": TYPENAME})
            assert await closed(websocket) == 4409

    async def test_an_id_may_be_used_again_once_its_operation_is_complete(self, url: str, key: str, run: str) -> None:
        async with connected(url, key) as websocket:
            for _ in range(3):
                assert (await ask(websocket, TYPENAME))["type"] == "next"
            for _ in range(3):
                await follow(websocket, run)
                await tell(websocket, id="1", type="complete")
            assert (await ask(websocket, "{ nothing }"))["type"] == "error"
            assert (await ask(websocket, TYPENAME))["type"] == "next"

    async def test_a_complete_for_an_id_that_nobody_knows_is_ignored(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, id="unknown", type="complete")
            assert (await ask(websocket, TYPENAME))["type"] == "next"

    async def test_nothing_comes_of_an_operation_after_its_complete(
        self, api: Api, url: str, key: str, *, run: str
    ) -> None:
        async with connected(url, key) as websocket:
            await follow(websocket, run)
            await tell(websocket, id="1", type="complete")
            await tell(websocket, type="ping")
            assert await hear(websocket) == {"type": "pong"}
            await finish(api, run)
            assert (await ask(websocket, TYPENAME))["payload"]["data"] == {"__typename": "Query"}

    async def test_a_query_that_was_completed_is_not_answered(self, runtime: Runtime, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            async with runtime.db.transaction() as tx:
                await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
                query = {"query": "{ projects { totalCount } }"}
                await tell(websocket, id="slow", type="subscribe", payload=query)
                await tell(websocket, id="slow", type="complete")
            assert (await ask(websocket, TYPENAME))["id"] == "1"

    async def test_operations_run_side_by_side(self, api: Api, url: str, key: str, *, run: str) -> None:
        async with connected(url, key) as websocket:
            for name in "abc":
                await follow(websocket, run, under=name)
            assert (await ask(websocket, TYPENAME))["type"] == "next"
            await finish(api, run)
            heard = {(await hear(websocket))["id"] for _ in range(3)}
        assert heard == set("abc")

    @with_settings(max_socket_operations=2)
    async def test_more_operations_than_allowed_are_refused_and_the_socket_goes_on(
        self, url: str, key: str, run: str
    ) -> None:
        async with connected(url, key) as websocket:
            for name in "ab":
                await follow(websocket, run, under=name)
            await tell(websocket, id="c", type="subscribe", payload={"query": TYPENAME})
            refused = await hear(websocket)
            [error] = refused["payload"]
            assert (refused["id"], refused["type"]) == ("c", "error")
            assert error["extensions"]["code"] == "RATE_LIMITED"
            assert (error["extensions"]["bucket"], error["extensions"]["limit"]) == ("socket-operations", 2)
            await tell(websocket, id="a", type="complete")
            assert (await ask(websocket, TYPENAME))["type"] == "next"

    @pytest.mark.parametrize(
        "payload",
        [
            {"documentId": "sha256:00"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}},
        ],
        ids=["documentId", "persistedQuery"],
    )
    async def test_a_document_that_is_not_to_be_had_is_an_error_of_its_operation(
        self, url: str, key: str, payload: dict[str, Any]
    ) -> None:
        async with connected(url, key) as websocket:
            await tell(websocket, id="1", type="subscribe", payload=payload)
            refused = await hear(websocket)
            assert (refused["id"], refused["type"]) == ("1", "error")
            assert refused["payload"][0]["extensions"]["code"]
            assert (await ask(websocket, TYPENAME))["type"] == "next"

    async def test_an_answer_has_its_cost(self, url: str, key: str) -> None:
        async with connected(url, key) as websocket:
            answer = await ask(websocket, "{ projects(first: 3) { nodes { id } } }")
        assert answer["payload"]["extensions"]["cost"]["requested"] > 1

    async def test_a_mutation_runs_once_and_a_query_after_it_sees_it(self, url: str, key: str) -> None:
        create = 'mutation { createProject(input: {name: "x"}) { __typename } }'
        async with connected(url, key) as websocket:
            await ask(websocket, create)
            answer = await ask(websocket, "{ projects { totalCount } }")
        assert answer["payload"]["data"] == {"projects": {"totalCount": 1}}


class TestHowManySockets:
    @with_settings(max_sockets_per_viewer=2)
    async def test_more_of_a_viewer_are_closed_with_1013_until_one_has_ended(self, url: str, key: str) -> None:
        async with connected(url, key):
            async with connected(url, key), opened(url, key) as third:
                await tell(third, type="connection_init")
                assert await closed(third) == 1013
            async with asyncio.timeout(5):
                while not await is_admitted(url, key):
                    pass

    @with_settings(max_sockets=3)
    async def test_more_than_the_server_has_room_for_are_closed_with_1013(self, url: str, key: str) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(connected(url, key))
            async with opened(url, key) as another:
                assert await closed(another) == 1013
        async with asyncio.timeout(5):
            while not await is_admitted(url, key):
                pass


async def is_admitted(url: str, key: str) -> bool:
    async with opened(url, key) as websocket:
        try:
            await tell(websocket, type="connection_init")
            return await hear(websocket) == {"type": "connection_ack"}
        except ConnectionClosedError:
            return False
