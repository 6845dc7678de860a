"""Background jobs and what happened to them in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry
from strawberry.scalars import JSON

from dataloaders.jobs import EVENTS, JOBS, EventsByJob, JobById, Jobs
from dataloaders.schedules import JobScheduleById
from dataloaders.users import ActorById
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import JobKind, JobState
from maestro.ids import Kind
from maestro.job_inputs import on_wire
from schema.connections import Connection
from schema.filtering import (
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    NumberCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.list_arguments import brief_list_arguments, list_arguments
from schema.nodes import ActorReference, Owned, RowBacked, by_id
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.schedules import JobSchedule

HIDDEN: Final = "Null for members of a project who could not have started it."
JobId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Job.")]


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
    priority: int = column("Of those that wait for the same workers, the ones with the higher number go first.")
    attempt: int = column("Which attempt it is, from 1 on; 0 for jobs of earlier versions.")
    crashes: int = column("How often a worker has died while it ran this attempt.")
    worker: str | None = column(f"The worker that runs it, or ran it last; null before the first. {HIDDEN}")
    run_after: datetime | None = column("Before when it does not start; null for as soon as possible.")
    started_at: datetime | None = column("When it was started; null while it waits.")
    ended_at: datetime | None = column("When it ended; null before.")
    idempotency_key: str | None = column(f"The key under which it was asked for. {HIDDEN}")
    scheduled_for: datetime | None = column("The time of its schedule at which it was due; null without a schedule.")
    schedule: Annotated["JobSchedule", strawberry.lazy("schema.schedules")] | None = one(
        JobScheduleById, key="schedule_id", description="The schedule that began it; null when somebody did."
    )
    cancelled_by: ActorReference | None = one(
        ActorById, key="cancelled_by_id", description="Who asked for its end; null when nobody has."
    )
    events: Connection[JobEvent] = page(
        EventsByJob, arguments=brief_list_arguments(EVENTS), description="What happened to it, the newest first."
    )

    @computed("kind", name="kind", description="What it does.")
    def work(self) -> JobKind:
        """Return the column; `kind` is the kind of node in Python."""
        return JobKind(self.row.kind)

    @computed("input", name="input", description=f"What it was asked to do. {HIDDEN}")
    def asked(self) -> JSON | None:
        """Return the column by the names of the schema."""
        return None if self.row.input is None else JSON(on_wire(self.row.input))

    @computed("result", name="result", description=f"What came of it; null before it ended. {HIDDEN}")
    def outcome(self) -> JSON | None:
        """Return the column by the names of the schema."""
        return None if self.row.result is None else JSON(on_wire(self.row.result))

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


@filter_input("Which jobs; all members that are given must hold.")
class JobFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    kind: EnumCondition[JobKind] | None = condition("By what they do.")
    state: EnumCondition[JobState] | None = condition("By where they are in their life.")
    schedule: IdCondition | None = condition("By the schedule that began them.")
    error_code: StringCondition | None = condition("By the code of the error with which they ended.")
    priority: NumberCondition | None = condition("By their priority.")
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
