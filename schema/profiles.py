"""Profiles in the schema, their files, and the processes that can be profiled."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.profiles
from dataloaders.jobs import JobById
from dataloaders.profiles import PROFILES, FilesByProfile, ProfileById, Profiles
from dataloaders.users import ActorById
from execution.declare import column, computed, many, one, page
from maestro.access import Permission
from maestro.db.tables.enums import JobState, ProfileKind
from maestro.ids import Kind
from maestro.job_inputs import on_wire
from maestro.profiles import ProcessRole
from schema.connections import Connection
from schema.enums import described
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
from schema.guards import query
from schema.jobs import Job
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, RowBacked, by_id
from schema.scalars import BigInt

described(
    ProcessRole,
    "What a process of the installation does.",
    {
        "SERVER": "Answers requests.",
        "WORKER": "Runs jobs.",
        "COMMAND": "Carries out a command of whoever runs the server.",
    },
)


@strawberry.type(description="A file of a profile.")
class ProfileFile(RowBacked):
    """A file's row, without its bytes."""

    row: strawberry.Private[Any]
    name: str = column("Its name, like `cpu.svg`.")
    media_type: str = column("What its bytes are, like `image/svg+xml`.")
    size_bytes: BigInt = column("Its size in bytes.")

    # Signed with the server's secret, which no row has: hence a function of the context too, without any query.
    @strawberry.field(
        description="A link from which anybody can fetch it for some time, without signing in; a browser shows "
        "pictures and pages, shut off from everything else."
    )
    def download_url(
        self,
        info: Info[Any, Any],
        ttl: Annotated[
            int | None,
            strawberry.argument(
                description="For how many seconds the link is good: 1 to 86,400; 15 minutes unless the server is set "
                "otherwise."
            ),
        ] = None,
    ) -> str:
        """Return the address."""
        return resolvers.profiles.download_address(info.context.runtime, self.row, ttl_s=ttl)


@strawberry.type(description="What a process of the installation was seen to do for a while.")
class Profile(Node, kind=Kind.Profile):
    """A profile's row."""

    state: JobState = column("How it went.")
    seconds: float = column("How long is looked, in seconds; 0 for what takes as long as it takes.")
    process: str | None = column("The process that was looked at; null before one has taken it up.")
    created_at: datetime = column("When it was asked for.")
    created_by: ActorReference | None = one(ActorById, key="created_by_id", description="Who asked for it.")
    ended_at: datetime | None = column("When it ended; null before.")
    job: Job | None = one(JobById, key="job_id", description="The job that does it.")
    files: list[ProfileFile] = many(FilesByProfile, description="What can be taken away, once it has succeeded.")

    @computed("kind", name="kind", description="What it looks at.")
    def looked_at(self) -> ProfileKind:
        """Return the column; `kind` is the kind of node in Python."""
        return ProfileKind(self.row.kind)

    @computed("summary", name="summary", description="What was found, in figures; null before.")
    def found(self) -> JSON | None:
        """Return the column by the names of the schema."""
        return None if self.row.summary is None else JSON(on_wire(self.row.summary))


@strawberry.type(description="A process of the installation.")
class InstallationProcess:
    """An answer to a roll call."""

    name: str = strawberry.field(description="How it is called: by its machine and its number.")
    role: ProcessRole = strawberry.field(description="What it does.")
    is_busy: bool = strawberry.field(description="Whether it is being profiled just now.")


@filter_input("Which profiles; all members that are given must hold.")
class ProfileFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    kind: EnumCondition[ProfileKind] | None = condition("By what they look at.")
    state: EnumCondition[JobState] | None = condition("By how they went.")
    process: StringCondition | None = condition("By the process that was looked at.")
    seconds: NumberCondition | None = condition("By how long was looked.")
    created_at: DateTimeCondition | None = condition("By when they were asked for.")
    ended_at: DateTimeCondition | None = condition("By when they ended.")
    text: str | None = condition("By words of the kind and the process; the last may be unfinished.")


profile_page = list_arguments(PROFILES, ProfileFilter, sort_input("ProfileSort", PROFILES), noun="profiles")


@strawberry.type
class ProfileQueries:
    """Root fields."""

    profile: Profile | None = one(
        ProfileById, key=None, arguments=by_id(Kind.Profile), description="A profile by its id."
    )
    profiles: Connection[Profile] = page(
        Profiles,
        key=None,
        arguments=profile_page,
        description="The profiles of the installation, which the first organisation has.",
    )

    @query(
        Permission.MAINTENANCE_RUN,
        description="The processes of the installation that can be profiled: those that answer within some tenths of a "
        "second.",
    )
    async def processes(self, info: Info[Any, Any]) -> list[InstallationProcess]:
        """Ask them."""
        found = await resolvers.profiles.processes(info.context)
        return [InstallationProcess(name=one.name, role=one.role, is_busy=one.is_busy) for one in found]
