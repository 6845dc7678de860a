"""Rows of a vendor's answer, taken as long as there is room for them."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from connectors.sql.capability import Column, ColumnType, Result
from ops.connectors.wire import plain

SLICE: Final = 500
"""So many rows are looked at before it is measured how much they are."""

ENDLESS: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""What databases write for decimals that are no number."""


@dataclass(slots=True)
class Taken:
    """Rows as JSON holds them; `size` in bytes of JSON. `is_truncated` says that there are more."""

    rows: list[list[Any]] = field(default_factory=list)
    size: int = 0
    is_truncated: bool = False

    def add(self, rows: Sequence[Sequence[Any]], *, most: int, most_bytes: int) -> bool:
        """Take rows up to a number and a size; say whether there is room for more."""
        for row in rows:
            made = [plain(value) for value in row]
            size = len(orjson.dumps(made))
            if len(self.rows) >= most or self.size + size > most_bytes:
                self.is_truncated = True
                return False
            self.rows.append(made)
            self.size += size
        return True


def columns_of(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return columns as plain JSON."""
    return [
        {
            "name": one.name,
            "type": one.type.value,
            "vendor_type": one.vendor_type,
            "is_nullable": one.is_nullable,
            "is_key": one.is_key,
            "comment": one.comment,
        }
        for one in columns
    ]


async def taken_from(result: Result, *, most: int, most_bytes: int) -> Taken:
    """Return the first rows of a result."""
    taken = Taken()
    async with aclosing(result.batches()) as batches:  # type: ignore[type-var] # all sources generate
        async for batch in batches:
            for start in range(0, batch.num_rows, SLICE):
                part = batch.slice(start, SLICE)
                rows = list(zip(*map(_values, part.columns, result.columns), strict=True))
                if not taken.add(rows, most=most, most_bytes=most_bytes):
                    return taken
    return taken


def _values(column: Any, declared: Column) -> list[Any]:
    """Return the values of a column; JSON, which comes as text, as what it says, and decimals that are none as null."""
    values = values_of(column)
    if declared.type is ColumnType.JSON:
        return [_read(value) for value in values]
    if declared.type is ColumnType.DECIMAL:
        return [None if value in ENDLESS else value for value in values]
    return values


def _read(text: Any) -> Any:
    try:
        return orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError:
        return text


def values_of(column: Any) -> list[Any]:
    """Return a column of Arrow as plain values; moments that are finer than Python's keep their nanoseconds."""
    kind = str(column.type)
    if kind.startswith("timestamp[ns"):
        texts = column.cast("string").to_pylist()
        return [None if text is None else text.replace(" ", "T") for text in texts]
    values: list[Any] = column.to_pylist()
    return values
