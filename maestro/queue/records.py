"""What workers write into the rows of jobs, which are what clients read of them.

Each write bears being done twice, and names the attempt: a worker that was taken for dead changes nothing any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import JobState
from maestro.errors import CrashedTooOften
from maestro.events import Event, publish, topic
from maestro.ids import Kind

_TOUCHED: Final = "version = job.version + 1, updated_at = now()"
_BEGIN: Final = f"""
    WITH old AS (
        SELECT id, state, worker, attempt FROM job WHERE id = $1 FOR NO KEY UPDATE
    ), begun AS (
        UPDATE job SET state = 'RUNNING', worker = $3, started_at = coalesce(job.started_at, now()), {_TOUCHED},
            crashes = job.crashes + (old.state = 'RUNNING' AND old.worker IS DISTINCT FROM $3
                AND old.worker IS NOT NULL)::int
        FROM old WHERE job.id = old.id AND old.attempt = $2 AND old.state IN ('QUEUED', 'RUNNING')
        RETURNING job.id, job.crashes
    )
    SELECT old.state, old.worker, old.attempt = $2 AS is_ours, begun.id IS NOT NULL AS is_begun, job.error_code,
        begun.crashes, job.phase, job.completed
    FROM old JOIN job ON job.id = old.id LEFT JOIN begun ON begun.id = old.id
"""  # noqa: S608 -- our own SQL, put together
_FINISH: Final = f"""
    UPDATE job SET state = $3, result = $4, error_code = $5, error_message = $6, is_retryable = $7, ended_at = now(),
        phase = coalesce($8, phase), completed = CASE WHEN $8::text IS NULL THEN completed ELSE $9 END,
        total = CASE WHEN $8::text IS NULL THEN total ELSE $10 END,
        unit = CASE WHEN $8::text IS NULL THEN unit ELSE $11 END, {_TOUCHED}
    WHERE id = $1 AND attempt = $2 AND state IN ('QUEUED', 'RUNNING', 'CANCELLING')
    RETURNING id
"""  # noqa: S608 -- our own SQL, put together
_PROGRESS: Final = f"""
    UPDATE job SET phase = $4, completed = $5, total = $6, unit = $7, {_TOUCHED}
    WHERE id = $1 AND attempt = $2 AND worker = $3 AND state IN ('RUNNING', 'CANCELLING') RETURNING id, state
"""  # noqa: S608 -- our own SQL, put together
_HAND_OVER: Final = f"""
    UPDATE job SET worker = NULL, state = CASE state WHEN 'RUNNING' THEN 'QUEUED' ELSE state END, {_TOUCHED}
    WHERE worker = $1 AND state IN ('RUNNING', 'CANCELLING') RETURNING id, organization_id, state
"""  # noqa: S608 -- our own SQL, put together
_CANCEL: Final = f"""
    UPDATE job SET state = 'CANCELLED', ended_at = now(), {_TOUCHED}
    WHERE id = $1 AND attempt = $2 AND state = 'CANCELLING' AND worker IS NULL RETURNING id
"""  # noqa: S608 -- our own SQL, put together
_AGAIN: Final = f"""
    UPDATE job SET state = 'QUEUED', dispatched_at = NULL, worker = NULL, {_TOUCHED}
    WHERE id = $1 AND attempt = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING id
"""  # noqa: S608 -- our own SQL, put together
_EVENT: Final = """
    INSERT INTO job_event (id, organization_id, job_id, level, message, details)
    SELECT $1, organization_id, id, $3, $4, $5 FROM job WHERE id = $2
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a job is."""

    phase: str
    completed: int | None = None
    total: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job, by one worker."""

    job_id: UUID
    number: int
    worker: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job has ended; `failure` is there for FAILED, and for PARTIAL what is left."""

    state: JobState
    result: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {"state": self.state.value, "result": self.result, "failure": self.failure}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Outcome":
        """Return what was kept."""
        return cls(JobState(kept["state"]), kept["result"], kept["failure"])


class Verdict(Enum):
    """What is to become of an attempt that a worker has been given."""

    RUN = "run it"
    LEAVE = "nobody wants it any more"
    CRASHED = "it has crashed too often"


async def begin(db: Database, attempt: Attempt, *, most_crashes: int) -> tuple[Verdict, Snapshot | None]:
    """Note that a worker runs an attempt, and return whether it is to do so, with how far it was."""
    async with db.transaction() as tx:
        rows = await tx.fetch_sql(_BEGIN, attempt.job_id, attempt.number, attempt.worker)
        if not rows or not rows[0].is_ours:
            return Verdict.LEAVE, None
        (row,) = rows
        if row.is_begun:
            await _tell(tx, attempt.job_id, {"state": JobState.RUNNING.value})
            await _tell_begun(tx, attempt, row)
        return _verdict(row, most_crashes), None if row.phase is None else Snapshot(row.phase, row.completed)


def _verdict(row: Row, most_crashes: int) -> Verdict:
    if row.is_begun:
        return Verdict.CRASHED if row.crashes > most_crashes else Verdict.RUN
    if row.state in (JobState.CANCELLING, JobState.CANCELLED):
        return Verdict.LEAVE
    # It has ended, and its worker died before the queue knew: what was kept of its steps is gone through once more.
    return Verdict.CRASHED if row.error_code == CrashedTooOften.code else Verdict.RUN


async def _tell_begun(tx: Transaction, attempt: Attempt, row: Row) -> None:
    if row.state == JobState.QUEUED and row.worker is None:
        message, level = "Started.", "INFO"
    elif row.worker == attempt.worker:
        return
    else:
        message, level = "Its worker has died; another one goes on with it.", "WARNING"
    details = {"worker": attempt.worker, "attempt": attempt.number}
    if row.worker is not None:
        details["before"] = row.worker
    await add_event(tx, attempt.job_id, level, message, details)


async def finish(db: Database, attempt: Attempt, outcome: Outcome, *, last: Snapshot | None = None) -> bool:
    """Write how an attempt has ended, with how far it came, and say whether it had not ended already."""
    failure = outcome.failure or {}
    progress = (None,) * 4 if last is None else (last.phase, last.completed, last.total, last.unit)
    async with db.transaction() as tx:
        ended = await tx.fetch_sql(
            _FINISH,
            *(attempt.job_id, attempt.number, outcome.state.value, outcome.result),
            *(failure.get("code"), failure.get("message"), failure.get("isRetryable")),
            *progress,
        )
        if not ended:
            return False
        level = "ERROR" if outcome.state is JobState.FAILED else "WARNING" if failure else "INFO"
        message = str(failure.get("message") or f"{outcome.state.value.capitalize()}.")
        details = {name: failure[name] for name in ("code", "hint", "details") if failure.get(name)}
        await add_event(tx, attempt.job_id, level, message, details)
        await _tell(tx, attempt.job_id, {"state": outcome.state.value})
        return True


async def write_progress(db: Database, told: Mapping[Attempt, Snapshot]) -> None:
    """Write how far some attempts are."""
    async with db.transaction() as tx:
        for attempt, at in sorted(told.items(), key=lambda item: item[0].job_id):
            values = (at.phase, at.completed, at.total, at.unit)
            for row in await tx.fetch_sql(_PROGRESS, attempt.job_id, attempt.number, attempt.worker, *values):
                details = {"phase": at.phase, "completed": at.completed, "total": at.total, "unit": at.unit}
                await _tell(tx, row.id, {"state": row.state, **details})


async def hand_over(db: Database, worker: str) -> int:
    """Note that a worker stops and leaves its jobs to others, which is no crash; return how many those are."""
    async with db.transaction() as tx:
        left = await tx.fetch_sql(_HAND_OVER, worker)
        for row in left:
            await add_event(tx, row.id, "INFO", "Its worker was stopped; another one will go on with it.", {})
            await _tell(tx, row.id, {"state": row.state})
        return len(left)


async def cancel_unbegun(db: Database, job_id: UUID, number: int) -> None:
    """Note that an attempt which no worker has begun was cancelled."""
    async with db.transaction() as tx:
        for _ in await tx.fetch_sql(_CANCEL, job_id, number):
            await add_event(tx, job_id, "INFO", "Cancelled.", {})
            await _tell(tx, job_id, {"state": JobState.CANCELLED.value})


async def dispatch_again(db: Database, job_id: UUID, number: int) -> None:
    """Have an attempt handed out once more that the queue does not know."""
    async with db.transaction() as tx:
        for _ in await tx.fetch_sql(_AGAIN, job_id, number):
            await add_event(tx, job_id, "WARNING", "The queue did not know of it any more; it starts again.", {})
            await _tell(tx, job_id, {"state": JobState.QUEUED.value})


async def add_event(  # noqa: PLR0917 -- level and message, as in logging
    tx: Transaction, job_id: UUID, level: str, message: str, details: Mapping[str, Any]
) -> None:
    """Add an event to a job's history."""
    await tx.fetch_sql(_EVENT, uuid7(), job_id, level, message, dict(details))
    await _tell(tx, job_id, {"event": level})


async def _tell(tx: Transaction, job_id: UUID, details: dict[str, Any]) -> None:
    await publish(tx, [Event(topic(Kind.Job, job_id), details)])
