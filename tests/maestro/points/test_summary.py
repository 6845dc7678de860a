"""A summary says of points what reading them would."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.points import PointColumns, Summary, summarise
from tests.maestro.points.series import columns, points

# Sums of these are exact in any order.
WHOLE = st.one_of(st.integers(-1000, 1000).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))


def some(given_points: PointColumns, chosen: npt.NDArray[np.bool_]) -> Summary:
    return summarise(
        PointColumns(given_points.steps[chosen], given_points.timestamps_ms[chosen], given_points.values[chosen])
    )


@given(points(values=WHOLE))
def test_a_summary_is_what_going_through_the_points_finds(given_points: PointColumns) -> None:
    rows = list(zip(given_points.steps.tolist(), given_points.values.tolist(), strict=True))
    finite = [(step, value) for step, value in rows if math.isfinite(value)]
    low = min(finite, key=lambda row: (row[1], row[0]), default=(None, None))
    high = max(finite, key=lambda row: (row[1], -row[0]), default=(None, None))
    summary = summarise(given_points)
    assert (summary.step_min, summary.v_min) == low
    assert (summary.step_max, summary.v_max) == high
    assert (summary.n, summary.nonfinite) == (len(rows), len(rows) - len(finite))
    assert summary.v_sum == sum(value for _, value in finite)
    assert (summary.step0, summary.step1) == (rows[0][0], rows[-1][0])
    np.testing.assert_array_equal([summary.v_first, summary.v_last], [rows[0][1], rows[-1][1]])
    assert (summary.t_min, summary.t_max) == (given_points.timestamps_ms.min(), given_points.timestamps_ms.max())


@given(points(max_size=40, values=WHOLE), st.data())
def test_merging_in_any_order_is_summarising_together(given_points: PointColumns, data: st.DataObject) -> None:
    n = len(given_points)
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    parts = [
        some(given_points, owner == part) for part in data.draw(st.permutations(range(3))) if (owner == part).any()
    ]
    left = parts[0]
    for part in parts[1:]:
        left = left.merged(part)
    right = parts[-1]
    for part in reversed(parts[:-1]):
        right = part.merged(right)
    assert repr(left) == repr(right) == repr(summarise(given_points))


def test_nothing_finite_has_no_extremes_and_no_mean() -> None:
    summary = summarise(columns([4, 9], [math.nan, math.inf]))
    assert (summary.v_min, summary.v_max, summary.step_min, summary.step_max, summary.mean) == (None,) * 5
    assert (summary.v_sum, summary.nonfinite, summary.v_last) == (0.0, 2, math.inf)


def test_the_first_of_equal_extremes_is_told_also_across_a_merge_out_of_order() -> None:
    summary = summarise(columns([5, 6], [2.0, 1.0])).merged(summarise(columns([1, 2], [1.0, 2.0])))
    assert (summary.step_min, summary.step_max, summary.v_first, summary.v_last) == (1, 2, 1.0, 1.0)


def test_the_mean_is_over_the_finite_values() -> None:
    assert summarise(columns([1, 2, 3], [1.0, math.nan, 2.0])).mean == 1.5


def test_a_sum_past_float64_leaves_the_mean_unknown() -> None:
    summary = summarise(columns([1, 2], [1.7e308, 1.7e308]))
    assert (summary.v_sum, summary.mean, summary.v_max) == (math.inf, None, 1.7e308)


def test_a_summary_cannot_be_changed_in_place() -> None:
    summary = summarise(columns([1], [1.0]))
    with pytest.raises(AttributeError):
        summary.n = 2  # type: ignore[misc]  # the point of the test
    assert replace(summary, n=2).n == 2
