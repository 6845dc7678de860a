"""The points of one metric series as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from maestro.points import parsing

Int64s: TypeAlias = npt.NDArray[np.int64]
Float64s: TypeAlias = npt.NDArray[np.float64]

BLOCK_POINTS: Final = 4096


class Axis(StrEnum):
    """What points are placed by; time relative to a start is TIME with the start subtracted."""

    STEP = "STEP"
    TIME = "TIME"


@dataclass(frozen=True, slots=True, eq=False)
class PointColumns:
    """Points: `steps` strictly increase, `timestamps_ms` (since 1970) and `values` may be anything."""

    steps: Int64s
    timestamps_ms: Int64s
    values: Float64s

    @classmethod
    def parse(
        cls, steps: Sequence[Any], values: Sequence[Any], timestamps_ms: Sequence[Any] | None = None, *, now_ms: int
    ) -> Self:
        """Check the JSON lists of a batch and sort them by step; of equal steps the last one given wins.

        Steps are integers in [0, 2^53), values numbers or one of "NaN", "Infinity", "-Infinity", timestamps
        milliseconds between the year 2000 and a day after `now_ms`, which also stands in where there are none.
        Raises PointError for the first item that is none of these, or that has no partner in another list.
        """
        parsing.check_lengths({"steps": steps, "values": values, "timestampsMs": timestamps_ms})
        times = parsing.timestamps(timestamps_ms, now_ms) if timestamps_ms is not None else np.full(len(steps), now_ms)
        return cls._ordered(parsing.steps(steps), times, parsing.values(values))

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """All the points of `parts`, which are given in the order they were written: of equal steps the last wins."""
        return cls._ordered(
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.timestamps_ms for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    @classmethod
    def _ordered(cls, steps: Int64s, timestamps_ms: Int64s, values: Float64s) -> Self:
        if (steps[1:] > steps[:-1]).all():
            return cls(steps, timestamps_ms, values)
        order = np.argsort(steps, kind="stable")
        ordered = steps[order]
        kept = order[np.append(ordered[1:] != ordered[:-1], True)]
        return cls(steps[kept], timestamps_ms[kept], values[kept])

    def blocks(self) -> Iterator[Self]:
        """Cut into the fewest blocks of at most 4,096 points, all of about the same length."""
        count = -(-len(self) // BLOCK_POINTS)
        for i in range(count):
            yield self[len(self) * i // count : len(self) * (i + 1) // count]

    def __getitem__(self, chosen: slice | npt.NDArray[Any]) -> Self:
        """The points of a slice or a mask, like an array."""
        return type(self)(self.steps[chosen], self.timestamps_ms[chosen], self.values[chosen])

    def x(self, axis: Axis) -> Int64s:
        return self.steps if axis is Axis.STEP else self.timestamps_ms

    def __len__(self) -> int:
        return len(self.steps)


NO_POINTS: Final = PointColumns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
