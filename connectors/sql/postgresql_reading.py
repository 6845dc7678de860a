"""Answers of PostgreSQL as they come in: by COPY where no parameter is given, otherwise through a cursor at the server.

COPY sends everything without being asked again, and a column at a time is decoded: three times as fast. It takes no
parameters, and those are never written into a statement.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pyarrow as pa

from connectors.sql.arrow import batch_of
from connectors.sql.capability import Column
from connectors.sql.postgresql_columns import decoded
from connectors.sql.postgresql_copy import END, HEAD
from connectors.sql.postgresql_errors import translated
from connectors.sql.postgresql_shape import Shape

GROUP_BYTES: Final = 4 * 1024 * 1024
"""So much is decoded at once."""
GROUPS: Final = 2
"""So many wait to be decoded; then nothing more is read from the server."""


class Answer:
    """Rows that are there already, or none."""

    def __init__(
        self,
        columns: Sequence[Column] = (),
        schema: pa.Schema | None = None,
        *,
        rows: Sequence[Sequence[Any]] = (),
        query_id: str | None = None,
        affected: int | None = None,
        batch_rows: int = 1,
    ) -> None:
        self.columns = columns
        self.schema = pa.schema([]) if schema is None else schema
        self.query_id = query_id
        self.affected = affected
        self._rows = rows
        self._batch_rows = batch_rows

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time."""
        for start in range(0, len(self._rows), self._batch_rows):
            yield batch_of(self._rows[start : start + self._batch_rows], self.schema)


class Limits:
    """How long a statement may take, counted from now, and how many rows a batch may have."""

    def __init__(self, timeout_s: float, batch_rows: int) -> None:
        self.timeout_s = timeout_s
        self.batch_rows = batch_rows
        self._until = asyncio.get_running_loop().time() + timeout_s

    @property
    def left_s(self) -> float:
        """The seconds that are left, more than none."""
        return max(self._until - asyncio.get_running_loop().time(), 0.001)


class Fetched(Answer):
    """Rows that a cursor at the server gives, a batch when it is asked for one."""

    def __init__(self, shape: Shape, cursor: Any, limits: Limits, *, query_id: str) -> None:
        super().__init__(shape.columns, shape.schema, query_id=query_id)
        self._cursor = cursor
        self._limits = limits

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time."""
        while True:
            with translated(self._limits.timeout_s):
                rows = await self._cursor.fetch(self._limits.batch_rows, timeout=self._limits.left_s)
            if rows:
                yield batch_of(rows, self.schema)
            if len(rows) < self._limits.batch_rows:
                return


class Copied(Answer):
    """Rows that COPY sends, which begins at once; to be closed."""

    def __init__(self, connection: Any, shape: Shape, limits: Limits, *, query_id: str) -> None:
        super().__init__(shape.columns, shape.schema, query_id=query_id)
        self._names = shape.names
        self._limits = limits
        self._chunks: list[bytearray] = []
        self._size = 0
        self._groups: deque[list[bytearray]] = deque()
        self._has_changed, self._has_room = asyncio.Event(), asyncio.Event()
        self._copying = asyncio.create_task(
            connection.copy_from_query(shape.statement, output=self._take, format="binary", timeout=limits.left_s)
        )
        self._copying.add_done_callback(lambda _: self._has_changed.set())

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time; they are decoded in a thread, while the next ones come in."""
        skipped = HEAD
        while chunks := await self._group():
            chunks[0] = chunks[0][skipped:]
            skipped = 0
            rows = await asyncio.to_thread(decoded, chunks, self.schema, self._names)
            for start in range(0, rows.num_rows, self._limits.batch_rows):
                yield rows.slice(start, self._limits.batch_rows)

    async def close(self) -> None:
        """Stop what is still coming."""
        self._copying.cancel()
        await asyncio.wait([self._copying])
        if not self._copying.cancelled():
            self._copying.exception()

    async def _take(self, chunk: bytearray) -> None:
        """Keep what has come, whole rows; the last chunk of all is never part of a full group."""
        if self._size >= GROUP_BYTES:
            self._groups.append(self._chunks)
            self._chunks, self._size = [], 0
            self._has_changed.set()
        self._chunks.append(chunk)
        self._size += len(chunk)
        while len(self._groups) >= GROUPS:
            self._has_room.clear()
            await self._has_room.wait()

    async def _group(self) -> list[bytearray]:
        """Return the next chunks; none when all have been returned."""
        while not self._groups:
            if self._copying.done():
                with translated(self._limits.timeout_s):
                    await self._copying
                return self._rest()
            self._has_changed.clear()
            await self._has_changed.wait()
        self._has_room.set()
        return self._groups.popleft()

    def _rest(self) -> list[bytearray]:
        rest, self._chunks = self._chunks, []
        if rest:
            rest[-1] = rest[-1].removesuffix(END)
        return rest
