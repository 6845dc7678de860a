"""The life of a run: signs of life, the wish that it stop, and its end."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func

from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import Run
from maestro.db.tables.enums import RunStatus
from maestro.errors import Conflict, InvalidInput
from resolvers.context import Context
from resolvers.runs import status_reason, tell
from resolvers.writing import Lock, Writer, writing

OUTCOMES = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


async def finish(
    ctx: Context,
    key: UUID,
    *,
    status: RunStatus = RunStatus.FINISHED,
    reason: str | None = None,
    ended_at: datetime | None = None,
) -> Row:
    """End a run as FINISHED, FAILED or KILLED, now or at `ended_at`.

    NotFound, InvalidInput for another status or an end before the start, Conflict when it has ended already.
    """
    if status not in OUTCOMES:
        raise InvalidInput(
            f"A run cannot be finished as {status}.", field="status", hint=f"Use one of {', '.join(OUTCOMES)}."
        )
    said: dict[str, Any] = {} if reason is None else {"status_reason": status_reason(reason)}
    async with writing(ctx) as writer:
        run = await _living(writer, key)
        end = ended_at or now()
        if run.started_at is not None and end < run.started_at:
            raise InvalidInput(f"The run started at {_written(run.started_at)}; it cannot end before.", field="endedAt")
        run = await writer.change(Run, key, status=status, ended_at=end, **said)
        tell(writer, run, "status")
        return run


async def request_stop(ctx: Context, key: UUID) -> Row:
    """Ask a run to stop: its process sees `stop_requested_at` and ends; asking again changes nothing.

    NotFound, Conflict when it has ended already.
    """
    async with writing(ctx) as writer:
        run = await _living(writer, key)
        if run.stop_requested_at is None:
            run = await writer.change(Run, key, stop_requested_at=func.now())
            tell(writer, run, "stop")
        return run


async def heartbeat(ctx: Context, key: UUID) -> Row:
    """Take note that a run's process lives: a scheduled run has then started, a lost one is running again.

    The version stays while only the time changes, so that a sign of life makes nobody's edit stale. NotFound, Conflict
    when the run has ended.
    """
    async with writing(ctx) as writer:
        run = await writer.in_use(Run, key, lock=Lock.CHANGE)
        if run.status in OUTCOMES:
            raise _ended(run)
        if run.status == RunStatus.RUNNING:
            beat = "UPDATE run SET heartbeat_at = now() WHERE id = $1 RETURNING *"
            run = (await writer.tx.fetch_sql(beat, key))[0]
            tell(writer, run, "heartbeat")
            return run
        run = await writer.change(
            Run,
            key,
            status=RunStatus.RUNNING,
            status_reason=None,
            started_at=run.started_at or now(),
            ended_at=None,
            heartbeat_at=func.now(),
        )
        tell(writer, run, "status")
        return run


async def _living(writer: Writer, key: UUID) -> Row:
    run = await writer.in_use(Run, key, lock=Lock.CHANGE)
    if RunStatus(run.status).is_terminal:
        raise _ended(run)
    return run


def _ended(run: Row) -> Conflict:
    when = None if run.ended_at is None else _written(run.ended_at)
    hint = "A heartbeat brings a lost run back." if run.status == RunStatus.LOST else None
    moment = "" if when is None else f" at {when}"
    return Conflict(f"This run has ended as {run.status}{moment}.", hint=hint, status=run.status, endedAt=when)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
