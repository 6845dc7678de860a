"""Changes of schedules in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.schedules
from maestro.access import Permission
from maestro.db.tables.enums import CatchUp, JobKind
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.outcomes import NameTaken, StaleVersion
from schema.schedules import JobSchedule, ScheduleId


@strawberry.input(description="A new schedule.")
class CreateScheduleInput:
    """What a schedule is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the organisation.")
    kind: JobKind = strawberry.field(description="What its jobs do; it takes the permission to start such a job.")
    cron: str = strawberry.field(
        description="Its times: minute, hour, day of the month, month, day of the week, like `30 2 * * *`; or a name "
        "like `@daily`."
    )
    timezone: str = strawberry.field(
        default="UTC", description="The time zone in which they are read, like `Europe/Berlin`; UTC unless given."
    )
    input: JSON | None = strawberry.field(
        default=UNSET,
        description='What its jobs are asked to do, an object like `{"label": "nightly"}`; what is usual unless given.',
    )
    priority: int = strawberry.field(default=0, description="The priority of its jobs, from -1,000 to 1,000.")
    catch_up: CatchUp = strawberry.field(
        default=CatchUp.LAST, description="What it does about the times that passed while no worker was there."
    )


@strawberry.input(description="Changes of a schedule; what is left out stays as it is.")
class UpdateScheduleInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    cron: str | None = strawberry.field(default=UNSET, description="Its new times; they count from now on.")
    timezone: str | None = strawberry.field(default=UNSET, description="The time zone in which they are read.")
    input: JSON | None = strawberry.field(default=UNSET, description="What its jobs are asked to do, all of it anew.")
    priority: int | None = strawberry.field(default=UNSET, description="The priority of its jobs.")
    catch_up: CatchUp | None = strawberry.field(
        default=UNSET, description="What it does about the times that passed while no worker was there."
    )


@strawberry.type(description="The schedule as it is after the change.")
class ScheduleSaved:
    """The good outcome."""

    schedule: JobSchedule = strawberry.field(description="The schedule.")


CreateSchedulePayload = Annotated[
    ScheduleSaved | NameTaken, strawberry.union("CreateSchedulePayload", description="How the creation went.")
]
UpdateSchedulePayload = Annotated[
    ScheduleSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateSchedulePayload", description="How the change went."),
]
SwitchSchedulePayload = Annotated[
    ScheduleSaved | StaleVersion,
    strawberry.union("SwitchSchedulePayload", description="How pausing or resuming went."),
]


@strawberry.type
class ScheduleMutations:
    """Root fields."""

    @mutation(
        Permission.SCHEDULE_MANAGE,
        description="Create a schedule by which jobs begin. It also takes the permission to start such a job; those of "
        "the whole installation are the first organisation's.",
    )
    async def create_schedule(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateScheduleInput, strawberry.argument(description="The schedule.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateSchedulePayload:
        """Create."""
        values = given(input)
        row = await resolvers.schedules.create(info.context, values, idempotency_key=idempotency_key)
        return ScheduleSaved(schedule=JobSchedule(row=row))

    @mutation(
        Permission.SCHEDULE_MANAGE,
        description="Change a schedule; it also takes the permission to start one of its jobs.",
    )
    async def update_schedule(
        self,
        info: Info[Any, Any],
        id: ScheduleId,
        input: Annotated[UpdateScheduleInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateSchedulePayload:
        """Update."""
        key = uuid_of(Kind.JobSchedule, id)
        row = await resolvers.schedules.change(
            info.context, key, expected_version=expected_version, changes=given(input)
        )
        return ScheduleSaved(schedule=JobSchedule(row=row))

    @mutation(
        Permission.SCHEDULE_MANAGE,
        description="Pause a schedule: no job begins by it until it is resumed. It also takes the permission to start "
        "one of its jobs.",
    )
    async def pause_schedule(
        self, info: Info[Any, Any], id: ScheduleId, expected_version: ExpectedVersion = None
    ) -> SwitchSchedulePayload:
        """Pause."""
        key = uuid_of(Kind.JobSchedule, id)
        row = await resolvers.schedules.pause(info.context, key, expected_version=expected_version)
        return ScheduleSaved(schedule=JobSchedule(row=row))

    @mutation(
        Permission.SCHEDULE_MANAGE,
        description="Resume a schedule. What it does about the times that have passed is its `catchUp`. It also takes "
        "the permission to start one of its jobs.",
    )
    async def resume_schedule(
        self, info: Info[Any, Any], id: ScheduleId, expected_version: ExpectedVersion = None
    ) -> SwitchSchedulePayload:
        """Resume."""
        key = uuid_of(Kind.JobSchedule, id)
        row = await resolvers.schedules.resume(info.context, key, expected_version=expected_version)
        return ScheduleSaved(schedule=JobSchedule(row=row))

    @mutation(
        Permission.SCHEDULE_MANAGE,
        description="Remove a schedule for good; the jobs that it began stay. Returns what it was. It also takes the "
        "permission to start one of its jobs.",
    )
    async def delete_schedule(
        self, info: Info[Any, Any], id: ScheduleId, expected_version: ExpectedVersion = None
    ) -> SwitchSchedulePayload:
        """Delete."""
        key = uuid_of(Kind.JobSchedule, id)
        row = await resolvers.schedules.delete(info.context, key, expected_version=expected_version)
        return ScheduleSaved(schedule=JobSchedule(row=row))
