"""Subscriptions by GraphQL, fed through PostgreSQL by other processes too."""

import asyncio
from contextlib import aclosing

import pytest
from strawberry.types import ExecutionResult

from schema import schema
from tests.fixtures.following import following
from tests.fixtures.graphql import Api
from tests.schema.metric_texts import FINISH, log, metric, new_run

RUN = "subscription ($id: ID!) { runUpdated(id: $id) { status tags { key value } series { name count } } }"
RENAME = 'mutation ($id: ID!) { updateProject(id: $id, input: {name: "After"}) { __typename } }'
METRICS = """
subscription ($id: ID!, $keys: [String!]) {
  metricAppended(runId: $id, keys: $keys) {
    run { id }
    series { series { name count } steps values timestampsMs isGap }
  }
}"""


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


async def test_an_event_tells_no_cost_since_none_was_charged_for_it(api: Api) -> None:
    run = await new_run(api)
    stream = await schema.subscribe(RUN, variable_values={"id": run}, context_value=api.context())
    async with aclosing(stream) as events:
        told = []
        for number in range(2):
            event = await asyncio.wait_for(anext(events), 10)
            assert isinstance(event, ExecutionResult)
            told.append(event.extensions or {})
            await log(api, run, number, metric([number]))
    assert told == [{}, {}]


async def test_many_changes_at_once_are_told_as_one(api: Api) -> None:
    run = await new_run(api)

    async with following(api, RUN, id=run) as events:
        await anext(events)
        await asyncio.gather(*(log(api, run, i, metric([i])) for i in range(20)))
        told_counts = [(await anext(events))["runUpdated"]["series"][0]["count"]]
        while told_counts[-1] < 20:
            told_counts.append((await anext(events))["runUpdated"]["series"][0]["count"])

    assert len(told_counts) < 10


async def test_what_an_event_tells_of_its_surroundings_is_read_anew(api: Api) -> None:
    run = await new_run(api, "Before")
    query = "subscription ($id: ID!) { runUpdated(id: $id) { project { id name experiments { totalCount } } } }"

    async with following(api, query, id=run) as events:
        first = (await anext(events))["runUpdated"]["project"]
        await api(
            'mutation ($id: ID!) { updateProject(id: $id, input: {name: "After"}) { __typename } }', id=first["id"]
        )
        await log(api, run, 0, metric([0]))
        second = (await anext(events))["runUpdated"]["project"]

    assert (first["name"], second["name"]) == ("Before", "After")


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
