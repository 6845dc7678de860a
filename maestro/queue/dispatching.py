"""From the rows of jobs to the queue: what waits is handed out, what is to end is cancelled."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.queue import durable, records
from maestro.queue.work import SHARED, JobSpec

MOST: Final = 50
"""So many jobs are handed out in one transaction."""
_WAITING: Final = f"""
    SELECT id, organization_id, kind, input, attempt, priority, traceparent FROM job
    WHERE state = 'QUEUED' AND dispatched_at IS NULL AND (run_after IS NULL OR run_after <= now())
    ORDER BY priority DESC, id LIMIT {MOST}
"""  # noqa: S608 -- our own SQL, put together
_DISPATCHED: Final = """
    UPDATE job SET dispatched_at = now() FROM unnest($1::uuid[], $2::int[]) AS done (id, attempt)
    WHERE job.id = done.id AND job.attempt = done.attempt AND job.state = 'QUEUED'
"""
_TO_END: Final = "SELECT id, attempt FROM job WHERE state = 'CANCELLING' ORDER BY id LIMIT 500"


class Dispatcher:
    """What one worker does of it; several do the same at once, and each job is handed out once."""

    def __init__(self, db: Database, jobs: Mapping[str, JobSpec]) -> None:
        self._db = db
        self._jobs = jobs
        self._cancelled: set[str] = set()

    async def dispatch(self) -> None:
        """Hand out all that waits."""
        while await self._dispatch_some() == MOST:
            pass

    async def cancel(self) -> None:
        """Cancel what is to end; what nobody had begun has ended by that."""
        rows = await self._db.fetch_sql(_TO_END)
        ids = {workflow_id(row.id, row.attempt): row for row in rows}
        # Once is enough, and a second time would look like a later end.
        self._cancelled &= ids.keys()
        for key, row in ids.items():
            if key not in self._cancelled:
                await asyncio.to_thread(durable.cancel, key)
                self._cancelled.add(key)
            await records.cancel_unbegun(self._db, row.id, row.attempt)

    async def _dispatch_some(self) -> int:
        # No lock is held meanwhile, on which a request would wait: the queue takes an id once, whoever comes with it,
        # and a worker that is given what has been cancelled or tried anew leaves it.
        rows = await self._db.fetch_sql(_WAITING)
        if rows:
            await asyncio.to_thread(self._enqueue, rows)
            async with self._db.transaction() as tx:
                await tx.fetch_sql(_DISPATCHED, [row.id for row in rows], [row.attempt for row in rows])
        return len(rows)

    def _enqueue(self, rows: list[Row]) -> None:
        for row in rows:
            spec = self._jobs.get(row.kind)
            durable.enqueue(
                workflow_id(row.id, row.attempt),
                given_of(row),
                queue=SHARED if spec is None else spec.queue,
                priority=row.priority,
            )


def workflow_id(job_id: UUID, attempt: int) -> str:
    """Return under which id the queue knows an attempt of a job."""
    return f"{job_id.hex}:{attempt}"


def given_of(row: Row) -> dict[str, Any]:
    """Return what the queue keeps of a job."""
    return {
        "id": row.id.hex,
        "organization_id": row.organization_id.hex,
        "attempt": row.attempt,
        "kind": row.kind,
        "input": row.input,
        "traceparent": row.traceparent,
    }
