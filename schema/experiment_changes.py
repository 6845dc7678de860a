"""Changes of experiments."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.experiments
import resolvers.trash
from maestro.access import Permission
from maestro.db.tables import Experiment as ExperimentTable
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey, NewName
from schema.connections import given
from schema.experiments import Experiment
from schema.guards import mutation
from schema.outcomes import NameTaken, StaleVersion
from schema.tags import TagInput, with_tags


@strawberry.input(description="A new experiment.")
class CreateExperimentInput:
    """What an experiment is made of."""

    project_id: strawberry.ID = strawberry.field(description="The project that it belongs to.")
    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in its folder.")
    path: str | None = strawberry.field(
        default=UNSET, description="The folder that it is in, like `/vision/ablations`; `/` unless given."
    )
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Its tags; at most 200.")


@strawberry.input(description="Changes of an experiment; what is left out stays as it is.")
class UpdateExperimentInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    path: str | None = strawberry.field(default=UNSET, description="The folder to move it to.")
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Tags that take the place of all it has.")


@strawberry.type(description="The experiment as it is after the change.")
class ExperimentSaved:
    """The good outcome."""

    experiment: Experiment = strawberry.field(description="The experiment.")


CreateExperimentPayload = Annotated[
    ExperimentSaved | NameTaken, strawberry.union("CreateExperimentPayload", description="How the creation went.")
]
UpdateExperimentPayload = Annotated[
    ExperimentSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateExperimentPayload", description="How the change went."),
]
RestoreExperimentPayload = Annotated[
    ExperimentSaved | NameTaken, strawberry.union("RestoreExperimentPayload", description="How the restoring went.")
]


ExperimentId = Annotated[strawberry.ID, strawberry.argument(description="The id of an Experiment.")]


@strawberry.type
class ExperimentMutations:
    """Root fields."""

    @mutation(Permission.EXPERIMENT_WRITE, appends=True, description="Create an experiment.")
    async def create_experiment(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateExperimentInput, strawberry.argument(description="The experiment.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateExperimentPayload:
        """Create."""
        values = with_tags(given(input))
        project_id = uuid_of(Kind.Project, values.pop("project_id"), field="projectId")
        row = await resolvers.experiments.create(info.context, project_id, values, idempotency_key=idempotency_key)
        return ExperimentSaved(experiment=Experiment(row=row))

    @mutation(Permission.EXPERIMENT_WRITE, description="Change an experiment.")
    async def update_experiment(
        self,
        info: Info[Any, Any],
        id: ExperimentId,
        input: Annotated[UpdateExperimentInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateExperimentPayload:
        """Update."""
        row = await resolvers.experiments.update(
            info.context,
            uuid_of(Kind.Experiment, id),
            expected_version=expected_version,
            changes=with_tags(given(input)),
        )
        return ExperimentSaved(experiment=Experiment(row=row))

    @mutation(Permission.EXPERIMENT_DELETE, description="Move an experiment and its runs to the trash.")
    async def delete_experiment(
        self, info: Info[Any, Any], id: ExperimentId, expected_version: ExpectedVersion = None
    ) -> Experiment:
        """Delete."""
        row = await resolvers.trash.delete(
            info.context, ExperimentTable, uuid_of(Kind.Experiment, id), expected_version=expected_version
        )
        return Experiment(row=row)

    @mutation(
        Permission.EXPERIMENT_DELETE,
        description="Bring an experiment back from the trash with the runs its deletion took along.",
    )
    async def restore_experiment(
        self, info: Info[Any, Any], id: ExperimentId, name: NewName = None
    ) -> RestoreExperimentPayload:
        """Restore."""
        row = await resolvers.trash.restore(info.context, ExperimentTable, uuid_of(Kind.Experiment, id), name=name)
        return ExperimentSaved(experiment=Experiment(row=row))
