"""Rows that the queue knows better: jobs whose end was never written, and jobs that the queue has lost.

That is rare. The database may have been away for longer than a worker has patience, a worker may have died between the
end of a job and its row, the jobs database may have been lost.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from maestro.clock import now
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import JobState
from maestro.errors import MaestroError
from maestro.queue import durable, records
from maestro.queue.dispatching import workflow_id
from maestro.queue.failures import failure_of
from maestro.queue.records import Attempt, Outcome
from maestro.queue.takeover import Reaper

EVERY_S: Final = 2.0
SETTLED: Final = timedelta(seconds=2)
"""How long a worker is given to write by itself what has ended."""
CLEANED_UP: Final = timedelta(seconds=60)
"""How long a step that is cancelled may take to clean up, while its worker lives."""
_LIVE: Final = """
    SELECT id, attempt, state, worker, dispatched_at FROM job
    WHERE state IN ('QUEUED', 'RUNNING', 'CANCELLING') AND dispatched_at < now() - interval '2 s'
    ORDER BY id LIMIT 500
"""

Found = tuple[str, dict[str, Any] | None, datetime | None]


async def reconcile(db: Database, reaper: Reaper) -> None:
    """Bring the rows of jobs that seem to live to what the queue knows of them."""
    rows = {workflow_id(row.id, row.attempt): row for row in await db.fetch_sql(_LIVE)}
    if not rows:
        return
    known = await asyncio.to_thread(durable.outcomes, list(rows))
    for key, row in rows.items():
        if key not in known:
            await records.dispatch_again(db, row.id, row.attempt)
        elif (outcome := await _settled(row, known[key], reaper)) is not None:
            await records.finish(db, Attempt(row.id, row.attempt, row.worker or ""), outcome)


async def _settled(row: Row, found: Found, reaper: Reaper) -> Outcome | None:
    """Return how a job has ended; None while it goes on, or its worker may still write that itself."""
    status, output, ended_at = found
    if status in durable.ACTIVE or ended_at is None:
        return None
    if status == "CANCELLED":
        is_over = row.worker is None or now() - ended_at > CLEANED_UP or await reaper.is_gone(row.worker)
        return Outcome(JobState.CANCELLED) if is_over else None
    if now() - ended_at < SETTLED:
        return None
    if status == "SUCCESS" and output is not None:
        return Outcome.of(output)
    return Outcome(JobState.FAILED, failure=failure_of(MaestroError("The queue has given the job up.")))
