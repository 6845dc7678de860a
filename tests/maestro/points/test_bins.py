"""Bins hold of every 64 points what the points say, exactly, in few bytes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from maestro.points import (
    BIN_POINTS,
    BLOCK_POINTS,
    CODEC,
    Axis,
    Cells,
    DamagedBlock,
    PointColumns,
    UnknownCodec,
    encode,
    pack_bins,
    summarise,
    unpack_bins,
)
from tests.maestro.points.series import columns, noisy, points


def nan_for_none(value: float | None) -> float:
    return math.nan if value is None else value


def assert_bins_of(cells: Cells, block: PointColumns, axis: Axis) -> None:
    starts = range(0, len(block), BIN_POINTS)
    parts = [slice(start, start + BIN_POINTS) for start in starts]
    bins = [summarise(PointColumns(block.steps[part], block.timestamps_ms[part], block.values[part])) for part in parts]
    ranges = [(s.step0, s.step1) if axis is Axis.STEP else (s.t_min, s.t_max) for s in bins]
    assert list(zip(cells.x0.tolist(), cells.x1.tolist(), strict=True)) == ranges
    np.testing.assert_array_equal(cells.v_min, [nan_for_none(s.v_min) for s in bins])
    np.testing.assert_array_equal(cells.v_max, [nan_for_none(s.v_max) for s in bins])
    np.testing.assert_array_equal(cells.v_first, [s.v_first for s in bins])
    np.testing.assert_array_equal(cells.v_last, [s.v_last for s in bins])
    np.testing.assert_allclose(cells.v_sum, [s.v_sum for s in bins], rtol=1e-9, atol=1e-9)
    assert cells.n.tolist() == [s.n for s in bins]
    assert cells.nonfinite.tolist() == [s.nonfinite for s in bins]


@given(points(max_size=200))
@settings(max_examples=100)
def test_bins_are_the_summaries_of_their_points(block: PointColumns) -> None:
    block = PointColumns(block.steps, block.timestamps_ms, np.where(np.abs(block.values) > 1e300, 7.0, block.values))
    assert_bins_of(unpack_bins([(CODEC, pack_bins(block))], Axis.STEP), block, Axis.STEP)
    assert_bins_of(unpack_bins([(CODEC, pack_bins(block))], Axis.TIME), block, Axis.TIME)


@pytest.mark.parametrize("n", [1, 64, 65, 128, BLOCK_POINTS])
def test_the_last_bin_holds_what_is_left(n: int) -> None:
    bins = unpack_bins([(CODEC, pack_bins(noisy(n)))], Axis.STEP)
    assert bins.n.tolist() == [64] * (n // 64) + [n % 64] * (n % 64 > 0)


def test_blocks_of_different_layouts_are_read_together() -> None:
    whole = columns(np.arange(130), np.arange(130.0))
    sparse = columns([10**6, 10**12], [0.1, math.nan])
    later = columns(np.arange(200, 270), np.arange(70.0))
    bins = unpack_bins([(CODEC, pack_bins(block)) for block in (whole, sparse, later)], Axis.STEP)
    assert sorted(zip(bins.x0.tolist(), bins.x1.tolist(), bins.n.tolist(), strict=True)) == [
        (0, 63, 64),
        (64, 127, 64),
        (128, 129, 2),
        (200, 263, 64),
        (264, 269, 6),
        (10**6, 10**12, 2),
    ]


def test_no_blocks_have_no_bins() -> None:
    assert len(unpack_bins([], Axis.STEP)) == 0


def test_bins_of_noise_take_less_than_0_8_bytes_a_point() -> None:
    assert len(pack_bins(noisy(BLOCK_POINTS))) / BLOCK_POINTS < 0.8


def test_bins_of_float32_values_take_less_than_0_55_bytes_a_point() -> None:
    block = columns(np.arange(BLOCK_POINTS), np.random.default_rng(1).normal(size=BLOCK_POINTS).astype(np.float32))
    assert len(pack_bins(block)) / BLOCK_POINTS < 0.55


def test_a_flipped_bit_in_bins_is_noticed() -> None:
    data = pack_bins(noisy(100))
    with pytest.raises(DamagedBlock):
        unpack_bins([(CODEC, data), (CODEC, data[:-1] + bytes([data[-1] ^ 1]))], Axis.STEP)


def test_bins_of_another_codec_are_refused() -> None:
    with pytest.raises(UnknownCodec, match="codec 9"):
        unpack_bins([(9, pack_bins(noisy(100)))], Axis.STEP)


def test_points_are_never_read_as_bins() -> None:
    with pytest.raises(DamagedBlock):
        unpack_bins([(CODEC, encode(noisy(100)))], Axis.STEP)
