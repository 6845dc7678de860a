"""The bins of a block: a summary of every 64 points, small enough to be read for a whole series at once.

Layout, little endian: CRC32, a head (number of points, byte widths, first step, earliest timestamp), then one record a
bin: minimum, maximum, first and last value, sum, how many are not finite, and the ranges of steps and timestamps as
offsets from the head and lengths. Values are stored as float32 where all of them are, offsets in the fewest bytes that
hold all of them. Records are of one size within a block, so that the blocks of a series are read as one array.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np

from maestro.points.cells import Cells
from maestro.points.columns import Axis, Float64s, Int64s, PointColumns
from maestro.points.sealed import Content, seal, unseal

BIN_POINTS: Final = 64

_HEAD: Final = struct.Struct("<H5sqq")
_WIDTHS: Final = (1, 2, 4, 8)
_FLOAT32: Final = struct.Struct("<f")
_SINGLE: Final = struct.Struct("<4fdB4x")
_DOUBLE: Final = struct.Struct("<4ddB4x")


def pack_bins(points: PointColumns) -> bytes:
    """Summarise the points of a block; the bytes are of format `sealed.CODEC`."""
    if len(points) == 1:
        return _pack_point(points)
    starts = np.arange(0, len(points), BIN_POINTS)
    bins = Cells.of_points(points, Axis.STEP).grouped(starts)
    step0 = int(bins.x0[0])
    t_min = np.minimum.reduceat(points.timestamps_ms, starts)
    t_max = np.maximum.reduceat(points.timestamps_ms, starts)
    t0 = int(t_min.min())
    values = np.stack([bins.v_min, bins.v_max, bins.v_first, bins.v_last], axis=1)
    ranges = [bins.x0 - step0, bins.x1 - bins.x0, t_min - t0, t_max - t_min]
    widths = bytes([_value_width(values), *map(_width, ranges)])
    records = np.empty(len(starts), _record(widths))
    records["values"], records["sum"], records["nonfinite"] = values, bins.v_sum, bins.nonfinite
    for name, column in zip(("step", "steps", "time", "times"), ranges, strict=True):
        records[name] = column.view(np.uint64)
    return seal(Content.BINS, _HEAD.pack(len(points), widths, step0, t0) + records.tobytes())


def unpack_bins(blocks: Iterable[tuple[int, bytes]], axis: Axis) -> Cells:
    """The bins of many blocks, given as codec and bytes of each, as cells in no particular order.

    Raises UnknownCodec or DamagedBlock.
    """
    alike: dict[bytes, list[tuple[int, int, int, memoryview]]] = defaultdict(list)
    for codec, data in blocks:
        payload = unseal(Content.BINS, codec, data)
        n, widths, step0, t0 = _HEAD.unpack_from(payload)
        alike[widths].append((n, step0, t0, payload[_HEAD.size :]))
    parts = [_cells(widths, found, axis) for widths, found in alike.items()]
    return Cells.joined(parts) if parts else Cells.of_rows([])


def _pack_point(points: PointColumns) -> bytes:
    """The same bytes for the block of a single point, of which there are many: arrays would take ten times as long."""
    value = points.values.item()
    is_finite = math.isfinite(value)
    extreme, total = (value + 0.0, value) if is_finite else (math.nan, 0.0)
    width, form = (4, _SINGLE) if not is_finite or _is_single(value) else (8, _DOUBLE)
    head = _HEAD.pack(1, bytes([width, 1, 1, 1, 1]), points.steps.item(), points.timestamps_ms.item())
    return seal(Content.BINS, head + form.pack(extreme, extreme, value, value, total, not is_finite))


def _cells(widths: bytes, blocks: list[tuple[int, int, int, memoryview]], axis: Axis) -> Cells:
    ns, step0s, t0s, bodies = zip(*blocks, strict=True)
    points = np.array(ns, np.int64)
    bins = -(-points // BIN_POINTS)
    records = np.frombuffer(b"".join(bodies), _record(widths))
    n = np.full(len(records), BIN_POINTS)
    # The last bin of a block is what 64 does not divide.
    n[np.cumsum(bins) - 1] = points - (bins - 1) * BIN_POINTS
    origins, start, length = (step0s, "step", "steps") if axis is Axis.STEP else (t0s, "time", "times")
    x0 = np.repeat(np.array(origins, np.int64), bins) + records[start].astype(np.int64)
    values = records["values"].T.astype(np.float64)
    return Cells(
        x0=x0,
        x1=x0 + records[length].astype(np.int64),
        n=n,
        v_min=values[0],
        v_max=values[1],
        v_sum=records["sum"].astype(np.float64),
        v_first=values[2],
        v_last=values[3],
        nonfinite=records["nonfinite"].astype(np.int64),
    )


@lru_cache(maxsize=256)
def _record(widths: bytes) -> np.dtype[np.void]:
    value, step, steps, time, times = widths
    return np.dtype(
        [
            ("values", f"<f{value}", 4),
            ("sum", "<f8"),
            ("nonfinite", "u1"),
            ("step", f"<u{step}"),
            ("steps", f"<u{steps}"),
            ("time", f"<u{time}"),
            ("times", f"<u{times}"),
        ]
    )


def _value_width(values: Float64s) -> int:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        single = values.astype(np.float32)
    return 4 if np.array_equal(single, values, equal_nan=True) else 8


def _is_single(value: float) -> bool:
    try:
        return bool(_FLOAT32.unpack(_FLOAT32.pack(value))[0] == value)
    except OverflowError:
        return False


def _width(offsets: Int64s) -> int:
    largest = int(offsets.view(np.uint64).max())
    return next(width for width in _WIDTHS if largest < 1 << 8 * width)
