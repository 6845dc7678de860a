"""Changes of runs."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.run_life
import resolvers.runs
from maestro.access import Permission
from maestro.db.tables.enums import RunKind, RunStatus
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.outcomes import NameTaken, StaleVersion
from schema.params import ParamInput
from schema.runs import Run
from schema.tags import TagInput, keyed, with_tags

NEW_TAGS = "Tags that take the place of all it has; `logBatch` adds to them."


@strawberry.input(description="The code that a run runs.")
class RunSourceInput:
    """What the process says about its code."""

    repo: str | None = strawberry.field(default=UNSET, description="Where the code is kept, as an address.")
    commit: str | None = strawberry.field(default=UNSET, description="The commit that is checked out.")
    dirty: bool | None = strawberry.field(default=UNSET, description="Whether files differ from the commit.")
    entrypoint: str | None = strawberry.field(
        default=UNSET, description="What was started: a file, a module or a command."
    )


@strawberry.input(description="A new run.")
class CreateRunInput:
    """What a run is made of."""

    experiment_id: strawberry.ID = strawberry.field(description="The experiment that it belongs to.")
    name: str | None = strawberry.field(default=UNSET, description="Its name; like `run-17` unless given.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Its id in the system that starts it: 1 to 250 characters, unique in the project."
    )
    kind: RunKind | None = strawberry.field(default=UNSET, description="What it does; TRAINING unless told.")
    status: RunStatus | None = strawberry.field(
        default=UNSET, description="RUNNING, or SCHEDULED: its first heartbeat then starts it. RUNNING unless told."
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The run of the same project that it is a part of."
    )
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Its tags; at most 200.")
    params: list[ParamInput] | None = strawberry.field(default=UNSET, description="Its inputs; at most 2,000.")
    config: JSON | None = strawberry.field(
        default=UNSET, description="Its whole configuration: a JSON object of at most 1 MB."
    )
    source: RunSourceInput | None = strawberry.field(default=UNSET, description="The code that it runs.")
    environment: JSON | None = strawberry.field(
        default=UNSET, description="Where it runs: a JSON object of at most 1 MB."
    )
    notes: str | None = strawberry.field(default=UNSET, description="Something about it, in Markdown.")
    started_at: datetime | None = strawberry.field(
        default=UNSET, description="When it started; now unless told. Not for a scheduled run."
    )


@strawberry.input(description="Changes of a run; what is left out stays as it is.")
class UpdateRunInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Its id in the system that started it; null takes it away."
    )
    kind: RunKind | None = strawberry.field(default=UNSET, description="What it does.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description=NEW_TAGS)
    notes: str | None = strawberry.field(default=UNSET, description="Something about it, in Markdown.")
    status_reason: str | None = strawberry.field(
        default=UNSET, description="Why it has its status: at most 10,000 characters; null takes it away."
    )


@strawberry.type(description="The run as it is after the change.")
class RunSaved:
    """The good outcome."""

    run: Run = strawberry.field(description="The run.")


CreateRunPayload = Annotated[
    RunSaved | NameTaken, strawberry.union("CreateRunPayload", description="How the creation went.")
]
UpdateRunPayload = Annotated[
    RunSaved | NameTaken | StaleVersion, strawberry.union("UpdateRunPayload", description="How the change went.")
]
RestoreRunPayload = Annotated[
    RunSaved | NameTaken, strawberry.union("RestoreRunPayload", description="How the restoring went.")
]

RunId = Annotated[strawberry.ID, strawberry.argument(name="id", description="The id of a Run.")]
Outcome = Annotated[RunStatus, strawberry.argument(description="How it ended: FINISHED, FAILED or KILLED.")]


@strawberry.type
class RunMutations:
    """Root fields."""

    @mutation(Permission.RUN_WRITE, appends=True, description="Create a run.")
    async def create_run(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateRunInput, strawberry.argument(description="The run.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateRunPayload:
        """Create."""
        values = with_tags(given(input))
        values["params"] = keyed(values.get("params"), field="params")
        experiment_id = uuid_of(Kind.Experiment, values.pop("experiment_id"), field="experimentId")
        if values.get("parent_id") is not None:
            values["parent_id"] = uuid_of(Kind.Run, values["parent_id"], field="parentId")
        row = await resolvers.runs.create(info.context, experiment_id, values, idempotency_key=idempotency_key)
        return RunSaved(run=Run(row=row))

    @mutation(Permission.RUN_WRITE, description="Change what a run is called and what is said about it.")
    async def update_run(
        self,
        info: Info[Any, Any],
        id: RunId,
        input: Annotated[UpdateRunInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateRunPayload:
        """Update."""
        row = await resolvers.runs.update(
            info.context,
            uuid_of(Kind.Run, id),
            expected_version=expected_version,
            changes=with_tags(given(input)),
        )
        return RunSaved(run=Run(row=row))

    @mutation(
        Permission.RUN_WRITE,
        appends=True,
        description="End a run. It can be ended once; a second end is refused, saying how it ended.",
    )
    async def finish_run(
        self,
        info: Info[Any, Any],
        id: RunId,
        status: Outcome = RunStatus.FINISHED,
        status_reason: Annotated[str | None, strawberry.argument(description="Why it ended so.")] = None,
        ended_at: Annotated[datetime | None, strawberry.argument(description="When; now unless told.")] = None,
    ) -> Run:
        """Finish."""
        row = await resolvers.run_life.finish(
            info.context, uuid_of(Kind.Run, id), status=status, reason=status_reason, ended_at=ended_at
        )
        return Run(row=row)

    @mutation(
        Permission.RUN_WRITE, description="Ask a run to stop; its process sees it in the answer to its next heartbeat."
    )
    async def request_stop(self, info: Info[Any, Any], id: RunId) -> Run:
        """Ask."""
        return Run(row=await resolvers.run_life.request_stop(info.context, uuid_of(Kind.Run, id)))

    @mutation(
        Permission.RUN_WRITE,
        appends=True,
        description="Tell that a run's process lives. A scheduled run has then started, a lost one is running again.",
    )
    async def heartbeat(self, info: Info[Any, Any], id: RunId) -> Run:
        """Beat."""
        return Run(row=await resolvers.run_life.heartbeat(info.context, uuid_of(Kind.Run, id)))

    @mutation(Permission.RUN_DELETE, description="Move a run to the trash.")
    async def delete_run(self, info: Info[Any, Any], id: RunId, expected_version: ExpectedVersion = None) -> Run:
        """Delete."""
        row = await resolvers.runs.delete(info.context, uuid_of(Kind.Run, id), expected_version=expected_version)
        return Run(row=row)

    @mutation(Permission.RUN_DELETE, description="Bring a run back from the trash.")
    async def restore_run(self, info: Info[Any, Any], id: RunId) -> RestoreRunPayload:
        """Restore."""
        return RunSaved(run=Run(row=await resolvers.runs.restore(info.context, uuid_of(Kind.Run, id))))
