"""Subscriptions by GraphQL, fed through PostgreSQL by other processes too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from app.answers import told
from maestro.db.engine import Database
from maestro.events import Events
from schema import schema
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import caught_up
from tests.schema.metric_texts import FINISH, log, metric, new_run

RUN = "subscription ($id: ID!) { runUpdated(id: $id) { status tags { key value } series { name count } } }"
METRICS = """
subscription ($id: ID!, $keys: [String!]) {
  metricAppended(runId: $id, keys: $keys) {
    run { id }
    series { series { name count } steps values timestampsMs isGap }
  }
}"""


@asynccontextmanager
async def following(api: Api, query: str, **variables: Any) -> AsyncIterator[AsyncIterator[Any]]:
    """Subscribe to what happens from now on; an event that does not come in ten seconds fails the test."""
    await caught_up(api.runtime.events, api.runtime.db)
    results: Any = await schema.subscribe(query, context_value=api.context(), variable_values=variables)

    async def events() -> AsyncIterator[Any]:
        while True:
            async with asyncio.timeout(10):
                result = await anext(results)
            yield result.data if not result.errors else [told(error) for error in result.errors]

    try:
        yield events()
    finally:
        await results.aclose()


@pytest.fixture
async def elsewhere(api: Api, database_url: str) -> AsyncIterator[Api]:
    """The same owner at another server process: a pool and an ear of its own on the same database."""
    db = Database(database_url, pool_size=2)
    events = Events(db)
    await events.start()
    yield Api(replace(api.runtime, db=db, events=events), api.viewer)
    await events.stop()
    await db.close()


async def test_a_run_is_told_as_it_is_and_then_after_each_change(api: Api) -> None:
    run = await new_run(api)

    async with following(api, RUN, id=run) as events:
        first = await anext(events)
        await log(api, run, 0, metric([0]), tags=[{"key": "a", "value": "b"}])
        second = await anext(events)
        await api(FINISH, id=run)
        third = await anext(events)

    assert first["runUpdated"] == {"status": "RUNNING", "tags": [], "series": []}
    assert second["runUpdated"] == {
        "status": "RUNNING",
        "tags": [{"key": "a", "value": "b"}],
        "series": [{"name": "loss", "count": 1}],
    }
    assert third["runUpdated"]["status"] == "FINISHED"


async def test_many_changes_at_once_are_told_as_one(api: Api) -> None:
    run = await new_run(api)

    async with following(api, RUN, id=run) as events:
        await anext(events)
        await asyncio.gather(*(log(api, run, i, metric([i])) for i in range(20)))
        told_counts = [(await anext(events))["runUpdated"]["series"][0]["count"]]
        while told_counts[-1] < 20:
            told_counts.append((await anext(events))["runUpdated"]["series"][0]["count"])

    assert len(told_counts) < 10


async def test_the_first_event_tells_that_nothing_is_missed_from_then_on(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))

    async with following(api, METRICS, id=run) as events:
        first = await anext(events)

    assert first["metricAppended"] == {"run": {"id": run}, "series": []}


async def test_points_are_told_as_they_are_appended(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0], [9.0]))

    async with following(api, METRICS, id=run) as events:
        await anext(events)
        await log(api, run, 1, metric([1, 2], [0.5, "NaN"], timestampsMs=[1_700_000_000_000, 1_700_000_000_001]))
        first = await anext(events)
        await log(api, run, 2, metric([7], [1.0], key="other"))
        second = await anext(events)

    assert first["metricAppended"] == {
        "run": {"id": run},
        "series": [
            {
                "series": {"name": "loss", "count": 3},
                "steps": [1, 2],
                "values": [0.5, None],
                "timestampsMs": [1_700_000_000_000, 1_700_000_000_001],
                "isGap": False,
            }
        ],
    }
    assert [(one["series"]["name"], one["steps"]) for one in second["metricAppended"]["series"]] == [("other", [7])]


async def test_only_the_metrics_that_were_asked_for_are_told(api: Api) -> None:
    run = await new_run(api)

    async with following(api, METRICS, id=run, keys=["loss"]) as events:
        await anext(events)
        await log(api, run, 0, metric([0], key="other"))
        await log(api, run, 1, metric([0]))
        told_first = await anext(events)

    assert [one["series"]["name"] for one in told_first["metricAppended"]["series"]] == ["loss"]


async def test_points_among_earlier_ones_are_told_as_a_gap(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0, 10]))

    async with following(api, METRICS, id=run) as events:
        await anext(events)
        await log(api, run, 1, metric([5]))
        (one,) = (await anext(events))["metricAppended"]["series"]

    assert (one["steps"], one["isGap"], one["series"]["count"]) == ([], True, 3)


async def test_of_very_many_points_the_extremes_and_the_last_are_sent(api: Api) -> None:
    run = await new_run(api)
    values = [float(i % 97) for i in range(9_000)]
    values[4_321], values[7_654] = -5.0, 500.0

    async with following(api, METRICS, id=run) as events:
        await anext(events)
        await log(api, run, 0, metric(range(9_000), values))
        (one,) = (await anext(events))["metricAppended"]["series"]

    sent = dict(zip(one["steps"], one["values"], strict=True))
    assert one["isGap"]
    assert len(sent) <= 2_000
    assert (sent[4_321], sent[7_654], sent[8_999]) == (-5.0, 500.0, values[8_999])


async def test_servers_hear_of_each_others_changes(api: Api, elsewhere: Api) -> None:
    run = await new_run(api)

    async with following(elsewhere, METRICS, id=run) as events, following(elsewhere, RUN, id=run) as states:
        await anext(states)
        await anext(events)
        await log(api, run, 0, metric([3]))
        (one,) = (await anext(events))["metricAppended"]["series"]
        state = await anext(states)

    assert one["steps"] == [3]
    assert state["runUpdated"]["series"] == [{"name": "loss", "count": 1}]


@pytest.mark.parametrize("query", [RUN, METRICS], ids=["runUpdated", "metricAppended"])
async def test_a_stranger_is_told_of_no_run(api: Api, foreign: Api, query: str) -> None:
    run = await new_run(api)

    async with following(foreign, query, id=run) as events:
        (error,) = await anext(events)

    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_nothing_is_left_behind_when_a_subscriber_leaves(api: Api) -> None:
    run = await new_run(api)
    before = set(api.runtime.events._queues)

    async with following(api, RUN, id=run) as events:
        await anext(events)

    assert set(api.runtime.events._queues) == before
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "following"]
