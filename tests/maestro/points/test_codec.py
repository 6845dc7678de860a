"""A block comes back as it was, small, and says so when it cannot."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.points import BLOCK_POINTS, CODEC, DamagedBlock, PointColumns, UnknownCodec, decode, encode, pack_bins
from maestro.points.columns import Float64s
from maestro.points.sealed import Content, seal
from tests.maestro.points.series import assert_same, columns, noisy, points

SUBNORMALS = st.floats(-2.0e-308, 2.0e-308)
DECIMALS = st.integers(-(10**9), 10**9).map(lambda i: i / 10_000)
SINGLES = st.floats(width=32)
FEW = st.sampled_from([0.0, -0.0, float("nan"), 0.1, 5e-324])
STEPS = np.arange(BLOCK_POINTS)


@given(points())
@settings(max_examples=150)
def test_any_points_come_back_as_they_were(given_points: PointColumns) -> None:
    assert_same(decode(CODEC, encode(given_points)), given_points)


@given(st.one_of([points(values=values) for values in (SUBNORMALS, DECIMALS, SINGLES, FEW)]))
@settings(max_examples=150)
def test_values_of_every_form_come_back_as_they_were(given_points: PointColumns) -> None:
    assert_same(decode(CODEC, encode(given_points)), given_points)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, BLOCK_POINTS])
def test_a_block_of_any_length_comes_back(n: int) -> None:
    assert_same(decode(CODEC, encode(noisy(n))), noisy(n))


def test_the_far_ends_of_int64_come_back_although_their_difference_overflows() -> None:
    far = columns([-(2**63), 0, 2**63 - 1], [1.5, 2.5, 3.5], [2**63 - 1, -(2**63), 0])
    assert_same(decode(CODEC, encode(far)), far)


def test_a_negative_zero_among_whole_numbers_keeps_its_sign() -> None:
    zeros = decode(CODEC, encode(columns([1, 2, 3], [0.0, -0.0, 1.0]))).values
    assert np.signbit(zeros).tolist() == [False, True, False]


def test_the_same_points_always_give_the_same_bytes() -> None:
    assert encode(noisy(1000)) == encode(noisy(1000))


def test_noise_takes_less_than_eight_and_a_half_bytes_a_point_with_its_bins() -> None:
    block = noisy(BLOCK_POINTS)
    assert (len(encode(block)) + len(pack_bins(block))) / BLOCK_POINTS < 8.5


@pytest.mark.parametrize(
    ("shape", "limit"),
    [
        (lambda: np.full(BLOCK_POINTS, 0.1), 200),
        (lambda: STEPS * 3.0, 200),
        (lambda: STEPS // 100 / 100, 800),
        (lambda: (400 + STEPS * 7919 % 50) / 500, 5_000),
        (lambda: np.round(np.sin(STEPS), 3), 8_500),
        (lambda: np.random.default_rng(1).normal(size=BLOCK_POINTS).astype(np.float32), 14_500),
        (lambda: np.append(np.random.default_rng(1).normal(size=BLOCK_POINTS - 1).astype(np.float32), np.nan), 14_500),
    ],
    ids=["constant", "even", "staircase", "fractions", "rounded", "float32", "float32 with NaN"],
)
def test_a_block_of_regular_steps_and_plain_values_is_small(shape: Callable[[], Float64s], limit: int) -> None:
    assert len(encode(columns(STEPS, shape()))) < limit


@pytest.mark.parametrize("n", [0, BLOCK_POINTS + 1])
def test_a_block_of_no_or_too_many_points_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"a block holds 1 to 4096 points, not {n}"):
        encode(columns(np.arange(n), np.zeros(n)))


def test_another_codec_is_refused_by_its_number() -> None:
    with pytest.raises(UnknownCodec, match="blocks of codec 2 cannot be read, only of codec 1"):
        decode(2, encode(noisy(10)))


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    data = encode(noisy(70))
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
        with pytest.raises(DamagedBlock):
            decode(CODEC, damaged)


@pytest.mark.parametrize("length", [0, 3, 4, 5, 200])
def test_a_block_that_was_cut_off_is_noticed(length: int) -> None:
    with pytest.raises(DamagedBlock, match=f"a block of {length} bytes does not have the checksum"):
        decode(CODEC, encode(noisy(100))[:length])


def test_bins_are_never_read_as_points() -> None:
    with pytest.raises(DamagedBlock):
        decode(CODEC, pack_bins(noisy(100)))


@given(st.binary(min_size=1, max_size=120))
def test_nonsense_under_a_right_checksum_is_damage_as_well(payload: bytes) -> None:
    with pytest.raises(DamagedBlock):
        decode(CODEC, seal(Content.POINTS, payload))
