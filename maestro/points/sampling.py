"""Shows a series of any length in a few hundred buckets, the same ones every time, and hides no extreme.

Buckets divide the range of x evenly, so their edges depend on the range and their number alone. A cell goes whole into
the bucket of its first x: its points may reach into the next buckets, its extremes are in one of them for certain.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from maestro.points.bins import BIN_POINTS
from maestro.points.cells import Cells
from maestro.points.columns import Float64s, Int64s

CHEAP_POINTS: Final = 20_000
"""So many points are read as fast as their bins would be."""

CELLS_PER_BUCKET: Final = 4
"""Fewer, and the buckets show by how much cells reach over their edges."""


class Level(StrEnum):
    """From what a series is sampled, finest first."""

    POINTS = "POINTS"
    BINS = "BINS"
    BLOCKS = "BLOCKS"


@dataclass(frozen=True, slots=True, eq=False)
class ReadPlan:
    """Places of the blocks to read at `level`, and of those that the range cuts through: they are read as points."""

    level: Level
    whole: npt.NDArray[np.intp]
    cut: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """One row a bucket that has points, in the order of `x`, which is that of the bucket's first point.

    `min`, `max` and `mean` are over the finite values, NaN where there are none; `first` and `last` are whatever they
    are. `exact` says that every number is about the points of its bucket alone, `coverage` which share of the points in
    the range was counted.
    """

    x: Int64s
    min: Float64s
    max: Float64s
    mean: Float64s
    first: Float64s
    last: Float64s
    count: Int64s
    nonfinite: Int64s
    exact: bool
    coverage: float

    @classmethod
    def of_cells(cls, cells: Cells, *, exact: bool, missing: int) -> Self:
        counted = int(cells.n.sum())
        coverage = counted / (counted + missing) if missing else 1.0
        mean = _mean(cells)
        columns = (cells.x0, cells.v_min, cells.v_max, mean, cells.v_first, cells.v_last, cells.n, cells.nonfinite)
        return cls(*columns, exact=exact, coverage=coverage)


def choose_level(n_points: int, n_blocks: int, buckets: int) -> Level:
    """The coarsest level with enough cells for every bucket; points where even bins are too few or points are cheap."""
    enough = CELLS_PER_BUCKET * buckets
    if n_points > CHEAP_POINTS and n_blocks >= enough:
        return Level.BLOCKS
    if n_points > CHEAP_POINTS and n_points >= enough * BIN_POINTS:
        return Level.BINS
    return Level.POINTS


def plan_read(x0: Int64s, x1: Int64s, n: Int64s, *, between: tuple[int, int], buckets: int) -> ReadPlan:
    """What to read of blocks that hold `n` points from `x0` to `x1`, for a range that includes both its ends."""
    low, high = between
    touched = (x0 <= high) & (x1 >= low)
    inside = (x0 >= low) & (x1 <= high)
    whole = np.flatnonzero(inside)
    level = choose_level(int(n[touched].sum()), len(whole), buckets)
    return ReadPlan(level, whole, np.flatnonzero(touched & ~inside))


def sample(cells: Cells, buckets: int, *, between: tuple[int, int] | None = None, missing: int = 0) -> Sampled:
    """Gather cells of any levels into at most `buckets` buckets over a range of x that includes both its ends.

    Without a range it is that of the cells. Cells outside of it are left out, and one that reaches into it is counted
    whole. Points that are no more than the buckets are answered as they are. `missing` is how many points of the range
    are known to be absent from the cells. ValueError when `buckets` is less than 1.
    """
    if buckets < 1:
        raise ValueError(f"at least 1 bucket is needed, not {buckets}")
    low, high = between or _extent(cells)
    touched = (cells.x0 <= high) & (cells.x1 >= low)
    cells = cells[touched] if not touched.all() else cells
    if not len(cells):
        return Sampled.of_cells(cells, exact=True, missing=missing)
    cells = cells[np.argsort(cells.x0, kind="stable")]
    if len(cells) <= buckets and (cells.n == 1).all():
        return Sampled.of_cells(cells, exact=True, missing=missing)
    edges = bucket_edges(low, high, buckets)
    places = np.searchsorted(cells.x0, edges[1:-1])
    starts = np.concatenate([[0], places])
    filled = starts < np.append(places, len(cells))
    gathered = cells.grouped(starts[filled])
    exact = bool(gathered.x0[0] >= low) and bool((gathered.x1 < edges[1:][filled]).all())
    return Sampled.of_cells(gathered, exact=exact, missing=missing)


def bucket_edges(low: int, high: int, buckets: int) -> Int64s:
    """`buckets + 1` edges from `low` to `high + 1`: a bucket holds its lower edge, not its upper one."""
    width, rest = divmod(high + 1 - low, buckets)
    i = np.arange(buckets + 1)
    return low + i * width + i * rest // buckets


def _extent(cells: Cells) -> tuple[int, int]:
    return (int(cells.x0.min()), int(cells.x1.max())) if len(cells) else (0, 0)


def _mean(cells: Cells) -> Float64s:
    """NaN as well where a sum has left the range of float64; never past the extremes by a rounding."""
    finite = cells.n - cells.nonfinite
    mean = np.full(len(cells), np.nan)
    np.divide(cells.v_sum, finite, out=mean, where=(finite > 0) & np.isfinite(cells.v_sum))
    return np.clip(mean, cells.v_min, cells.v_max, out=mean)
