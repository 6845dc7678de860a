"""Background jobs, what happened to them, and backups in the schema."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from dataloaders.jobs import BACKUPS, EVENTS, JOBS, BackupById, Backups, EventsByJob, JobById, Jobs
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import JobKind, JobState
from maestro.ids import Kind
from schema.connections import Connection
from schema.filtering import (
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    NumberCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.list_arguments import brief_list_arguments, list_arguments
from schema.nodes import Node, Owned, RowBacked, by_id
from schema.scalars import BigInt


@strawberry.type(description="Something that happened to a job.")
class JobEvent(RowBacked):
    """An event's row."""

    row: strawberry.Private[Any]
    at: datetime = column("When it happened.")
    level: str = column("How serious it is: DEBUG, INFO, WARNING or ERROR.")
    message: str = column("What happened.")
    details: JSON = column("What belongs to it, by name.")


@strawberry.type(description="How far a job has come.")
class JobProgress:
    """Some columns of a job."""

    phase: str | None = strawberry.field(description="What it is doing.")
    completed: BigInt | None = strawberry.field(description="How much is done, in units.")
    total: BigInt | None = strawberry.field(description="How much there is to do, in units; null while unknown.")
    unit: str | None = strawberry.field(description="What is counted, like `bytes` or `runs`.")


@strawberry.type(description="Why a job failed.")
class JobError:
    """Some columns of a job."""

    code: str = strawberry.field(description="The stable code of the error.")
    message: str = strawberry.field(description="What is wrong, for people.")
    is_retryable: bool = strawberry.field(name="retryable", description="Whether trying again may succeed.")


@strawberry.type(description="A piece of background work: it survives restarts and goes on where it was.")
class Job(Owned, kind=Kind.Job):
    """A job's row."""

    state: JobState = column("Where it is in its life.")
    attempt: int = column("How often it has been started.")
    run_after: datetime | None = column("Before when it does not start; null for as soon as possible.")
    started_at: datetime | None = column("When it was started; null while it waits.")
    ended_at: datetime | None = column("When it ended; null before.")
    input: JSON = column("What it was asked to do.")
    result: JSON | None = column("What came of it; null before it ended.")
    idempotency_key: str | None = column("The key under which it was asked for.")
    events: Connection[JobEvent] = page(
        EventsByJob, arguments=brief_list_arguments(EVENTS), description="What happened to it, the newest first."
    )

    @computed("kind", name="kind", description="What it does.")
    def work(self) -> JobKind:
        """Return the column; `kind` is the kind of node in Python."""
        return JobKind(self.row.kind)

    @computed("phase", "completed", "total", "unit", description="How far it has come.")
    def progress(self) -> JobProgress:
        """Return the progress."""
        row = self.row
        return JobProgress(phase=row.phase, completed=row.completed, total=row.total, unit=row.unit)

    @computed("error_code", "error_message", "is_retryable", description="Why it failed; null when it did not.")
    def error(self) -> JobError | None:
        """Return the error."""
        row = self.row
        if row.error_code is None:
            return None
        return JobError(code=row.error_code, message=row.error_message or "", is_retryable=bool(row.is_retryable))


@strawberry.type(description="A copy of the data; it counts as good once it has been restored and compared.")
class Backup(Node, kind=Kind.Backup):
    """A backup's row."""

    scope: JSON = column("What it covers.")
    state: JobState = column("How its making went.")
    size_bytes: BigInt | None = column("Its size in bytes; null before it is complete.")
    manifest: JSON | None = column("What is in it; null before it is complete.")
    checksum: str | None = column("The digest of its content; null before it is complete.")
    location: str | None = column("Where it is kept.")
    created_at: datetime = column("When it was made.")
    verified_at: datetime | None = column("When it was last proved good; null for never.")
    verification: JSON | None = column("What the last proof found.")
    expires_at: datetime | None = column("From when on it may be removed; null for never.")
    job: Job | None = one(JobById, key="job_id", description="The job that made it.")

    @computed("kind", name="kind", description="How it was made, like `full`.")
    def method(self) -> str:
        """Return the column; `kind` is the kind of node in Python."""
        return str(self.row.kind)


@filter_input("Which jobs; all members that are given must hold.")
class JobFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    kind: EnumCondition[JobKind] | None = condition("By what they do.")
    state: EnumCondition[JobState] | None = condition("By where they are in their life.")
    attempt: NumberCondition | None = condition("By how often they have been started.")
    created_at: DateTimeCondition | None = condition("By when they were asked for.")
    started_at: DateTimeCondition | None = condition("By when they were started.")
    ended_at: DateTimeCondition | None = condition("By when they ended.")
    text: str | None = condition("By words of the phase and the error; the last may be unfinished.")


job_page = list_arguments(JOBS, JobFilter, sort_input("JobSort", JOBS), noun="jobs")


@strawberry.type
class JobQueries:
    """Root fields."""

    job: Job | None = one(JobById, key=None, arguments=by_id(Kind.Job), description="A job by its id.")
    jobs: Connection[Job] = page(Jobs, key=None, arguments=job_page, description="The organisation's jobs.")
    backup: Backup | None = one(BackupById, key=None, arguments=by_id(Kind.Backup), description="A backup by its id.")
    backups: Connection[Backup] = page(
        Backups,
        key=None,
        arguments=brief_list_arguments(BACKUPS),
        description="The organisation's backups, the newest first.",
    )
