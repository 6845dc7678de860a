"""Documents as rows: a column a field of the top, in the order in which they occur, with the types that they have."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import orjson

from connectors.documents.capability import Document
from connectors.documents.kinds import kind_of
from connectors.sql.capability import Column, ColumnType
from ops.connectors.files import Parsed
from ops.connectors.rows import Taken
from ops.connectors.wire import plain

_TYPES: Final[Mapping[str, ColumnType]] = {
    "bool": ColumnType.BOOLEAN,
    "int": ColumnType.INTEGER,
    "long": ColumnType.INTEGER,
    "double": ColumnType.FLOAT,
    "decimal": ColumnType.DECIMAL,
    "string": ColumnType.TEXT,
    "binData": ColumnType.BINARY,
    "date": ColumnType.TIMESTAMP,
    "array": ColumnType.ARRAY,
    "object": ColumnType.STRUCT,
}
_NUMBERS: Final = ({"int", "long"}, {"int", "double"}, {"long", "double"}, {"int", "long", "double"})
"""Kinds that may stand in one column of numbers."""


def rows_of(documents: Sequence[Document]) -> Parsed:
    """Return documents as rows; the vendor's types are those of MongoDB's `$type`."""
    names = list(dict.fromkeys(str(name) for one in documents for name in one))
    rows = [[one.get(name) for name in names] for one in documents]
    return Parsed([_column(name, [row[place] for row in rows]) for place, name in enumerate(names)], rows)


def _column(name: str, values: Sequence[Any]) -> Column:
    kinds = {kind_of(value) for value in values} - {"null"}
    return Column(name, _type(kinds), " or ".join(sorted(kinds)) or "null", is_nullable=None in values)


def _type(kinds: set[str]) -> ColumnType:
    if kinds in _NUMBERS:
        return ColumnType.FLOAT if "double" in kinds else ColumnType.INTEGER
    return _TYPES.get(next(iter(kinds)), ColumnType.OTHER) if len(kinds) == 1 else ColumnType.JSON


async def taken_documents(
    found: AsyncIterator[Sequence[Document]], *, most: int, most_bytes: int
) -> tuple[Sequence[Column], Taken]:
    """Return the columns and the first rows of what comes in batches; no more is asked for than there is room for."""
    documents, size = list[Document](), 0
    async with aclosing(found) as batches:  # type: ignore[type-var] # all sources generate
        async for batch in batches:
            for one in batch:
                documents.append(one)
                # A row may have nulls besides, for fields that only other documents have.
                size += len(orjson.dumps([plain(value) for value in one.values()]))
                if len(documents) > most or size > most_bytes:
                    return _taken(documents, most=most, most_bytes=most_bytes)
    return _taken(documents, most=most, most_bytes=most_bytes)


def _taken(documents: Sequence[Document], *, most: int, most_bytes: int) -> tuple[Sequence[Column], Taken]:
    made, taken = rows_of(documents), Taken()
    taken.add(made.rows, most=most, most_bytes=most_bytes)
    return made.columns, taken
