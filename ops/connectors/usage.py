"""How much connectors are used, counted by the day of UTC: by errands and by jobs, some at a time."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, StatementFailed

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
"""So long counts are collected before they are written."""
_COUNT: Final = """
    INSERT INTO connector_usage AS u (organization_id, connector_id, day, operations, errors, bytes_read, bytes_written)
    SELECT c.organization_id, c.id, (now() AT TIME ZONE 'UTC')::date, g.operations, g.errors, g.read, g.written
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS g (id, operations, errors, read, written) JOIN connector c ON c.id = g.id
    ORDER BY c.id
    ON CONFLICT (connector_id, day) DO UPDATE SET operations = u.operations + excluded.operations,
        errors = u.errors + excluded.errors, bytes_read = u.bytes_read + excluded.bytes_read,
        bytes_written = u.bytes_written + excluded.bytes_written
"""


@dataclass(slots=True)
class Used:
    """How often something was done with a connector, how often in vain, and how many bytes were moved."""

    operations: int = 0
    errors: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def add(self, more: "Used") -> None:
        """Count more."""
        self.operations += more.operations
        self.errors += more.errors
        self.bytes_read += more.bytes_read
        self.bytes_written += more.bytes_written


async def count(db: Database, connector_id: UUID, used: Used) -> None:
    """Add to what is counted of a connector today; nothing for one that is gone."""
    await _write(db, {connector_id: used})


class Tally:
    """Counts that are written together every few seconds, so that much use costs few statements."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: dict[UUID, Used] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, connector_id: UUID, used: Used) -> None:
        """Count, now or in some seconds."""
        self._counts.setdefault(connector_id, Used()).add(used)
        if self._task is None:
            self._task = asyncio.create_task(self._write_later(), name="usage of connectors")

    async def close(self) -> None:
        """Write what is left."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._flush()

    async def _write_later(self) -> None:
        await asyncio.sleep(EVERY_S)
        self._task = None
        await self._flush()

    async def _flush(self) -> None:
        counts, self._counts = self._counts, {}
        if counts:
            try:
                await _write(self._db, counts)
            except (*CONNECTION_LOST, StatementFailed) as error:
                logger.warning("The use of connectors was not counted: %s", error)


async def _write(db: Database, counts: dict[UUID, Used]) -> None:
    used = list(counts.values())
    await db.fetch_sql(
        _COUNT,
        list(counts),
        [one.operations for one in used],
        [one.errors for one in used],
        [one.bytes_read for one in used],
        [one.bytes_written for one in used],
    )
