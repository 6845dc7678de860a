"""Many who follow the same run: it is read once for those who see and may do the same, and for nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from maestro.access import door
from maestro.access.door import TOPIC
from maestro.access.keys import KeySpec
from maestro.events import Event, publish, topic
from maestro.ids import Kind, uuid_of
from maestro.runtime import Runtime
from tests.fixtures.graphql import Api, api_key, browser
from tests.fixtures.registry import new_project, new_run
from tests.fixtures.sockets import connected, hear, tell, until, until_nothing_is_left
from tests.schema.metric_texts import log, metric

FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { status notes } }"
WITH_PROJECT = "subscription ($id: ID!) { runUpdated(id: $id) { status project { viewerPermissions } } }"
POINTS = "subscription ($id: ID!) { metricAppended(runId: $id) { run { notes } series { steps } } }"
NOTE = "mutation ($id: ID!, $notes: String!) { updateRun(id: $id, input: {notes: $notes}) { __typename } }"


@pytest.fixture
async def run(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    # Credentials that are looked up again in the middle of a test would be counted.
    monkeypatch.setattr(door, "KNOWN_FOR_S", 60.0)
    return await new_run(api, await new_project(api))


async def key_of(api: Api, name: str, **given: Any) -> str:
    spec = KeySpec(organization_id=api.viewer.organization_id, user_id=api.viewer.actor_id, name=name, **given)
    return await api_key(api.runtime, spec)


@asynccontextmanager
async def following(
    url: str, keys: Sequence[str], run: str, *, query: str = FOLLOW
) -> AsyncIterator[list[ClientConnection]]:
    """A socket for each key that has heard the present state."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(url, key)) for key in keys]
        for socket in sockets:
            await tell(socket, id="1", type="subscribe", payload={"query": query, "variables": {"id": run}})
            assert (await hear(socket))["type"] == "next"
        yield sockets


async def told(sockets: Sequence[ClientConnection]) -> list[Any]:
    return [message["payload"] for message in await asyncio.gather(*map(hear, sockets))]


async def settled(runtime: Runtime) -> None:
    """Wait until what follows has read how things were when it began."""
    await until(lambda: bool(len(runtime.channels)))
    await until(lambda: all(channel.last is not None for channel in runtime.channels._open.values()))


async def changed(runtime: Runtime, run: str) -> None:
    async with runtime.db.transaction() as tx:
        await publish(tx, [Event(topic(Kind.Run, uuid_of(Kind.Run, run)))])


async def test_what_a_change_costs_does_not_grow_with_those_who_follow(
    api: Api, runtime: Runtime, *, url: str, run: str
) -> None:
    key, statements = await key_of(api, "one"), []
    for count in (1, 40):
        async with following(url, [key] * count, run) as sockets:
            await settled(runtime)
            before = runtime.db.statements_run
            await changed(runtime, run)
            assert await told(sockets) == [{"data": {"runUpdated": {"status": "RUNNING", "notes": ""}}}] * count
            statements.append(runtime.db.statements_run - before)
        await until_nothing_is_left(runtime)

    # One that tells of the change, and one that reads the run.
    assert statements == [2, 2]
    assert len(runtime.channels) == 0


async def test_each_change_is_told_once_over_both_transports(api: Api, runtime: Runtime, *, url: str, run: str) -> None:
    key = await key_of(api, "one")
    async with following(url, [key] * 3, run) as sockets, httpx.AsyncClient(base_url=url) as client:
        headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
        body = {"query": FOLLOW, "variables": {"id": run}}
        async with client.stream("POST", "/graphql", json=body, headers=headers) as response:
            lines = (line async for line in response.aiter_lines() if line.startswith("data: {"))
            heard = [json.loads((await anext(lines))[6:])]
            await settled(runtime)
            assert len(runtime.channels) == 1
            for notes in ("a", "b"):
                await api(NOTE, id=run, notes=notes)
                heard.append(json.loads((await anext(lines))[6:]))
                expected = {"data": {"runUpdated": {"status": "RUNNING", "notes": notes}}}
                assert await told(sockets) == [expected] * 3

    assert [one["data"]["runUpdated"]["notes"] for one in heard] == ["", "a", "b"]


async def test_those_with_other_rights_share_nothing(api: Api, runtime: Runtime, *, url: str, run: str) -> None:
    wide = await key_of(api, "wide")
    narrow = await key_of(api, "narrow", scopes=("experiment:read", "project:read"))
    async with following(url, [wide, narrow, wide, narrow], run, query=WITH_PROJECT) as sockets:
        await settled(runtime)
        assert len(runtime.channels) == 2
        await api(NOTE, id=run, notes="x")
        first, second, third, fourth = await told(sockets)

    assert (first, second) == (third, fourth)
    assert second["data"]["runUpdated"]["project"]["viewerPermissions"] == ["PROJECT_READ", "EXPERIMENT_READ"]
    assert len(first["data"]["runUpdated"]["project"]["viewerPermissions"]) > 2


async def test_who_is_out_hears_nothing_of_what_others_are_told(
    api: Api, runtime: Runtime, *, url: str, run: str
) -> None:
    keys = [await key_of(api, "stays"), await key_of(api, "goes")]
    async with following(url, keys, run) as (stays, goes):
        await settled(runtime)
        assert len(runtime.channels) == 1
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql("UPDATE api_key SET revoked_at = now() WHERE name = 'goes'")
            await publish(tx, [Event(TOPIC)])
        await api(NOTE, id=run, notes="secret")
        (heard,) = await told([stays])
        refused = await hear(goes)

    assert heard["data"]["runUpdated"]["notes"] == "secret"
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_whose_rights_change_is_told_by_the_new_ones_from_then_on(
    api: Api, runtime: Runtime, *, url: str, run: str
) -> None:
    key = await key_of(api, "one")
    async with following(url, [key, key], run, query=WITH_PROJECT) as sockets:
        await settled(runtime)
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql("UPDATE membership SET role = 'VIEWER'")
            await publish(tx, [Event(TOPIC)])
        seen = []
        for notes in ("x", "y"):
            await api(NOTE, id=run, notes=notes)
            answers = await told(sockets)
            assert answers[0] == answers[1]
            seen.append(answers[0]["data"]["runUpdated"]["project"]["viewerPermissions"])
        assert len(runtime.channels) == 1

    assert seen[0] == seen[1]
    assert "EXPERIMENT_WRITE" not in seen[0]


async def test_an_end_is_told_to_each_under_a_trace_id_of_their_own(
    api: Api, runtime: Runtime, *, url: str, run: str
) -> None:
    key = await key_of(api, "one")
    async with following(url, [key, key], run) as sockets:
        await settled(runtime)
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql("DELETE FROM run WHERE id = $1", uuid_of(Kind.Run, run))
        await changed(runtime, run)
        (one,), (other,) = await told(sockets)

    assert one["extensions"].pop("traceId") != other["extensions"].pop("traceId")
    assert one == other
    assert one["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("query", "waiting"), [(FOLLOW, 1), (POINTS, 20)], ids=["shared", "alone"])
async def test_a_mutation_gets_through_while_all_who_follow_wait_for_their_turn(
    api: Api, runtime: Runtime, *, url: str, run: str, query: str, waiting: int
) -> None:
    key, turns = await key_of(api, "one"), runtime.db.turns
    async with following(url, [key] * 20, run, query=query) as sockets:
        async with AsyncExitStack() as taken:
            while not turns.locked():
                await taken.enter_async_context(turns)
            await log(api, run, 0, metric([1]))
            await until(lambda: len(turns._waiters or ()) == waiting)
            async with asyncio.timeout(10):
                await api(NOTE, id=run, notes="while they wait")
        (root,) = {next(iter(one["data"])) for one in await told(sockets)}

    assert root == ("runUpdated" if query == FOLLOW else "metricAppended")


async def test_a_credential_is_looked_up_once_for_all_who_show_it_at_a_time(
    api: Api, runtime: Runtime, app: Any
) -> None:
    key = await key_of(api, "one")
    async with browser(app, authorization=f"Bearer {key}") as client:
        await client.post("/graphql", json={"query": "{ __typename }"})
        runtime.access.forget()
        before = runtime.db.statements_run
        await asyncio.gather(*(client.post("/graphql", json={"query": "{ __typename }"}) for _ in range(20)))
        assert runtime.db.statements_run - before == 1
