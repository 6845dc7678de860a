"""The decoder of PostgreSQL's binary COPY, against rows that are written here as the format says."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql import postgresql_copy
from connectors.sql.postgresql_copy import STRETCH_BYTES, fields_of

Row = Sequence[bytes | None]
each_number = st.none() | st.integers(-(2**63), 2**63 - 1).map(lambda value: struct.pack(">q", value))
each_text = st.none() | st.binary(max_size=60) | st.sampled_from([b"\0\3\0\0\0\10" * 4, b"\0\3", b"\xff\xff\xff\xff"])
each_row = st.tuples(each_number, each_text, each_number)


def written(rows: Sequence[Row]) -> bytes:
    """Write rows as PostgreSQL does."""
    lines = []
    for row in rows:
        cells = (struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell for cell in row)
        lines.append(struct.pack(">h", len(row)) + b"".join(cells))
    return b"".join(lines)


def read(chunks: Sequence[bytes], widths: Sequence[int | None]) -> list[Row]:
    columns = []
    for fields in fields_of(chunks, widths):
        values = fields.binary()
        columns.append(values.to_pylist())
    return list(zip(*columns, strict=True))


@given(st.lists(st.lists(each_row, max_size=40), min_size=1, max_size=6))
def test_rows_of_any_chunks_are_read_as_they_were_written(chunks: list[list[Row]]) -> None:
    assert read([written(rows) for rows in chunks], [8, None, 8]) == [row for rows in chunks for row in rows]


@pytest.mark.parametrize("rows", [300, 3000])
def test_large_chunks_are_walked_in_stretches(rows: int) -> None:
    given = [
        (struct.pack(">q", number), b"x" * (number % 90), None if number % 3 else b"y" * 8) for number in range(rows)
    ]
    chunk = written(given)
    assert len(chunk) > 2 * STRETCH_BYTES
    assert len(postgresql_copy._stretches(chunk, 0, [8, None, 8])) > 1
    assert read([chunk, chunk[: len(written(given[:7]))]], [8, None, 8]) == [*given, *given[:7]]


def test_what_only_looks_like_rows_is_not_taken_for_them() -> None:
    inner = written([(b"12345678", b"inside", b"87654321")] * 400)
    given = [(b"abcdefgh", inner, None), (None, b"", b"ijklmnop")] * 6
    chunk = written(given)
    assert postgresql_copy._stretches(chunk, 0, [8, None, 8])[1:], "nothing in it looks like a row"
    assert read([chunk], [8, None, 8]) == given


def test_rows_within_the_last_value_are_not_taken_for_rows() -> None:
    given = [(b"abcdefgh", written([(b"12345678", b"inside")] * 2000))]
    assert postgresql_copy._stretches(written(given), 0, [8, None])[1:], "nothing in it looks like a row"
    assert read([written(given)], [8, None]) == given


def test_numbers_are_in_the_order_of_this_machine() -> None:
    (fields,) = fields_of([written([(struct.pack(">d", value),) for value in (0.5, -1e300)]), written([(None,)])], [8])
    assert list(fields.numbers("f8")[:2]) == [0.5, -1e300]
    assert fields.nulls is not None
    assert list(fields.nulls) == [False, False, True]
    assert fields.numbers("f8").dtype == np.dtype("f8")


def test_no_rows_are_no_rows() -> None:
    assert read([b""], [8, None]) == []
    assert read([b"", written([(b"12345678", b"")])], [8, None]) == [(b"12345678", b"")]


@pytest.mark.parametrize("cut", [1, 2, 5, 9, 20])
def test_a_row_that_is_cut_off_is_refused(cut: int) -> None:
    chunk = written([(b"12345678", b"text")] * 3)
    with pytest.raises((ValueError, struct.error)):
        read([chunk[:-cut]], [8, None])


def test_other_rows_than_expected_are_refused() -> None:
    with pytest.raises(ValueError, match="no binary COPY"):
        read([written([(b"12345678", b"text", b"more")])], [8, None])
