"""Streams of answers over HTTP as they stand in the response: server-sent events, and parts of a multipart body."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from maestro.db.engine import Database
from maestro.events import topic
from maestro.ids import Kind, uuid_of
from maestro.rate_limits import RateLimiter
from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.fixtures.graphql import Api, owners_key
from tests.fixtures.hearing import caught_up
from tests.fixtures.locks import until
from tests.fixtures.sockets import listening
from tests.schema.metric_texts import FINISH, new_run

EVENTS = "text/event-stream"
PARTS = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0"
FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status } }"
PROJECTS = "{ projects { nodes { id } } }"
CREATE = 'mutation { createProject(input: {name: "x"}) { __typename } }'


@pytest.fixture
def changes() -> dict[str, object]:
    """What a test changes of the settings."""
    return {}


@pytest.fixture
def settings(settings: Settings, changes: dict[str, object]) -> Settings:
    return settings.model_copy(update=changes)


def with_settings(**changes: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("changes", [changes], ids=" ".join)


@pytest.fixture
async def over(app: Starlette, runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The owner over a real connection, which alone can be read while it is written."""
    headers = {"authorization": f"Bearer {await owners_key(runtime)}"}
    async with listening(app) as url, httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        yield client


@asynccontextmanager
async def streaming(
    client: httpx.AsyncClient, query: str, accept: str = EVENTS, **variables: Any
) -> AsyncIterator[httpx.Response]:
    """A response that is being read."""
    content = {"query": query, "variables": variables}
    async with client.stream("POST", "/graphql", json=content, headers={"accept": accept}) as response:
        yield response


class Reader:
    """Reads a stream up to a mark, again and again; a silence of ten seconds fails the test."""

    def __init__(self, response: httpx.Response, mark: str) -> None:
        self.chunks = response.aiter_text()
        self.mark = mark
        self.read = ""

    async def next(self) -> str:
        while self.mark not in self.read:
            self.read += await asyncio.wait_for(anext(self.chunks), 10)
        found, _, self.read = self.read.partition(self.mark)
        return found

    async def event(self) -> str:
        """The next event, signs of life left out."""
        while (found := await self.next()) == ":":
            pass
        return found


async def whole(client: httpx.AsyncClient, query: str, accept: str = EVENTS, **variables: Any) -> httpx.Response:
    async with streaming(client, query, accept, **variables) as response:
        await response.aread()
    return response


async def test_a_subscription_is_told_by_events_with_lines_that_end_in_lf(
    over: httpx.AsyncClient, api: Api, runtime: Runtime
) -> None:
    run = await new_run(api)
    await caught_up(runtime.events, runtime.db)
    async with streaming(over, FOLLOW, id=run) as response:
        assert response.headers["content-type"] == EVENTS
        assert response.headers["cache-control"] == "no-store"
        reader = Reader(response, "\n\n")
        first = await reader.event()
        await api(FINISH, id=run)
        told = [json.loads(event.removeprefix("event: next\ndata: ")) for event in (first, await reader.event())]
    assert [event["data"]["runUpdated"]["status"] for event in told] == ["RUNNING", "FINISHED"]


@pytest.mark.parametrize("query", [PROJECTS, CREATE])
async def test_a_query_or_a_mutation_is_one_event_and_its_end_where_events_are_preferred(
    over: httpx.AsyncClient, query: str
) -> None:
    response = await whole(over, query, "text/event-stream, application/json;q=0.9")
    start, event, complete, rest = response.text.split("\n\n")
    assert (start, complete, rest) == (":", "event: complete\ndata: ", "")
    assert event.startswith('event: next\ndata: {"data":{')
    assert "\r" not in response.text


async def test_a_client_that_can_read_events_too_is_answered_in_json(over: httpx.AsyncClient) -> None:
    response = await whole(over, PROJECTS, "application/json, text/event-stream")
    assert (response.headers["content-type"], response.json()["data"]) == (
        "application/json",
        {"projects": {"nodes": []}},
    )


async def test_a_subscription_is_streamed_to_who_can_read_events_only_second_best(
    over: httpx.AsyncClient, api: Api
) -> None:
    async with streaming(over, FOLLOW, "application/json, text/event-stream", id=await new_run(api)) as response:
        assert response.headers["content-type"] == EVENTS


async def test_a_subscription_may_come_by_get_and_a_mutation_may_not(over: httpx.AsyncClient, api: Api) -> None:
    params = {"query": FOLLOW, "variables": json.dumps({"id": await new_run(api)})}
    async with over.stream("GET", "/graphql", params=params, headers={"accept": EVENTS}) as response:
        assert (await Reader(response, "\n\n").event()).startswith("event: next")
    refused = await over.get("/graphql", params={"query": CREATE}, headers={"accept": EVENTS})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (FOLLOW, "BAD_USER_INPUT"),
        (f'subscription {{ runUpdated(id: "run_{"0" * 32}") {{ id }} }}', "NOT_FOUND"),
    ],
)
async def test_an_operation_that_fails_is_told_by_an_event_and_ends(
    over: httpx.AsyncClient, query: str, code: str
) -> None:
    response = await whole(over, query)
    _, event, complete, _ = response.text.split("\n\n")
    assert response.status_code == 200
    assert json.loads(event.removeprefix("event: next\ndata: "))["errors"][0]["extensions"]["code"] == code
    assert complete == "event: complete\ndata: "


@pytest.mark.parametrize("accept", [EVENTS, PARTS])
async def test_a_request_without_a_document_is_no_stream(over: httpx.AsyncClient, accept: str) -> None:
    response = await whole(over, "", accept)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@with_settings(rate_limit_requests="1/hour")
async def test_a_limit_is_told_by_the_status(over: httpx.AsyncClient, api: Api) -> None:
    run = await new_run(Api(replace(api.runtime, limiter=RateLimiter()), api.viewer))
    async with streaming(over, FOLLOW, id=run) as response:
        assert response.headers["ratelimit"].startswith('"requests";r=0;')
    refused = await whole(over, FOLLOW, id=run)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert "retry-after" in refused.headers


@with_settings(stream_heartbeat=timedelta(seconds=0.05))
async def test_a_silent_stream_shows_that_it_is_alive(over: httpx.AsyncClient, api: Api) -> None:
    run = await new_run(api)
    async with streaming(over, FOLLOW, id=run) as response:
        reader = Reader(response, "\n\n")
        await reader.event()
        assert [await reader.next() for _ in range(2)] == [":", ":"]
    async with streaming(over, FOLLOW, PARTS, id=run) as response:
        reader = Reader(response, "\r\n---")
        assert await reader.next() == ""
        assert "payload" in await reader.next()
        assert (await reader.next()).endswith("\r\n\r\n{}")


async def test_parts_end_at_their_boundary_as_soon_as_they_are_made(
    over: httpx.AsyncClient, api: Api, runtime: Runtime
) -> None:
    run = await new_run(api)
    await caught_up(runtime.events, runtime.db)
    async with streaming(over, FOLLOW, PARTS, id=run) as response:
        assert response.headers["content-type"] == 'multipart/mixed; boundary="-"; subscriptionSpec="1.0"'
        reader = Reader(response, "\r\n---")
        assert await reader.next() == ""
        first = await reader.next()
        await api(FINISH, id=run)
        parts = [part.partition("\r\n\r\n") for part in (first, await reader.next())]
    assert [head for head, _, _ in parts] == ["\r\ncontent-type: application/json"] * 2
    assert [json.loads(body)["payload"]["data"]["runUpdated"]["status"] for _, _, body in parts] == [
        "RUNNING",
        "FINISHED",
    ]


async def test_a_query_is_one_part_to_who_takes_nothing_else(over: httpx.AsyncClient) -> None:
    response = await whole(over, "{ __typename }", PARTS)
    begin, part, end = response.text.split("\r\n---")
    assert (begin, end) == ("", "--\r\n")
    assert json.loads(part.partition("\r\n\r\n")[2])["payload"]["data"] == {"__typename": "Query"}


async def test_a_subscription_ends_when_its_client_goes(over: httpx.AsyncClient, api: Api, runtime: Runtime) -> None:
    run = await new_run(api)
    name = topic(Kind.Run, uuid_of(Kind.Run, run))
    async with streaming(over, FOLLOW, id=run) as response:
        await Reader(response, "\n\n").event()
        assert name in runtime.events._queues
    async with asyncio.timeout(5):
        while name in runtime.events._queues:  # noqa: ASYNC110 -- nobody tells that nobody listens any more
            await asyncio.sleep(0.01)


async def test_a_streamed_query_is_cancelled_with_its_sql_when_its_client_goes(
    over: httpx.AsyncClient, db: Database
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        async with streaming(over, PROJECTS):
            await until(tx, waiting=1)
        await until(tx, waiting=0)


async def test_streams_end_when_the_server_stops_so_that_clients_connect_again(
    app: Starlette, over: httpx.AsyncClient, api: Api
) -> None:
    run = await new_run(api)
    async with streaming(over, FOLLOW, id=run) as events, streaming(over, FOLLOW, PARTS, id=run) as parts:
        readers = [Reader(events, "\n\n"), Reader(parts, '"RUNNING"}}}}')]
        await readers[0].event()
        await readers[1].next()
        app.state.stopping.set()
        ends = ["".join([one async for one in reader.chunks]) for reader in readers]
    assert "complete" not in ends[0]
    assert (
        '{"payload":null,"errors":[{"message":"The server stops.","extensions":{"code":"SERVICE_UNAVAILABLE"}}]}'
        in ends[1]
    )
    assert ends[1].endswith("\r\n-----\r\n")
