"""Histories of other systems as points of ours."""

import numpy as np
import pytest

from connectors.tracking.capability import History
from ops.imports.points import points_of


@pytest.mark.parametrize(
    ("steps", "kept", "left_out"),
    [([0, 0, 0], [0, 1, 2], 0), ([-1, 0, 1], [0, 1], 1), ([3, 3, 4], [3, 4], 1), ([0], [0], 0), ([2**53, 1], [1], 1)],
)
def test_steps_become_steps(steps: list[int], kept: list[int], left_out: int) -> None:
    times = np.arange(len(steps), dtype=np.int64)
    points, missing = points_of(History("m", np.array(steps, np.int64), times, times.astype(np.float64)))
    assert (points.steps.tolist(), missing) == (kept, left_out)
    if steps == [3, 3, 4]:
        assert points.values.tolist() == [1.0, 2.0]
