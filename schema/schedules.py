"""Schedules of jobs in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

import resolvers.schedules
from dataloaders.jobs import JobsBySchedule
from dataloaders.schedules import SCHEDULES, JobScheduleById, JobSchedules
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import CatchUp, JobKind
from maestro.ids import Kind
from maestro.job_inputs import on_wire
from schema.connections import Connection
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.jobs import Job, job_page
from schema.list_arguments import list_arguments
from schema.nodes import Owned, by_id

ScheduleId = Annotated[strawberry.ID, strawberry.argument(description="The id of a JobSchedule.")]


@strawberry.type(description="When jobs of a kind begin by themselves.")
class JobSchedule(Owned, kind=Kind.JobSchedule):
    """A schedule's row."""

    name: str = column("Its name, unique in the organisation.")
    cron: str = column("Its times as a cron expression: minute, hour, day of the month, month, day of the week.")
    timezone: str = column("The time zone in which the expression is read, by its name in the tz database.")
    priority: int = column("The priority of its jobs.")
    catch_up: CatchUp = column("What it does about the times that passed while no worker was there, or it was paused.")
    is_paused: bool = column("Whether no job begins by it for now.")
    last_run_at: datetime | None = column("The last of its times at which a job began; null for none.")
    next_run_at: datetime | None = column("The next of its times that was not seen to; null when there is none.")
    jobs: Connection[Job] = page(JobsBySchedule, arguments=job_page, description="The jobs that it began.")

    @computed("kind", name="kind", description="What its jobs do.")
    def work(self) -> JobKind:
        """Return the column; `kind` is the kind of node in Python."""
        return JobKind(self.row.kind)

    @computed("input", name="input", description="What its jobs are asked to do.")
    def asked(self) -> JSON:
        """Return the column by the names of the schema."""
        return JSON(on_wire(self.row.input))

    @strawberry.field(description="The times to come, the earliest first; none while it is paused.")
    def next_runs(
        self, first: Annotated[int, strawberry.argument(description="How many; at most 100.")] = 5
    ) -> list[datetime]:
        """Count on."""
        return resolvers.schedules.coming(self.row, first)


@filter_input("Which schedules; all members that are given must hold.")
class JobScheduleFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    kind: EnumCondition[JobKind] | None = condition("By what their jobs do.")
    is_paused: BooleanCondition | None = condition("Those that are paused, or the others.")
    next_run_at: DateTimeCondition | None = condition("By when they begin next.")
    last_run_at: DateTimeCondition | None = condition("By when they began last.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name; the last may be unfinished.")


schedule_page = list_arguments(SCHEDULES, JobScheduleFilter, sort_input("JobScheduleSort", SCHEDULES), noun="schedules")


@strawberry.type
class ScheduleQueries:
    """Root fields."""

    schedule: JobSchedule | None = one(
        JobScheduleById, key=None, arguments=by_id(Kind.JobSchedule), description="A schedule by its id."
    )
    schedules: Connection[JobSchedule] = page(
        JobSchedules, key=None, arguments=schedule_page, description="The organisation's schedules of jobs."
    )
