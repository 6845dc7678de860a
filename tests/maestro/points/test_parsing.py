"""A batch is taken as a whole or refused with the place, the reason and what to do."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.points import PointColumns, PointError
from tests.maestro.points.series import START_MS, assert_same, columns

NOW_MS = START_MS + 10**9


def parse(steps: list[Any], values: list[Any], timestamps_ms: list[Any] | None = None) -> PointColumns:
    return PointColumns.parse(steps, values, timestamps_ms, now_ms=NOW_MS)


def refusal(steps: list[Any], values: list[Any], timestamps_ms: list[Any] | None = None) -> PointError:
    with pytest.raises(PointError) as caught:
        parse(steps, values, timestamps_ms)
    return caught.value


def test_lists_become_columns() -> None:
    parsed = parse([3, 4, 2**53 - 1], [1, 0.5, -2], [START_MS, START_MS + 1, START_MS])
    assert_same(parsed, columns([3, 4, 2**53 - 1], [1.0, 0.5, -2.0], [START_MS, START_MS + 1, START_MS]))


def test_without_timestamps_all_points_are_of_now() -> None:
    assert_same(parse([1, 2], [1.0, 2.0]), columns([1, 2], [1.0, 2.0], [NOW_MS, NOW_MS]))


def test_the_three_strings_are_the_numbers_that_json_lacks() -> None:
    assert_same(
        parse([1, 2, 3, 4], ["NaN", "Infinity", "-Infinity", 1]),
        columns([1, 2, 3, 4], [math.nan, math.inf, -math.inf, 1.0], [NOW_MS] * 4),
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_steps_are_sorted_and_of_equal_ones_the_last_given_wins(rows: list[tuple[int, float]]) -> None:
    parsed = parse([step for step, _ in rows], [value for _, value in rows])
    assert list(zip(parsed.steps.tolist(), parsed.values.tolist(), strict=True)) == sorted(dict(rows).items())


@pytest.mark.parametrize(
    "step",
    [True, -1, 2**53, 2**63, 10**4000, 1.0, "1", None],
    ids=lambda step: f"{type(step).__name__}-{str(step)[:20]}",
)
def test_a_bad_step_is_refused_with_its_place(step: Any) -> None:
    error = refusal([1, 2, step, True], [0.0] * 4)
    assert (error.index, error.details["field"]) == (2, "steps")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "values[1]: True is not a number"),
        (None, "values[1]: None is not a number"),
        ([1.0], "values[1]: [1.0] is not a number"),
        ("nan", "values[1]: 'nan' is not a number"),
        ("1.5", "values[1]: '1.5' is not a number"),
        (math.nan, "values[1]: nan is not a JSON number"),
        (-math.inf, "values[1]: -inf is not a JSON number"),
        (10**400, "values[1]: the number is too large"),
    ],
)
@pytest.mark.parametrize("others", [(0.5, 0.5), ("NaN", 0.5), (0.5, None)])
def test_a_bad_value_is_refused_with_its_place_and_reason(value: Any, message: str, others: tuple[Any, Any]) -> None:
    before, after = others
    error = refusal([1, 2, 3], [before, value, after])
    assert (error.message, error.index) == (message, 1)


def test_a_raw_nan_beside_a_spelt_one_is_refused_with_the_way_to_write_it() -> None:
    error = refusal([1, 2], ["NaN", math.nan])
    assert (error.index, error.hint) == (1, 'write it as a string: "NaN", "Infinity" or "-Infinity"')


@pytest.mark.parametrize(
    ("timestamp", "hint"),
    [
        (START_MS // 1000, "are these seconds?"),
        (-1, "are these seconds?"),
        (START_MS * 1000, "is it the clock, or a finer unit?"),
        (NOW_MS + 86_400_001, "is it the clock, or a finer unit?"),
        (float(START_MS), "give a whole number"),
        (False, "give a whole number"),
    ],
)
def test_a_timestamp_that_cannot_be_one_is_refused_with_a_guess_why(timestamp: Any, hint: str) -> None:
    error = refusal([1, 2], [0.0, 0.0], [START_MS, timestamp])
    assert (error.index, error.details["field"]) == (1, "timestampsMs")
    assert error.hint is not None
    assert hint in error.hint


def test_a_clock_that_is_a_day_ahead_is_borne_with() -> None:
    assert parse([1], [0.0], [NOW_MS + 86_400_000]).timestamps_ms.tolist() == [NOW_MS + 86_400_000]


def test_lists_of_unequal_length_are_refused_at_the_first_missing_item() -> None:
    error = refusal([1, 2, 3], [0.0, 0.0, 0.0], [START_MS])
    assert (error.message, error.index) == ("timestampsMs[1]: is missing", 1)
    assert error.hint == "steps has 3 items, timestampsMs has 1: give one of each a point"


def test_a_batch_without_points_is_refused() -> None:
    assert refusal([], []).message == "steps[0]: is missing"


def test_a_refusal_tells_a_client_code_field_place_and_hint() -> None:
    assert refusal([-5], [0.0]).extensions == {
        "code": "BAD_USER_INPUT",
        "hint": "steps run from 0 to 2^53 - 1",
        "field": "steps",
        "index": 0,
    }


def test_columns_have_the_types_that_are_stored() -> None:
    parsed = parse([1], [1])
    dtypes = [str(column.dtype) for column in (parsed.steps, parsed.timestamps_ms, parsed.values)]
    assert dtypes == ["int64", "int64", "float64"]
