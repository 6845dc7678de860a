"""Use cases of jobs: they are started, cancelled and tried again; workers do the rest."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from dataloaders.base import forbidden
from dataloaders.job_places import lies_within
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Backup, Base, Job, Profile, Restore, SyncPlan, SyncRun
from maestro.db.tables.enums import JobKind, JobState, PlanState
from maestro.job_inputs import INPUTS, ExportInput, ImportInput, JobInput, read
from maestro.queue import starting
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing


@dataclass(frozen=True, slots=True)
class Made:
    """The table of what a job makes, the column with its state, and the states that it calls otherwise than jobs."""

    table: type[Base]
    column: str = "state"
    states: dict[str, str] = field(default_factory=dict)


MADE: Final[dict[JobKind, Made]] = {
    JobKind.BACKUP: Made(Backup),
    JobKind.BASE_BACKUP: Made(Backup),
    JobKind.RESTORE: Made(Restore),
    JobKind.SYNC_PLAN: Made(
        SyncPlan, states={JobState.CANCELLED: PlanState.FAILED, JobState.QUEUED: PlanState.PLANNING}
    ),
    JobKind.STORAGE_SYNC: Made(SyncRun, "status"),
    JobKind.PROFILE: Made(Profile),
}
"""What has a row of its own beside that of the job which makes it."""
TOLD: Final = ("kind", "state", "attempt", "cancelled_by_id")


async def start(writer: Writer, given: JobInput, *, idempotency_key: str | None = None, **columns: Any) -> Row:
    """Start a job in the writer's transaction and return its row; `columns` are others of the row.

    Conflict when the key was used for another job.
    """
    job = await starting.start(
        writer.tx,
        organization_id=writer.ctx.organization_id,
        kind=given.kind,
        input=given.stored(),
        created_by_id=writer.ctx.viewer.actor_id,
        idempotency_key=idempotency_key,
        **columns,
    )
    writer.changed(Job, job.id, after={"kind": job.kind, "input": job.input})
    return job


async def cancel(ctx: Context, key: UUID) -> Row:
    """Ask for the end of a job and return its row: CANCELLED when nobody has begun it, else CANCELLING.

    Asking again changes nothing. NotFound, Forbidden, Conflict when it has ended.
    """
    async with writing(ctx) as writer:
        before = await writer.row(Job, key, lock=Lock.CHANGE)
        await _require(writer, before, Permission.JOB_CANCEL)
        job = await starting.request_cancel(
            writer.tx, organization_id=ctx.organization_id, job_id=key, cancelled_by_id=ctx.viewer.actor_id
        )
        await _told(writer, before, job)
        return job


async def retry(ctx: Context, key: UUID) -> Row:
    """Have a job that failed, was cancelled or is done in part run again, and return its row.

    NotFound, Forbidden for who may not start such a job, Conflict when it is running or has succeeded.
    """
    async with writing(ctx) as writer:
        before = await writer.row(Job, key, lock=Lock.CHANGE)
        await _require(writer, before, Permission.JOB_CANCEL)
        await _require_start(writer, before)
        job = await starting.retry(writer.tx, organization_id=ctx.organization_id, job_id=key)
        await _told(writer, before, job)
        return job


async def _require(writer: Writer, job: Row, permission: Permission) -> None:
    """Raise Forbidden unless the viewer holds a permission in the organisation, or where all the job's connectors lie.

    Who may start the job of some connectors may end it and try it again by the same role.
    """
    grants = writer.ctx.viewer.grants
    if grants.allow(permission):
        return
    is_there = select(Job.id).where(Job.id == job.id, lies_within(grants.where(permission)))
    if not await writer.tx.fetch(is_there):
        raise forbidden(writer.ctx.viewer, permission)


async def _require_start(writer: Writer, job: Row) -> None:
    """Raise Forbidden unless the viewer could start the job that there is."""
    model = INPUTS.get(JobKind(job.kind))
    if model is None:
        return
    await _require(writer, job, model.needs)
    if model in (ImportInput, ExportInput):
        for project_id, permissions in read(model, job.input).takes.items():
            for permission in permissions:
                writer.ctx.require(permission, project_id)


async def _told(writer: Writer, before: Row, job: Row) -> None:
    """Take note of a change, and carry it over to what the job makes."""
    writer.changed(Job, job.id, before={name: before[name] for name in TOLD}, after={name: job[name] for name in TOLD})
    made = MADE.get(JobKind(job.kind))
    if made is None or job.state not in (JobState.CANCELLED, JobState.QUEUED):
        return
    c = made.table.__table__.c
    same = (c.job_id == job.id, c.organization_id == job.organization_id)
    ended = {"ended_at": job.ended_at} if "ended_at" in c else {}
    state = made.states.get(job.state, job.state)
    await writer.tx.fetch(update(made.table).where(*same).values(**{made.column: state}, **ended))
