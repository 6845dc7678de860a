"""What is known about the points of a block or a series without reading them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from maestro.points.columns import PointColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of `n` points of steps `step0` to `step1` and timestamps `t_min` to `t_max`.

    `v_min`, `v_max`, `v_sum` and `mean` are over the finite values alone: None and a sum of 0 when there are none.
    `step_min` and `step_max` are the first steps with these extremes; `v_first` and `v_last` are the values of the
    first and last step, whatever they are.
    """

    n: int
    step0: int
    step1: int
    t_min: int
    t_max: int
    v_min: float | None
    v_max: float | None
    v_sum: float
    v_first: float
    v_last: float
    nonfinite: int
    step_min: int | None
    step_max: int | None

    @property
    def mean(self) -> float | None:
        """None as well when the sum has left the range of float64."""
        finite = self.n - self.nonfinite
        return self.v_sum / finite if finite and np.isfinite(self.v_sum) else None

    def merged(self, later: Self) -> Self:
        """Of the points of both, which share no step; associative, whichever holds the smaller steps."""
        v_min, step_min = min((s for s in (self._lowest, later._lowest) if s), default=(None, None))
        highest, step_max = min((s for s in (self._highest, later._highest) if s), default=(None, None))
        return type(self)(
            n=self.n + later.n,
            step0=min(self.step0, later.step0),
            step1=max(self.step1, later.step1),
            t_min=min(self.t_min, later.t_min),
            t_max=max(self.t_max, later.t_max),
            v_min=v_min,
            v_max=None if highest is None else -highest,
            v_sum=self.v_sum + later.v_sum,
            v_first=self.v_first if self.step0 < later.step0 else later.v_first,
            v_last=self.v_last if self.step1 > later.step1 else later.v_last,
            nonfinite=self.nonfinite + later.nonfinite,
            step_min=step_min,
            step_max=step_max,
        )

    @property
    def _lowest(self) -> tuple[float, int] | None:
        return None if self.v_min is None or self.step_min is None else (self.v_min, self.step_min)

    @property
    def _highest(self) -> tuple[float, int] | None:
        """Negated, so that the smaller pair is the larger value, or else the earlier step."""
        return None if self.v_max is None or self.step_max is None else (-self.v_max, self.step_max)


def summarise(points: PointColumns) -> Summary:
    """Of one or more points; a sum past the range of float64 is infinite or NaN, and the mean then unknown."""
    steps, values = points.steps, points.values
    finite = np.isfinite(values)
    n_finite = int(np.count_nonzero(finite))
    if n_finite < len(values):
        steps, values = steps[finite], values[finite]
    lowest = int(values.argmin()) if n_finite else None
    highest = int(values.argmax()) if n_finite else None
    with np.errstate(over="ignore", invalid="ignore"):
        v_sum = float(values.sum())
    return Summary(
        n=len(points),
        step0=int(points.steps[0]),
        step1=int(points.steps[-1]),
        t_min=int(points.timestamps_ms.min()),
        t_max=int(points.timestamps_ms.max()),
        v_min=None if lowest is None else float(values[lowest]),
        v_max=None if highest is None else float(values[highest]),
        v_sum=v_sum,
        v_first=float(points.values[0]),
        v_last=float(points.values[-1]),
        nonfinite=len(points) - n_finite,
        step_min=None if lowest is None else int(steps[lowest]),
        step_max=None if highest is None else int(steps[highest]),
    )
