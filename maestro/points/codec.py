"""A block of points as bytes, and back without any loss but the payload of a NaN.

Layout, little endian: CRC32, number of points, steps, timestamps, values. The first two are integer columns of
`planes`; values come in the form that suits them best, told by one byte:
decimals (the integers `value * 10^digits`), a table of the few different values, float32, or float64.
"""

import struct
import zlib
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from maestro.points.columns import BLOCK_POINTS, Float64s, Int64s, PointColumns
from maestro.points.errors import DamagedBlock
from maestro.points.planes import Words, pack_bits, pack_integers, unpack_bits, unpack_integers
from maestro.points.sealed import Content, seal, unseal

_HEAD: Final = struct.Struct("<H")
_FORM: Final = struct.Struct("<BB")
_TABLE_LIMIT: Final = 256
_TABLE_SAVES: Final = 4
_PROBE: Final = 32
_EXACT_INTEGERS: Final = 2.0**53
_POWERS: Final = 10.0 ** np.arange(10)


class _Form(IntEnum):
    DECIMALS = 1
    TABLE = 2
    FLOAT32 = 3
    FLOAT64 = 4


def encode(points: PointColumns) -> bytes:
    """Write 1 to 4,096 points; the bytes are of format `sealed.CODEC`. ValueError for any other number of points."""
    if not 1 <= len(points) <= BLOCK_POINTS:
        raise ValueError(f"a block holds 1 to {BLOCK_POINTS} points, not {len(points)}")
    columns = pack_integers(points.steps) + pack_integers(points.timestamps_ms) + _pack_values(points.values)
    return seal(Content.POINTS, _HEAD.pack(len(points)) + columns)


def decode(codec: int, data: bytes) -> PointColumns:
    """Read a block that was written as format `codec`. Raises UnknownCodec or DamagedBlock."""
    payload = unseal(Content.POINTS, codec, data)
    try:
        (n,) = _HEAD.unpack_from(payload)
        steps, rest = unpack_integers(payload[_HEAD.size :], n)
        timestamps_ms, rest = unpack_integers(rest, n)
        return PointColumns(steps, timestamps_ms, _unpack_values(rest, n))
    except (ValueError, IndexError, struct.error, zlib.error) as error:
        raise DamagedBlock(f"a block of {len(data)} bytes cannot be read: {error}") from error


def _pack_values(values: Float64s) -> bytes:
    digits, integers = _decimals(values)
    if integers is not None:
        return _FORM.pack(_Form.DECIMALS, digits) + pack_integers(integers)
    words = values.view(np.uint64)
    table, places = np.unique(words, return_inverse=True)
    if len(table) <= min(_TABLE_LIMIT, len(words) // _TABLE_SAVES):
        return _FORM.pack(_Form.TABLE, len(table) - 1) + pack_bits(table) + pack_bits(places.astype(np.uint64))
    single = _float32(values)
    if single is not None:
        return _FORM.pack(_Form.FLOAT32, 0) + pack_bits(single.view(np.uint32).astype(np.uint64))
    return _FORM.pack(_Form.FLOAT64, 0) + pack_bits(words)


def _unpack_values(data: memoryview, n: int) -> Float64s:
    form, detail = _FORM.unpack_from(data)
    data = data[_FORM.size :]
    if form == _Form.DECIMALS:
        values: Float64s = unpack_integers(data, n)[0] / _POWERS[detail]
        return values
    words, rest = unpack_bits(data, detail + 1 if form == _Form.TABLE else n)
    if form == _Form.TABLE:
        words = words[unpack_bits(rest, n)[0]]
    if form == _Form.FLOAT32:
        return words.astype(np.uint32).view(np.float32).astype(np.float64)
    return words.view(np.float64)


def _decimals(values: Float64s) -> tuple[int, Int64s | None]:
    """The fewest decimal digits that give every value back bit by bit, tried on the first few values before on all."""
    with np.errstate(over="ignore", invalid="ignore"):
        probe = np.rint(values[:_PROBE] * _POWERS[:, None]) / _POWERS[:, None]
        fits = (probe == values[:_PROBE]).all(axis=1)
        digits = int(fits.argmax())
        if not fits[digits]:
            return 0, None
        scaled = np.rint(values * _POWERS[digits])
        if not (np.abs(scaled) < _EXACT_INTEGERS).all():
            return 0, None
    integers = scaled.astype(np.int64)
    # Bit by bit, since a negative zero equals the zero it would come back as.
    same = _words(integers / _POWERS[digits]) == _words(values)
    return digits, integers if same.all() else None


def _float32(values: Float64s) -> npt.NDArray[np.float32] | None:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else None


def _words(values: Float64s) -> Words:
    return values.view(np.uint64)
