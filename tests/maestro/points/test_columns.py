"""Points of several writes become one series, and a series becomes blocks."""

import numpy as np
import pytest

from maestro.points import BLOCK_POINTS, Axis, PointColumns
from tests.maestro.points.series import assert_same, columns, noisy


def test_of_equal_steps_the_one_written_last_wins() -> None:
    merged = PointColumns.merged([columns([5, 7, 9], [1, 2, 3]), columns([1, 7], [4, 5]), columns([7], [6])])
    assert_same(merged, columns([1, 5, 7, 9], [4, 1, 6, 3]))


@pytest.mark.parametrize(
    ("n", "lengths"),
    [(1, [1]), (BLOCK_POINTS, [BLOCK_POINTS]), (BLOCK_POINTS + 1, [2048, 2049]), (10_000, [3333, 3333, 3334])],
)
def test_blocks_are_few_and_even(n: int, lengths: list[int]) -> None:
    points = noisy(n)
    assert [len(block) for block in points.blocks()] == lengths
    assert_same(PointColumns.merged(list(points.blocks())), points)


def test_x_is_the_column_of_the_axis() -> None:
    points = columns([1, 2], [0.5, 0.5], [30, 40])
    assert np.array_equal(points.x(Axis.STEP), [1, 2])
    assert np.array_equal(points.x(Axis.TIME), [30, 40])
