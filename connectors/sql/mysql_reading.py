"""Answers of MySQL as they come in: row by row from a cursor that keeps nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiomysql
import pyarrow as pa

from connectors.sql.arrow import batch_of, schema_of
from connectors.sql.mysql_connection import Connection
from connectors.sql.mysql_errors import translated
from connectors.sql.mysql_types import described, is_set


class Cursor(aiomysql.SSCursor):  # type: ignore[misc] # the driver has no types
    """A cursor that does not ask for warnings, which would be one more statement."""

    async def _show_warnings(self, conn: Any) -> None:
        pass

    @property
    def fields(self) -> Sequence[Any]:
        """What the server says of the columns; none for a statement that answers no rows."""
        return getattr(self._result, "fields", None) or ()


class Answer:
    """What a statement answers; `limits` is its timeout and when that ends, `batch_rows` most rows of a batch."""

    def __init__(self, connection: Connection, cursor: Cursor, *, limits: tuple[float, float], batch_rows: int) -> None:
        found = described(cursor.fields)
        self.columns = tuple(one.column for one in found)
        self.schema = schema_of(self.columns, [one.arrow for one in found])
        self.query_id = str(connection.thread_id())
        self.affected = None if found else cursor.rowcount
        self._connection = connection
        self._cursor = cursor
        self._limits = limits
        self._batch_rows = batch_rows
        self._dates = [number for number, one in enumerate(found) if pa.types.is_temporal(one.arrow)]
        if not found:
            connection.is_asking = False

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time."""
        timeout_s, until = self._limits
        while self.columns and self._connection.is_asking:
            with translated(timeout_s):
                async with asyncio.timeout_at(until):
                    rows = await self._cursor.fetchmany(self._batch_rows)
            if len(rows) < self._batch_rows:
                self._connection.is_asking = False
            if rows:
                yield batch_of(self._dated(rows), self.schema)

    def _dated(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Take a day that is none, like 0000-00-00, as NULL."""
        if not self._dates:
            return rows
        types = self.schema.types
        return [
            [value if is_set(value, kind) else None for value, kind in zip(row, types, strict=True)] for row in rows
        ]
