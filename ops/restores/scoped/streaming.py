"""Rows on their way from one database to another: in the binary form of COPY, a little at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from maestro.db.engine import Database, Transaction
from maestro.progress import Progress

WAITING: Final = 16
"""So many chunks wait at most until they are written, each some dozen kilobytes or one row."""
LOOK_EVERY_S: Final = 0.5

_WRITTEN: Final = "SELECT coalesce(max(tuples_processed), 0) AS n FROM pg_stat_progress_copy WHERE pid = $1"


async def stream(source: Any, tx: Transaction, query: str, *, table: str, columns: Sequence[str]) -> int:
    """Write what a query of the source answers into a table of the target, and return how many rows that are."""
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)

    async def read() -> None:
        await source.copy_from_query(query, output=chunks.put, format="binary")
        await chunks.put(None)

    async def received() -> AsyncIterator[bytes]:
        while (chunk := await chunks.get()) is not None:
            yield chunk

    reading = asyncio.create_task(read())
    writing = asyncio.create_task(tx.receive(table, columns, received()))
    try:
        # Without the one the other would wait for ever.
        await asyncio.wait((reading, writing), return_when=asyncio.FIRST_EXCEPTION)
    finally:
        unfinished = [task for task in (reading, writing) if not task.done()]
        for task in unfinished:
            task.cancel()
        await asyncio.wait((reading, writing))
    if not reading.cancelled():
        reading.result()
    return writing.result()


@asynccontextmanager
async def watched(db: Database, tx: Transaction, progress: Progress, *, done: int, total: int) -> AsyncIterator[None]:
    """Tell how many rows are written while a COPY of the transaction runs in the block, beyond those done before."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            (row,) = await db.fetch_sql(_WRITTEN, tx.pid)
            progress("Copying rows", min(done + row.n, total), total, unit="rows")

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
