"""Cells: runs of neighbouring points of which only a summary is known, as columns; a point is the smallest cell.

Headers of blocks, 64-point bins and points all become cells, and groups of cells become cells again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from maestro.points.columns import Axis, Float64s, Int64s, PointColumns

_TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys(("x0", "x1", "n", "nonfinite"), np.int64),
    **dict.fromkeys(("v_min", "v_max", "v_sum", "v_first", "v_last"), np.float64),
}


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """`n` points each, from `x0` to `x1` on an axis, `nonfinite` of them without a finite value.

    `v_min` and `v_max` are NaN where no value is finite; `v_first` and `v_last` belong to the first and last point.
    """

    x0: Int64s
    x1: Int64s
    n: Int64s
    v_min: Float64s
    v_max: Float64s
    v_sum: Float64s
    v_first: Float64s
    v_last: Float64s
    nonfinite: Int64s

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[Any]]) -> Self:
        """From rows of a table whose columns stand in the order of the fields; NULL reads as NaN."""
        names = [field.name for field in fields(cls)]
        columns = tuple(zip(*rows, strict=True)) or ((),) * len(names)
        return cls(**{name: np.array(column, _TYPES[name]) for name, column in zip(names, columns, strict=True)})

    @classmethod
    def of_points(cls, points: PointColumns, axis: Axis) -> Self:
        x, values = points.x(axis), points.values
        finite = np.isfinite(values)
        extreme = np.where(finite, values, np.nan)
        total = np.where(finite, values, 0.0)
        return cls(x, x, np.ones_like(x), extreme, extreme, total, values, values, (~finite).astype(np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __getitem__(self, chosen: npt.NDArray[Any]) -> Self:
        """The cells of a mask or of places, like an array."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.x0)

    def grouped(self, starts: npt.NDArray[np.intp]) -> Self:
        """One cell for each group of neighbours, given where groups start; the cells are in the order of `x0`."""
        ends = np.append(starts[1:], len(self))
        with np.errstate(over="ignore", invalid="ignore"):
            v_sum = np.add.reduceat(self.v_sum, starts)
        return type(self)(
            x0=self.x0[starts],
            x1=np.maximum.reduceat(self.x1, starts),
            n=np.add.reduceat(self.n, starts),
            # Adding zero makes one of the two zeros, of which a minimum may be either.
            v_min=np.fmin.reduceat(self.v_min, starts) + 0.0,
            v_max=np.fmax.reduceat(self.v_max, starts) + 0.0,
            v_sum=v_sum,
            v_first=self.v_first[starts],
            v_last=self.v_last[self._by_end(ends - starts)[ends - 1]],
            nonfinite=np.add.reduceat(self.nonfinite, starts),
        )

    def _by_end(self, sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Places in the order of `x1` within each group: where cells overlap, the last to start may not end last."""
        if (self.x1[1:] >= self.x1[:-1]).all():
            return np.arange(len(self))
        return np.lexsort((self.x1, np.repeat(np.arange(len(sizes)), sizes)))
