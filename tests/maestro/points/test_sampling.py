"""A sample is the same every time, hides no extreme, and says how exact it is."""

import itertools
import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.points import (
    CODEC,
    Axis,
    Cells,
    Level,
    PointColumns,
    Sampled,
    choose_level,
    pack_bins,
    plan_read,
    sample,
    summarise,
    unpack_bins,
)
from maestro.points.sampling import bucket_edges
from tests.maestro.points.series import START_MS, columns, noisy, points

VALUES = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([0.0, math.nan, math.inf]))


def as_points(given_points: PointColumns, axis: Axis = Axis.STEP) -> Cells:
    return Cells.of_points(given_points, axis)


def as_bins(given_points: PointColumns, axis: Axis = Axis.STEP) -> Cells:
    return unpack_bins([(CODEC, pack_bins(block)) for block in given_points.blocks()], axis)


def as_blocks(given_points: PointColumns, axis: Axis = Axis.STEP) -> Cells:
    headers = [summarise(block) for block in given_points.blocks()]
    return Cells.of_rows(
        (
            *((s.step0, s.step1) if axis is Axis.STEP else (s.t_min, s.t_max)),
            *(s.n, s.v_min, s.v_max, s.v_sum, s.v_first, s.v_last, s.nonfinite),
        )
        for s in headers
    )


LEVELS: list[Callable[[PointColumns, Axis], Cells]] = [as_points, as_bins, as_blocks]


def as_bytes(sampled: Sampled) -> list[bytes]:
    return [np.asarray(getattr(sampled, field.name)).tobytes() for field in fields(sampled)]


def by_hand(given_points: PointColumns, edges: list[int]) -> list[tuple[float, ...]]:
    """(x, min, max, first, last, count, nonfinite) of every bucket with points, found point by point."""
    rows = list(zip(given_points.steps.tolist(), given_points.values.tolist(), strict=True))
    found: list[tuple[float, ...]] = []
    for low, high in itertools.pairwise(edges):
        inside = [row for row in rows if low <= row[0] < high]
        finite = [value for _, value in inside if math.isfinite(value)]
        if inside:
            extremes = (min(finite, default=math.nan), max(finite, default=math.nan))
            ends = (inside[0][1], inside[-1][1])
            found.append((inside[0][0], *extremes, *ends, len(inside), len(inside) - len(finite)))
    return found


@given(points(max_size=150, values=VALUES), st.integers(1, 20), st.data())
@settings(max_examples=150)
def test_a_sample_of_points_is_what_going_through_them_finds(
    given_points: PointColumns, buckets: int, data: st.DataObject
) -> None:
    low = data.draw(st.sampled_from(given_points.steps.tolist()))
    high = data.draw(st.sampled_from(given_points.steps[given_points.steps >= low].tolist()))
    between = data.draw(st.sampled_from([None, (low, high), (low - 3, high + 5)]))
    start, end = between or (int(given_points.steps[0]), int(given_points.steps[-1]))
    inside = [step for step in given_points.steps.tolist() if start <= step <= end]
    few = len(inside) <= buckets
    edges = [*inside, end + 1] if few else bucket_edges(start, end, buckets).tolist()
    sampled = sample(as_points(given_points), buckets, between=between)
    rows = (sampled.x, sampled.min, sampled.max, sampled.first, sampled.last, sampled.count, sampled.nonfinite)
    np.testing.assert_array_equal(np.stack(rows, axis=1), by_hand(given_points, edges))
    assert (sampled.exact, sampled.coverage) == (True, 1.0)


@given(points(max_size=150, values=VALUES), st.integers(1, 20))
def test_the_mean_is_of_the_finite_values_and_between_the_extremes(given_points: PointColumns, buckets: int) -> None:
    sampled = sample(as_points(given_points), buckets)
    finite = given_points.values[np.isfinite(given_points.values)]
    known = ~np.isnan(sampled.mean)
    weights = (sampled.count - sampled.nonfinite)[known]
    assert weights.sum() == len(finite)
    assert (sampled.mean[known] * weights).sum() == pytest.approx(finite.sum(), rel=1e-9, abs=1e-3)
    assert ((sampled.min <= sampled.mean) & (sampled.mean <= sampled.max))[known].all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("axis", Axis)
@given(drawn=st.tuples(st.integers(0, 1000), st.integers(1, 60), st.integers(0, 8999)))
@settings(max_examples=15)
def test_no_extreme_and_no_point_vanishes_at_any_level(
    level: Callable[[PointColumns, Axis], Cells], axis: Axis, drawn: tuple[int, int, int]
) -> None:
    seed, buckets, place = drawn
    walk = noisy(9000, seed)
    walk.values[place], walk.values[(place * 7 + 1) % 9000] = 1e6, -1e6
    sampled = sample(level(walk, axis), buckets)
    assert (np.nanmax(sampled.max), np.nanmin(sampled.min)) == (walk.values.max(), walk.values.min())
    assert (sampled.count.sum(), sampled.coverage) == (9000, 1.0)
    assert len(sampled.x) <= buckets
    assert (np.diff(sampled.x) > 0).all()


def test_the_order_in_which_cells_are_read_changes_no_byte() -> None:
    bins = as_bins(noisy(20_000))
    shuffled = bins[np.random.default_rng(3).permutation(len(bins))]
    assert as_bytes(sample(bins, 50)) == as_bytes(sample(shuffled, 50))


def test_the_same_range_has_the_same_buckets_at_every_level() -> None:
    walk = noisy(40_960)
    edges = bucket_edges(0, 40_959, 10)
    assert [sample(level(walk), 10).x.tolist() for level in (as_points, as_blocks)] == [edges[:-1].tolist()] * 2


def test_cells_that_fit_the_buckets_are_exact() -> None:
    walk = noisy(40_960)
    exact, by_points = sample(as_blocks(walk), 10), sample(as_points(walk), 10)
    assert exact.exact
    assert exact.max.tolist() == by_points.max.tolist()
    assert exact.last.tolist() == by_points.last.tolist()


def test_cells_that_reach_over_an_edge_are_not_exact() -> None:
    assert not sample(as_blocks(noisy(40_960)), 9).exact


def test_blocks_bins_and_points_are_sampled_together() -> None:
    walk = noisy(3 * 4096)
    first, second, third = walk.blocks()
    mixed = Cells.joined([as_points(third), as_blocks(first), as_bins(second)])
    assert sample(mixed, 3).max.tolist() == sample(as_points(walk), 3).max.tolist()


def test_points_outside_the_range_are_left_out() -> None:
    sampled = sample(as_points(columns(range(100), range(100))), 10, between=(30, 49))
    assert sampled.x.tolist() == list(range(30, 50, 2))
    assert sampled.max.tolist() == [float(x + 1) for x in range(30, 50, 2)]


def test_a_cell_that_reaches_into_the_range_is_counted_whole_and_not_exact() -> None:
    sampled = sample(as_bins(columns(range(128), range(128))), 1, between=(60, 127))
    assert (sampled.count.tolist(), sampled.min.tolist(), sampled.exact) == ([128], [0.0], False)


def test_as_many_points_as_buckets_are_answered_as_they_are() -> None:
    few = columns([0, 1, 2, 1000], [1.0, math.nan, 3.0, -math.inf])
    sampled = sample(as_points(few), 4)
    assert sampled.x.tolist() == [0, 1, 2, 1000]
    np.testing.assert_array_equal(sampled.mean, [1.0, math.nan, 3.0, math.nan])
    np.testing.assert_array_equal(sampled.last, few.values)
    assert (sampled.count.tolist(), sampled.nonfinite.tolist(), sampled.exact) == ([1] * 4, [0, 1, 0, 1], True)


def test_empty_buckets_are_left_out() -> None:
    gap = columns([0, 1, 2, 97, 98, 99], range(6))
    sampled = sample(as_points(gap), 5)
    assert (sampled.x.tolist(), sampled.count.tolist()) == ([0, 97], [3, 3])


def test_on_the_axis_of_time_points_stand_in_the_order_of_time() -> None:
    swapped = columns([1, 2, 3], [10.0, 20.0, 30.0], [START_MS + 5, START_MS, START_MS + 5])
    sampled = sample(as_points(swapped, Axis.TIME), 2)
    assert sampled.x.tolist() == [START_MS, START_MS + 5]
    assert (sampled.first.tolist(), sampled.last.tolist()) == ([20.0, 10.0], [20.0, 30.0])


def test_points_of_one_moment_stay_in_the_order_of_their_steps() -> None:
    moments = columns(range(300), range(300), START_MS + np.arange(300) % 3)
    sampled = sample(as_points(moments, Axis.TIME), 3)
    assert (sampled.first.tolist(), sampled.last.tolist()) == ([0.0, 1.0, 2.0], [297.0, 298.0, 299.0])


def test_the_mean_of_equal_values_is_that_value() -> None:
    assert sample(as_points(columns(range(3), [0.1] * 3)), 1).mean.tolist() == [0.1]


def test_either_zero_comes_out_as_the_positive_one() -> None:
    sampled = sample(as_points(columns(range(40), [-0.0] * 40)), 2)
    assert np.signbit([sampled.min, sampled.max]).tolist() == [[False, False]] * 2


def test_points_known_to_be_missing_lower_the_coverage() -> None:
    assert sample(as_points(columns(range(30), range(30))), 10, missing=10).coverage == 0.75


def test_a_sum_past_float64_leaves_the_mean_unknown_and_the_extremes_known() -> None:
    sampled = sample(as_points(columns([1, 2], [1.7e308, 1.7e308])), 1)
    assert math.isnan(sampled.mean.item())
    assert sampled.max.item() == 1.7e308


@pytest.mark.parametrize("between", [None, (5, 9)])
def test_nothing_to_sample_is_an_empty_answer(between: tuple[int, int] | None) -> None:
    sampled = sample(Cells.of_rows([]), 10, between=between)
    assert (len(sampled.x), sampled.exact, sampled.coverage) == (0, True, 1.0)


def test_no_buckets_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 bucket is needed, not 0"):
        sample(as_points(noisy(10)), 0)


@given(st.integers(0, 2**53), st.integers(0, 2**53), st.integers(1, 5000))
def test_edges_divide_any_range_evenly_and_whole(low: int, span: int, buckets: int) -> None:
    edges = bucket_edges(low, low + span, buckets)
    widths = np.diff(edges)
    assert (edges[0], edges[-1], len(edges)) == (low, low + span + 1, buckets + 1)
    assert widths.max() - widths.min() <= 1


@pytest.mark.parametrize(
    ("n_points", "n_blocks", "level"),
    [
        (20_000, 20_000, Level.POINTS),
        (100_000, 25, Level.POINTS),
        (127_999, 32, Level.POINTS),
        (128_000, 32, Level.BINS),
        (1_000_000, 245, Level.BINS),
        (8_192_000, 2000, Level.BLOCKS),
    ],
)
def test_the_coarsest_level_with_four_cells_a_bucket_is_read(n_points: int, n_blocks: int, level: Level) -> None:
    assert choose_level(n_points, n_blocks, 500) is level


def test_blocks_that_the_range_cuts_are_read_as_points() -> None:
    x0 = np.arange(0, 1_000_000, 4000)
    plan = plan_read(x0, x0 + 3999, np.full(250, 4000), between=(6000, 990_000), buckets=500)
    assert (plan.level, plan.cut.tolist()) == (Level.BINS, [1, 247])
    assert plan.whole.tolist() == list(range(2, 247))


def test_a_short_range_of_a_long_series_is_read_as_points() -> None:
    x0 = np.arange(0, 1_000_000, 4000)
    plan = plan_read(x0, x0 + 3999, np.full(250, 4000), between=(8000, 15_999), buckets=500)
    assert (plan.level, plan.whole.tolist(), plan.cut.tolist()) == (Level.POINTS, [2, 3], [])


def test_a_range_between_blocks_reads_none() -> None:
    plan = plan_read(np.array([0, 100]), np.array([9, 109]), np.array([10, 10]), between=(10, 99), buckets=5)
    assert (plan.level, plan.whole.tolist(), plan.cut.tolist()) == (Level.POINTS, [], [])
