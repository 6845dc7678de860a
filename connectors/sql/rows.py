"""Small results, whole and as Python's own values."""

from collections.abc import Sequence
from typing import Any

from connectors.sql.capability import Query, Result


async def dicts(source: Query, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a read and return its rows, by the names of the columns; the errors are those of `query`."""
    async with source.query(statement, parameters) as result:
        return [row async for batch in result.batches() for row in batch.to_pylist()]


async def tuples(result: Result) -> list[tuple[Any, ...]]:
    """Return the rows of a result; two columns may have one name."""
    return [
        row
        async for batch in result.batches()
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]
