"""Series gathered into buckets by GraphQL."""

from typing import Any

import numpy as np
import pytest

from maestro.points import PointColumns, sample
from maestro.points.cells import Cells
from maestro.points.columns import Axis
from tests.fixtures.graphql import Api
from tests.schema.metric_texts import log, metric, new_run, series_of

SAMPLED = """
query ($id: ID!, $buckets: Int! = 500, $from: Float, $to: Float, $axis: XAxis! = STEP) {
  metricSeries(id: $id) {
    sampled(buckets: $buckets, from: $from, to: $to, xAxis: $axis) {
      x min max mean first last count nonFinite exact coverage
    }
  }
}"""
SECOND_MS = 1_000
START_MS = 1_700_000_000_000


async def noisy(api: Api, run: str, length: int, *, seq: int = 0, at: int = 0) -> list[float]:
    """Log one long series in batches and return its values."""
    values: list[float] = np.random.default_rng(length).normal(size=length).tolist()
    for i in range(0, length, 20_000):
        part = values[i : i + 20_000]
        steps = range(at + i, at + i + len(part))
        times = [START_MS + SECOND_MS * step for step in steps]
        await log(api, run, seq + i, metric(steps, part, timestampsMs=times))
    return values


async def sampled(api: Api, run: str, **arguments: Any) -> Any:
    """Sample the only series of a run."""
    (series,) = await series_of(api, run)
    return (await api(SAMPLED, id=series["id"], **arguments))["metricSeries"]["sampled"]


async def test_a_short_series_is_sampled_as_it_is(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0, 2, 9], [1.0, "NaN", 3.0]))

    assert await sampled(api, run) == {
        "x": [0, 2, 9],
        "min": [1.0, None, 3.0],
        "max": [1.0, None, 3.0],
        "mean": [1.0, None, 3.0],
        "first": [1.0, None, 3.0],
        "last": [1.0, None, 3.0],
        "count": [1, 1, 1],
        "nonFinite": [0, 1, 0],
        "exact": True,
        "coverage": 1.0,
    }


async def test_buckets_over_blocks_and_rows_are_those_of_all_points(api: Api) -> None:
    run = await new_run(api)
    values = await noisy(api, run, 9_000)
    await log(api, run, 1, metric(range(9_000, 9_100)))

    found = await sampled(api, run, buckets=37)

    steps = np.arange(9_100)
    points = PointColumns(steps, steps, np.array([*values, *map(float, range(9_000, 9_100))]))
    expected = sample(Cells.of_points(points, Axis.STEP), 37)
    assert (found["x"], found["min"], found["max"]) == (
        expected.x.tolist(),
        expected.min.tolist(),
        expected.max.tolist(),
    )
    assert (found["first"], found["last"], found["count"]) == (
        expected.first.tolist(),
        expected.last.tolist(),
        expected.count.tolist(),
    )
    assert found["mean"] == pytest.approx(expected.mean.tolist())
    assert found["exact"]


async def test_no_extreme_of_a_long_series_is_lost_and_each_answer_is_the_same(api: Api) -> None:
    run = await new_run(api)
    values = await noisy(api, run, 60_000)

    found = await sampled(api, run, buckets=100)

    assert (min(found["min"]), max(found["max"]), sum(found["count"])) == (min(values), max(values), 60_000)
    assert len(found["x"]) == 100
    assert await sampled(api, run, buckets=100) == found


async def test_a_range_is_sampled_with_both_its_ends(api: Api) -> None:
    run = await new_run(api)
    await noisy(api, run, 5_000)

    found = await sampled(api, run, **{"from": 99.5, "to": 4_500})

    assert (found["x"][0], sum(found["count"])) == (100, 4_401)


async def test_time_can_be_the_axis(api: Api) -> None:
    run = await new_run(api)
    await noisy(api, run, 3)

    found = await sampled(api, run, axis="TIME")

    assert found["x"] == [START_MS, START_MS + SECOND_MS, START_MS + 2 * SECOND_MS]


async def test_relative_time_counts_from_the_start_of_the_run(api: Api) -> None:
    run = await new_run(api)
    await noisy(api, run, 3)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE run SET started_at = to_timestamp($1)", START_MS / 1000 - 5)

    assert (await sampled(api, run, axis="RELATIVE_TIME"))["x"] == [5_000, 6_000, 7_000]
    assert (await sampled(api, run, axis="RELATIVE_TIME", **{"from": 6_000}))["x"] == [6_000, 7_000]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"buckets": 0}, "buckets"), ({"buckets": 10_001}, "buckets"), ({"from": 2, "to": 1}, "from")],
)
async def test_bad_arguments_of_sampled_are_refused(api: Api, arguments: dict[str, Any], field: str) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (series,) = await series_of(api, run)

    (error,) = await api.errors(SAMPLED, id=series["id"], **arguments)

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)


async def test_a_damaged_block_is_left_out_and_told(api: Api) -> None:
    run = await new_run(api)
    await noisy(api, run, 1_000)
    await log(api, run, 1, metric([5_000]))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE metric_block SET data = set_byte(data, 50, get_byte(data, 50) # 255)")

    found = await sampled(api, run)

    assert (found["x"], found["coverage"]) == ([5_000], 1 / 1_001)
