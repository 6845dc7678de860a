"""Histories of other systems as points of ours, which have one value a step."""

from typing import Final

import numpy as np

from connectors.tracking.capability import History
from maestro.points import PointColumns

STEPS: Final = 2**53
"""Steps run from 0 up to, but without, this."""


def points_of(history: History) -> tuple[PointColumns, int]:
    """Return the points of a history and how many are left out.

    Of several points at one step the last one stays, and points below step 0 have no place. A metric that was logged
    without steps, so that all of it lies at step 0, is numbered in the order of its times.
    """
    steps, times, values = history.steps, history.times_ms, history.values
    if len(steps) > 1 and not steps.any():
        steps = np.arange(len(steps), dtype=np.int64)
    kept = (steps >= 0) & (steps < STEPS)
    points = PointColumns.merged([PointColumns(steps[kept], times[kept], values[kept])])
    return points, len(steps) - len(points)
