"""How long jobs that have ended are kept."""

from datetime import datetime
from typing import Final

from maestro.db.engine import Database
from maestro.progress import Progress, untold

BATCH: Final = 500
_FORGET: Final = f"""
    DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE state NOT IN ('QUEUED', 'RUNNING', 'CANCELLING') AND ended_at < $1
        ORDER BY id LIMIT {BATCH} FOR UPDATE SKIP LOCKED
    ) RETURNING id
"""  # noqa: S608 -- our own SQL, put together


async def forget(db: Database, before: datetime, *, progress: Progress = untold) -> int:
    """Delete jobs that ended before a moment, with their events, over all organisations; return how many those were."""
    forgotten = 0
    while True:
        async with db.transaction() as tx:
            gone = await tx.fetch_sql(_FORGET, before)
        forgotten += len(gone)
        progress("Forgetting old jobs", forgotten, unit="jobs")
        if len(gone) < BATCH:
            return forgotten
