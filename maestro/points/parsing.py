"""Turns the JSON lists of a batch into columns, and says which item is at fault when it cannot.

The whole list is judged at once; items are looked at one by one only to find the culprit.
"""

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from maestro.points.errors import PointError

STEP_LIMIT: Final = 2**53
YEAR_2000_MS: Final = 946_684_800_000
DAY_MS: Final = 86_400_000
NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_Problem: TypeAlias = Callable[[Any], tuple[str, str] | None]


def check_lengths(columns: Mapping[str, Sequence[Any] | None]) -> None:
    """Refuse columns that are empty or of unequal length, naming the shortest and the first place it lacks."""
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    shortest = min(lengths, key=lambda name: lengths[name])
    longest = max(lengths, key=lambda name: lengths[name])
    if lengths[shortest] != lengths[longest]:
        hint = f"{longest} has {lengths[longest]} items, {shortest} has {lengths[shortest]}: give one of each a point"
        raise PointError("is missing", lengths[shortest], field=shortest, hint=hint)
    if not lengths[shortest]:
        raise PointError("is missing", 0, field=shortest, hint="leave a series without points out of the batch")


def steps(items: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Integers in [0, 2^53)."""
    return _integers(items, "steps", limits=(0, STEP_LIMIT), hint=lambda _: "steps run from 0 to 2^53 - 1")


def timestamps(items: Sequence[Any], now_ms: int) -> npt.NDArray[np.int64]:
    """Milliseconds since 1970, from the year 2000 until a day after `now_ms`."""

    def hint(item: int) -> str:
        if item < YEAR_2000_MS:
            return "milliseconds since 1970 are expected; this is before the year 2000: are these seconds?"
        return "milliseconds since 1970 are expected; this is in the future: is it the clock, or a finer unit?"

    return _integers(items, "timestampsMs", limits=(YEAR_2000_MS, now_ms + DAY_MS + 1), hint=hint)


def values(items: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Numbers, or the strings that stand for the three numbers JSON does not have."""
    kinds = set(map(type, items))
    marks = sum(type(item) is str for item in items) if str in kinds else 0
    if kinds <= {int, float, str}:
        try:
            numbers = [NON_FINITE[item] if type(item) is str else item for item in items] if marks else items
            column = np.fromiter(numbers, np.float64, len(items))
        except (KeyError, OverflowError):
            raise _culprit(items, "values", _value_problem) from None
        if np.count_nonzero(~np.isfinite(column)) == marks:
            return column
    raise _culprit(items, "values", _value_problem)


def _value_problem(item: Any) -> tuple[str, str] | None:
    if type(item) is str:
        if item in NON_FINITE:
            return None
        return f"{reprlib.repr(item)} is not a number", f"the only strings that are: {', '.join(NON_FINITE)}"
    if type(item) not in {int, float}:
        return f"{reprlib.repr(item)} is not a number", f"give a number, or one of {', '.join(NON_FINITE)} as a string"
    try:
        if math.isfinite(item):
            return None
    except OverflowError:
        return "the number is too large", "values are 64-bit floats, at most about 1.8e308"
    return f"{item} is not a JSON number", 'write it as a string: "NaN", "Infinity" or "-Infinity"'


def _integers(
    items: Sequence[Any], field: str, *, limits: tuple[int, int], hint: Callable[[int], str]
) -> npt.NDArray[np.int64]:
    low, high = limits

    def problem(item: Any) -> tuple[str, str] | None:
        if type(item) is not int:
            return f"{reprlib.repr(item)} is not an integer", "give a whole number, without quotes or a decimal point"
        return None if low <= item < high else (f"{reprlib.repr(item)} is out of range", hint(item))

    if set(map(type, items)) == {int}:
        try:
            column = np.fromiter(items, np.int64, len(items))
        except OverflowError:
            raise _culprit(items, field, problem) from None
        if column.min() >= low and column.max() < high:
            return column
    raise _culprit(items, field, problem)


def _culprit(items: Sequence[Any], field: str, problem: _Problem) -> PointError:
    index, (message, hint) = next((i, found) for i, item in enumerate(items) if (found := problem(item)))
    return PointError(message, index, field=field, hint=hint)
