"""PostgreSQL's binary COPY, decoded a column at a time: rows of fields, each with its length in front.

Where a row begins is known from the row before only. So the bytes are cut into stretches that begin with a row, and all
stretches are walked at once, a field of each at a step, by numpy. What looks like the beginning of a row is one only if
the stretch before it ends just there; where it does not, the bytes are walked again, one row after the other.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

HEAD: Final = 19
"""Bytes before the first row: a signature of eleven, flags, and the length of an extension, which is zero."""
END: Final = b"\xff\xff"
"""The number of fields that stands where no row follows."""
STRETCH_BYTES: Final = 8192
PADDING: Final = bytes(16)
"""Behind the last field, where the value of a NULL would be read."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a column's values are: a place and a length for each row, -1 for NULL."""

    data: npt.NDArray[np.uint8]
    places: Places
    lengths: Places

    @property
    def nulls(self) -> npt.NDArray[np.bool_] | None:
        """Which values are NULL; None where none is."""
        found = self.lengths < 0
        return found if found.any() else None

    def numbers(self, form: str) -> npt.NDArray[Any]:
        """Return values of a fixed width, in the byte order of this machine; those of NULL are anything."""
        form = f">{form}"
        width = np.dtype(form).itemsize
        view = np.ndarray((self.data.size - width + 1,), form, self.data.data, strides=(1,))
        return view[self.places].astype(np.dtype(form).newbyteorder("="), copy=False)

    def binary(self, skipped: int = 0) -> pa.Array:
        """Return values of any width, without so many bytes at their beginnings.

        Values and what lies between them are made into one array of Arrow, of which every second is taken: that copies
        the values together, in C.
        """
        starts = self.places + skipped
        ends = self.places + np.maximum(self.lengths, skipped)
        between = np.column_stack([starts, ends]).ravel().astype(np.int32)
        count = starts.size
        spans = pa.Array.from_buffers(
            pa.binary(), max(2 * count - 1, 0), [None, pa.py_buffer(between), pa.py_buffer(self.data)]
        )
        taken = spans.take(pa.array(np.arange(0, 2 * count, 2)))
        return self._with_nulls(taken)

    def _with_nulls(self, values: pa.Array) -> pa.Array:
        if (nulls := self.nulls) is None:
            return values
        valid = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
        return pa.Array.from_buffers(values.type, len(values), [valid, *values.buffers()[1:]])


def fields_of(chunks: Sequence[bytes | bytearray], widths: Sequence[int | None]) -> list[Fields]:
    """Find the fields of rows that came in chunks, each of whole rows.

    `widths` are the bytes of each column's values where all have the same. ValueError for what is not in the format.
    """
    data = b"".join([*chunks, PADDING])
    ends = np.cumsum([0, *map(len, chunks)])
    starts = [
        start for chunk, place in zip(chunks, ends, strict=False) for start in _stretches(chunk, int(place), widths)
    ]
    cells = _walked(data, np.array([*starts, ends[-1]], np.int64), len(widths))
    if cells is None:
        cells = _walked_by_row(data, int(ends[-1]), len(widths))
    bytes_of = np.frombuffer(data, np.uint8)
    return [Fields(bytes_of, places, lengths) for places, lengths in cells]


def _stretches(chunk: bytes | bytearray, place: int, widths: Sequence[int | None]) -> list[int]:
    """Return where stretches of a chunk begin: its beginning, which is sure, and what looks like a row later on."""
    found = [place]
    mark = struct.pack(">h", len(widths))
    at = STRETCH_BYTES
    while at + STRETCH_BYTES <= len(chunk):
        candidate = chunk.find(mark, at, at + STRETCH_BYTES)
        if candidate < 0:
            at += STRETCH_BYTES
        elif _is_row(chunk, candidate, widths):
            found.append(place + candidate)
            at = candidate + STRETCH_BYTES
        else:
            at = candidate + 1
    return found


def _is_row(chunk: bytes | bytearray, at: int, widths: Sequence[int | None]) -> bool:
    """Say whether what begins here has the lengths of a row, and another row or the end behind it."""
    place = at + 2
    for width in widths:
        if place + 4 > len(chunk):
            return False
        (length,) = struct.unpack_from(">i", chunk, place)
        if length < -1 or (width is not None and length not in {-1, width}):
            return False
        place += 4 + max(length, 0)
    return place == len(chunk) or chunk[place : place + 2] == struct.pack(">h", len(widths))


def _walked(data: bytes, bounds: Places, count: int) -> list[tuple[Places, Places]] | None:
    """Walk all stretches at once; None where one does not end where the next begins."""
    lengths_at = np.ndarray((len(data) - 3,), ">i4", data, strides=(1,))
    counts_at = np.ndarray((len(data) - 1,), ">i2", data, strides=(1,))
    ids, at, ends = np.arange(bounds.size - 1), bounds[:-1].copy(), bounds[1:]
    steps: list[Places] = []
    cells: list[tuple[list[Places], list[Places]]] = [([], []) for _ in range(count)]
    while True:
        alive = at < ends
        if not alive.all():
            if (at[~alive] != ends[~alive]).any():
                return None
            ids, at, ends = ids[alive], at[alive], ends[alive]
        if not ids.size:
            return _in_order(steps, cells, bounds.size - 1)
        if (counts_at[at] != count).any():
            return None
        steps.append(ids)
        at = at + 2
        for places, lengths in cells:
            length = lengths_at[at].astype(np.int64)
            at = at + 4
            places.append(at)
            lengths.append(length)
            at = at + np.maximum(length, 0)
            if at.max() > len(data) - len(PADDING):
                return None


def _in_order(
    steps: list[Places], cells: list[tuple[list[Places], list[Places]]], stretches: int
) -> list[tuple[Places, Places]]:
    """Put what was found step by step into the order of the rows."""
    if not steps:
        empty = np.empty(0, np.int64)
        return [(empty, empty) for _ in cells]
    ids = np.concatenate(steps)
    rows = np.bincount(ids, minlength=stretches)
    step = np.repeat(np.arange(len(steps)), [one.size for one in steps])
    row = (np.cumsum(rows) - rows)[ids] + step

    def ordered(parts: list[Places]) -> Places:
        found = np.empty(row.size, np.int64)
        found[row] = np.concatenate(parts)
        return found

    return [(ordered(places), ordered(lengths)) for places, lengths in cells]


def _walked_by_row(data: bytes, end: int, count: int) -> list[tuple[Places, Places]]:
    places: list[int] = []
    lengths: list[int] = []
    length_of, at = struct.Struct(">i").unpack_from, 0
    mark = struct.pack(">h", count)
    while at < end:
        if data[at : at + 2] != mark:
            raise ValueError("what PostgreSQL sends is no binary COPY")
        at += 2
        for _ in range(count):
            (length,) = length_of(data, at)
            at += 4
            places.append(at)
            lengths.append(length)
            at += max(length, 0)
    if at != end:
        raise ValueError("a row of PostgreSQL's binary COPY is cut off")
    shape = (-1, count)
    return list(
        zip(
            np.array(places, np.int64).reshape(shape).T.copy(),
            np.array(lengths, np.int64).reshape(shape).T.copy(),
            strict=True,
        )
    )
