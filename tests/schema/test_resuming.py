"""A subscription to metrics that goes on where an earlier one has stopped: nothing twice, nothing left out."""

import asyncio
import base64
from collections import defaultdict
from typing import Any

import pytest

import resolvers.following
from resolvers.resuming import LONGEST, MOST_SERIES
from tests.fixtures.following import following
from tests.fixtures.graphql import Api
from tests.schema.metric_texts import log, metric, new_run, points_of

METRICS = """
subscription ($id: ID!, $keys: [String!], $after: String) {
  metricAppended(runId: $id, keys: $keys, after: $after) {
    cursor
    series { series { name count } steps values isGap }
  }
}"""


async def told(api: Api, count: int = 1, **variables: Any) -> list[Any]:
    """The first events of a subscription."""
    async with following(api, METRICS, **variables) as events:
        return [(await anext(events))["metricAppended"] for _ in range(count)]


async def cursor_now(api: Api, run: str, **variables: Any) -> str:
    (event,) = await told(api, id=run, **variables)
    assert event["series"] == []
    return str(event["cursor"])


def summed_up(event: Any) -> dict[str, tuple[list[int], bool]]:
    return {one["series"]["name"]: (one["steps"], one["isGap"]) for one in event["series"]}


async def test_what_was_missed_comes_first(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0, 1]), metric([0], key="still"))
    cursor = await cursor_now(api, run)
    await log(api, run, 1, metric([2, 3], [0.5, "NaN"]), metric([7], key="new"))

    async with following(api, METRICS, id=run, after=cursor) as events:
        first = (await anext(events))["metricAppended"]
        await log(api, run, 2, metric([4]))
        second = (await anext(events))["metricAppended"]

    assert summed_up(first) == {"loss": ([2, 3], False), "new": ([7], False)}
    assert next(one["values"] for one in first["series"] if one["series"]["name"] == "loss") == [0.5, None]
    assert summed_up(second) == {"loss": ([4], False)}


async def test_after_the_last_event_the_first_one_has_no_series(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    cursor = await cursor_now(api, run)
    (event,) = await told(api, id=run, after=cursor)
    assert event == {"cursor": cursor, "series": []}


async def test_a_cursor_is_good_at_another_server(api: Api, elsewhere: Api) -> None:
    run = await new_run(api)
    cursor = await cursor_now(api, run)
    await log(api, run, 0, metric([0, 1]))
    (event,) = await told(elsewhere, id=run, after=cursor)
    assert summed_up(event) == {"loss": ([0, 1], False)}


@pytest.mark.parametrize("steps", [[5], [10], [10, 11]], ids=["between", "again", "again and on"])
async def test_points_among_earlier_ones_are_told_as_a_gap_once(api: Api, steps: list[int]) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0, 10]))
    cursor = await cursor_now(api, run)
    await log(api, run, 1, metric(steps, [99.0] * len(steps)))

    (first,) = await told(api, id=run, after=cursor)
    (second,) = await told(api, id=run, after=first["cursor"])

    assert summed_up(first) == {"loss": ([step for step in steps if step > 10], True)}
    assert second["series"] == []


async def test_very_many_points_are_told_in_full(api: Api) -> None:
    run = await new_run(api)
    cursor = await cursor_now(api, run)
    await log(api, run, 0, metric(range(5_000)), metric(range(3), key="few"))

    events = await told(api, 3, id=run, after=cursor)

    steps: dict[str, list[int]] = defaultdict(list)
    for event in events:
        for one in event["series"]:
            assert not one["isGap"]
            steps[one["series"]["name"]] += one["steps"]
    assert steps == {"few": [0, 1, 2], "loss": list(range(5_000))}


async def test_whoever_stops_in_the_middle_of_what_was_missed_goes_on_there(api: Api) -> None:
    run = await new_run(api)
    cursor = await cursor_now(api, run)
    await log(api, run, 0, metric(range(3_000)))
    (first,) = await told(api, id=run, after=cursor)
    (second,) = await told(api, id=run, after=first["cursor"])
    assert first["series"][0]["steps"] + second["series"][0]["steps"] == list(range(3_000))


async def test_more_than_many_events_hold_is_told_as_a_gap(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolvers.following, "MOST_ROUNDS", 1)
    run = await new_run(api)
    cursor = await cursor_now(api, run)
    await log(api, run, 0, metric(range(9_000)))

    first, second = await told(api, 2, id=run, after=cursor)

    assert summed_up(first) == {"loss": (list(range(2_000)), False)}
    (rest,) = second["series"]
    assert rest["isGap"]
    assert len(rest["steps"]) <= 2_000
    assert rest["steps"][-1] == 8_999


async def test_of_more_series_than_a_cursor_tells_each_is_a_gap(api: Api) -> None:
    run = await new_run(api)
    keys = [f"k{i}" for i in range(MOST_SERIES + 1)]
    await log(api, run, 0, *(metric([0], key=key) for key in keys))
    cursor = await cursor_now(api, run)

    async with following(api, METRICS, id=run, after=cursor) as events:
        first = (await anext(events))["metricAppended"]
        await log(api, run, 1, metric([1], key="k7"))
        second = (await anext(events))["metricAppended"]

    assert len(cursor) < 20
    assert summed_up(first) == {key: ([], True) for key in keys}
    assert summed_up(second) == {"k7": ([1], False)}


async def test_cursors_stay_short(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, *(metric([2**53 - 1], key=f"k{i}") for i in range(MOST_SERIES)))
    cursor = await cursor_now(api, run)
    assert len(cursor) <= LONGEST
    (event,) = await told(api, id=run, after=cursor)
    assert event["series"] == []


async def test_nothing_comes_twice_and_nothing_is_left_out_of_a_run_that_goes_on(api: Api) -> None:
    run = await new_run(api)
    steps: list[int] = []
    after = await cursor_now(api, run)
    logging = asyncio.create_task(_log_steadily(api, run))
    while len(steps) < 60:
        async with following(api, METRICS, id=run, after=after) as events:
            for _ in range(2):
                event = (await anext(events))["metricAppended"]
                after = event["cursor"]
                for one in event["series"]:
                    assert not one["isGap"]
                    steps += one["steps"]
                if len(steps) == 60:
                    break
    await logging
    assert steps == list(range(60))


async def _log_steadily(api: Api, run: str) -> None:
    for step in range(60):
        await log(api, run, step, metric([step]))
        await asyncio.sleep(0.02)


async def test_a_cursor_belongs_to_its_run_and_its_keys(api: Api, foreign: Api) -> None:
    run, other = await new_run(api), await new_run(api, "Other")
    cursor = await cursor_now(api, run, keys=["loss", "other"])

    (same,) = await told(api, id=run, keys=["other", "loss"], after=cursor)
    assert same["series"] == []
    for variables in ({"id": run}, {"id": run, "keys": ["loss"]}, {"id": other, "keys": ["loss", "other"]}):
        await assert_refused(api, **variables, after=cursor)
    await assert_refused(foreign, id=run, keys=["loss", "other"], after=cursor)


@pytest.mark.parametrize("damage", ["", "x", "é", "not a cursor", "A" * 100_000, "\0"])
async def test_what_is_no_cursor_is_refused(api: Api, damage: str) -> None:
    await assert_refused(api, id=await new_run(api), after=damage)


async def test_a_cursor_that_was_cut_is_refused(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    cursor = await cursor_now(api, run)
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for length in (len(content) - 1, 9, 7):
        await assert_refused(api, id=run, after=base64.urlsafe_b64encode(content[:length]).decode())


async def assert_refused(api: Api, **variables: Any) -> None:
    async with following(api, METRICS, **variables) as events:
        (error,) = await anext(events)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "after")


async def test_points_read_again_are_those_that_were_told(api: Api) -> None:
    run = await new_run(api)
    cursor = await cursor_now(api, run)
    await log(api, run, 0, metric([0, 1, 2], [3.0, 1.0, 2.0]))
    (event,) = await told(api, id=run, after=cursor)
    series = (await api("query ($id: ID!) { run(id: $id) { series { id } } }", id=run))["run"]["series"][0]["id"]
    (one,) = event["series"]
    assert dict(zip(one["steps"], one["values"], strict=True)) == await points_of(api, series)
