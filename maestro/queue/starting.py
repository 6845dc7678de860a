"""What a request does with a job: start it, ask for its end, have it tried again; each in the caller's transaction.

A job is its row. Inserted, it is also the note to the workers that there is something to do, so nothing else has to be
written, and a transaction that is rolled back has never asked for anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables import Job
from maestro.db.tables.enums import JobKind, JobState
from maestro.errors import Conflict, NotFound
from maestro.events import Event, publish, topic
from maestro.ids import Kind
from maestro.spans import handed_on

CHANNEL: Final = "maestro_jobs"
"""Workers listen here: something waits to be run or to be cancelled."""
LIVE: Final = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING})
"""What a job is before it has ended."""
AGAIN: Final = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.PARTIAL})
"""What a job that can be tried again is."""


async def start(  # noqa: PLR0913 -- the columns that a caller fills, by name
    tx: Transaction,
    *,
    organization_id: UUID,
    kind: JobKind,
    input: Mapping[str, Any] | None = None,  # noqa: A002 -- the column's name
    created_by_id: UUID | None = None,
    priority: int = 0,
    idempotency_key: str | None = None,
    run_after: datetime | None = None,
    id: UUID | None = None,  # noqa: A002 -- the column's name
) -> Row:
    """Start a job once the transaction commits, and return its row; under a used key the row of the first time.

    `input` is what the job is given, plain JSON. Of those that wait, the ones of a higher `priority` go first; none
    starts before `run_after`. `id` is for callers that refer to the job from rows of their own. Conflict when the
    key was used for another job or input.
    """
    given = dict(input or {})
    values = {
        "id": id or uuid7(),
        "organization_id": organization_id,
        "kind": kind.value,
        "input": given,
        "created_by_id": created_by_id,
        "priority": priority,
        "idempotency_key": idempotency_key,
        "run_after": run_after,
        "attempt": 1,
        "traceparent": handed_on(),
    }
    # Whoever comes second under a key waits here for the end of the first one's transaction.
    unique = insert(Job).on_conflict_do_nothing(
        index_elements=[Job.organization_id, Job.idempotency_key], index_where=Job.idempotency_key.is_not(None)
    )
    made = await tx.fetch_one(unique.values(**values).returning(*Job.__table__.c))
    if made is None:
        return await _earlier(tx, organization_id, str(idempotency_key), kind=kind, given=given)
    await _tell(tx, made)
    return made


async def request_cancel(
    tx: Transaction, *, organization_id: UUID, job_id: UUID, cancelled_by_id: UUID | None = None
) -> Row:
    """Ask for the end of a job and return its row: CANCELLED when nobody has begun it, else CANCELLING.

    Asking again changes nothing. NotFound; Conflict when it has ended.
    """
    job = await _locked(tx, organization_id, job_id)
    if job.state in (JobState.CANCELLING, JobState.CANCELLED):
        return job
    if job.state not in LIVE:
        raise Conflict("This job has ended already.", state=job.state)
    is_untouched = job.state == JobState.QUEUED and job.dispatched_at is None
    state = JobState.CANCELLED if is_untouched else JobState.CANCELLING
    ended = {"ended_at": func.now()} if is_untouched else {}
    return await _change(tx, job, state=state, cancelled_by_id=cancelled_by_id, **ended)


async def retry(tx: Transaction, *, organization_id: UUID, job_id: UUID) -> Row:
    """Have a job that failed, was cancelled or succeeded in part run again from its start, and return its row.

    NotFound; Conflict when it is running, or has succeeded.
    """
    job = await _locked(tx, organization_id, job_id)
    if job.state not in AGAIN:
        told = "has not ended yet" if job.state in LIVE else "has succeeded"
        raise Conflict(f"This job {told}.", state=job.state, hint="Start another one.")
    return await _change(
        tx,
        job,
        state=JobState.QUEUED,
        attempt=job.attempt + 1,
        crashes=0,
        traceparent=handed_on(),
        **dict.fromkeys(
            (
                *("phase", "completed", "total", "unit", "run_after", "started_at", "ended_at", "result"),
                *("error_code", "error_message", "is_retryable", "dispatched_at", "worker", "cancelled_by_id"),
            )
        ),
    )


async def _locked(tx: Transaction, organization_id: UUID, job_id: UUID) -> Row:
    query = select(*Job.__table__.c).where(Job.id == job_id, Job.organization_id == organization_id)
    found = await tx.fetch_one(query.with_for_update(key_share=True))
    if found is None:
        raise NotFound("There is no such Job.")
    return found


async def _earlier(tx: Transaction, organization_id: UUID, key: str, *, kind: JobKind, given: dict[str, Any]) -> Row:
    query = select(*Job.__table__.c).where(Job.organization_id == organization_id, Job.idempotency_key == key)
    (found,) = await tx.fetch(query)
    if found.kind != kind or orjson.loads(orjson.dumps(given)) != found.input:
        raise Conflict(
            f"The idempotency key {key!r} was used for another job.",
            field="idempotencyKey",
            hint="Send the same input again, or use a new key.",
        )
    return found


async def _change(tx: Transaction, job: Row, **values: Any) -> Row:
    query = update(Job).where(Job.id == job.id).values(**values, version=Job.version + 1, updated_at=func.now())
    (changed,) = await tx.fetch(query.returning(*Job.__table__.c))
    await _tell(tx, changed)
    return changed


async def _tell(tx: Transaction, job: Row) -> None:
    await publish(tx, [Event(topic(Kind.Job, job.id), {"state": job.state})])
    await tx.fetch_sql("SELECT pg_notify($1, '')", CHANNEL)
