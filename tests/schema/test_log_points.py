"""Points that are logged in any order: what is stored of them, and what is then known of their series."""

import math
import random
from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.schema.metric_texts import log, metric, new_run, points_of, series_of


async def test_steps_out_of_order_are_stored_in_order(api: Api) -> None:
    run = await new_run(api)

    await log(api, run, 0, metric([5, 1, 3]))
    await log(api, run, 1, metric([2]))

    (series,) = await series_of(api, run)
    assert list(await points_of(api, series["id"])) == [1, 2, 3, 5]
    assert (series["last"], series["count"]) == (5.0, 4)


async def test_of_equal_steps_the_last_one_given_stays(api: Api) -> None:
    run = await new_run(api)

    await log(api, run, 0, metric([1, 1, 2], [1.0, 2.0, 3.0]))
    await log(api, run, 1, metric([2], [9.0]))

    (series,) = await series_of(api, run)
    assert await points_of(api, series["id"]) == {1: 2.0, 2: 9.0}
    assert (series["count"], series["max"], series["mean"]) == (2, 9.0, 5.5)


@pytest.mark.parametrize("mark", ["NaN", "Infinity", "-Infinity"])
async def test_a_last_value_that_is_not_finite_is_marked(api: Api, mark: str) -> None:
    run = await new_run(api)

    await log(api, run, 0, metric([0, 1, 2], [1.0, "NaN", mark]))

    (series,) = await series_of(api, run)
    assert (series["last"], series["lastNonFinite"], series["nonFiniteCount"]) == (None, mark, 2)
    assert (series["min"], series["max"], series["mean"]) == (1.0, 1.0, 1.0)
    assert await points_of(api, series["id"]) == {0: 1.0, 1: None, 2: None}


async def test_a_sum_beyond_the_range_of_floats_is_stored(api: Api) -> None:
    run = await new_run(api)

    await log(api, run, 0, metric([0], [1.7e308]))
    await log(api, run, 1, metric([1], [1.7e308]))

    (series,) = await series_of(api, run)
    assert (series["max"], series["mean"], series["count"]) == (1.7e308, None, 2)


async def test_timestamps_are_kept(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0, 1], timestampsMs=[1_700_000_000_000, 1_700_000_000_007]))
    (series,) = await series_of(api, run)

    data = await api("query ($id: ID!) { metricSeries(id: $id) { points { time } } }", id=series["id"])

    assert data["metricSeries"]["points"]["time"] == [1_700_000_000_000, 1_700_000_000_007]


async def test_long_parts_become_blocks_at_once_and_short_ones_rows(api: Api) -> None:
    run = await new_run(api)

    await log(api, run, 0, metric(range(512)), metric(range(511), key="short"))

    assert (await _count(api, "metric_block"), await _count(api, "metric_hot")) == (1, 511)


async def test_the_number_of_statements_depends_neither_on_series_nor_on_points(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))

    await log(api, run, 1, metric([0], key="a"))
    few = api.statements
    await log(api, run, 2, *(metric(range(10), key=f"m{i}") for i in range(200)))

    assert api.statements == few


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_writes_reads_like_a_dictionary(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    run = await new_run(api)
    expected: dict[int, float] = {}

    for seq in range(14):
        start, length = chance.randrange(6_000), chance.choice((1, 7, 90, 600, 1_500))
        steps = chance.sample(range(start, start + 2 * length), length)
        values = [chance.choice((float(chance.randrange(100)), math.nan, math.inf)) for _ in steps]
        await log(
            api, run, seq, metric(steps, [value if math.isfinite(value) else _MARKS[str(value)] for value in values])
        )
        expected |= dict(zip(steps, values, strict=True))

    (series,) = await series_of(api, run)
    finite = {step: value for step, value in expected.items() if math.isfinite(value)}
    assert await points_of(api, series["id"]) == {step: finite.get(step) for step in sorted(expected)}
    assert _summary(series) == (
        len(expected),
        min(expected),
        max(expected),
        finite.get(max(expected)),
        min(finite.values()),
        max(finite.values()),
        len(expected) - len(finite),
        min(step for step, value in finite.items() if value == min(finite.values())),
        min(step for step, value in finite.items() if value == max(finite.values())),
    )
    assert series["mean"] == pytest.approx(sum(finite.values()) / len(finite))
    assert await _overlaps(api) == 0


_MARKS = {"nan": "NaN", "inf": "Infinity"}


def _summary(series: Any) -> tuple[Any, ...]:
    names = "count firstStep lastStep last min max nonFiniteCount argminStep argmaxStep"
    return tuple(series[name] for name in names.split())


async def _count(api: Api, table: str) -> int:
    rows = await api.runtime.db.fetch_sql(f"SELECT count(*) AS n FROM {table}")
    return int(rows[0].n)


async def _overlaps(api: Api) -> int:
    """How many blocks share a range of steps with another block or with rows."""
    rows = await api.runtime.db.fetch_sql(
        """SELECT count(*) AS n FROM metric_block a JOIN (
             SELECT series_id, step0, step1 FROM metric_block UNION ALL SELECT series_id, step, step FROM metric_hot
           ) b ON a.series_id = b.series_id AND a.step0 <= b.step1 AND b.step0 <= a.step1
           WHERE (a.step0, a.step1) <> (b.step0, b.step1)"""
    )
    return int(rows[0].n)
