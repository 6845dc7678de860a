"""Cells come from rows, points and other cells."""

import math

import numpy as np

from maestro.points import Axis, Cells
from tests.maestro.points.series import columns


def test_rows_of_a_table_become_cells_and_null_becomes_nan() -> None:
    cells = Cells.of_rows([(0, 9, 10, None, None, 0.0, math.inf, math.nan, 10), (10, 19, 10, 1, 3.5, 20, 2.0, 2.5, 0)])
    assert cells.x1.tolist() == [9, 19]
    np.testing.assert_array_equal(cells.v_min, [math.nan, 1.0], strict=True)
    assert cells.v_first.tolist() == [math.inf, 2.0]
    assert cells.nonfinite.tolist() == [10, 0]


def test_no_rows_are_no_cells_of_the_right_types() -> None:
    cells = Cells.of_rows([])
    assert (len(cells), str(cells.x0.dtype), str(cells.v_sum.dtype)) == (0, "int64", "float64")


def test_a_point_is_a_cell_on_either_axis() -> None:
    points = columns([7, 8], [1.5, math.inf], [2000, 1000])
    assert Cells.of_points(points, Axis.STEP).x0.tolist() == [7, 8]
    by_time = Cells.of_points(points, Axis.TIME)
    assert by_time.x1.tolist() == [2000, 1000]
    np.testing.assert_array_equal(by_time.v_max, [1.5, math.nan])
    assert by_time.v_last.tolist() == [1.5, math.inf]


def test_the_last_value_of_overlapping_cells_is_that_of_the_one_that_ends_last() -> None:
    long, short = (0, 90, 5, 1.0, 2.0, 7.0, 1.0, 2.0, 0), (10, 20, 5, 0.0, 9.0, 8.0, 0.0, 9.0, 0)
    group = Cells.of_rows([long, short]).grouped(np.array([0]))
    assert (group.x1.item(), group.v_last.item(), group.v_max.item(), group.n.item()) == (90, 2.0, 9.0, 10)
