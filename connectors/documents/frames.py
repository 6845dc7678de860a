"""Documents as a table of pandas."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bson import Decimal128, Int64, ObjectId
from bson.timestamp import Timestamp

from connectors.documents.capability import Document

if TYPE_CHECKING:
    from pandas import DataFrame


async def frame_of(batches: AsyncIterator[Sequence[Document]]) -> "DataFrame":
    """Return documents as a table: a row each, a column for each field of the top; what is inside of them stays so.

    Ids are texts, 128-bit decimals exact ones of Python.
    """
    rows = []
    async for batch in batches:
        rows += await asyncio.to_thread(lambda some: [_row(one) for one in some], batch)
    return await asyncio.to_thread(_made, rows)


def _made(rows: list[dict[str, Any]]) -> "DataFrame":
    # It takes two seconds to import, and is wanted by whoever wants a table.
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame.from_records(rows)


def _row(document: Document) -> dict[str, Any]:
    return {name: _value(value) for name, value in document.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _row(value)
    if isinstance(value, list):
        return [_value(inner) for inner in value]
    made = _MADE.get(type(value))
    return value if made is None else made(value)


_MADE: Final[Mapping[type, Callable[[Any], Any]]] = {
    ObjectId: str,
    Int64: int,
    Decimal128: Decimal128.to_decimal,
    Timestamp: Timestamp.as_datetime,
}
