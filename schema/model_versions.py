"""Model versions in the schema."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.model_versions
from dataloaders.artifacts import ArtifactVersionById
from dataloaders.model_aliases import AliasesByVersion
from dataloaders.model_versions import MODEL_VERSIONS, ModelVersionById
from dataloaders.models import ModelById
from dataloaders.runs import RunById
from execution.declare import column, many, one
from maestro.access import Permission
from maestro.db.tables.enums import ModelLifecycle
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import given
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
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.model_aliases import ModelAlias
from schema.nodes import Owned, Trashable, by_id
from schema.outcomes import StaleVersion

if TYPE_CHECKING:
    from schema.artifact_versions import ArtifactVersion
    from schema.models import RegisteredModel
    from schema.runs import Run

VersionId = Annotated[strawberry.ID, strawberry.argument(description="The id of a ModelVersion.")]


@strawberry.type(description="One version of a model: what was trained, by which run, and how far it has come.")
class ModelVersion(Owned, Trashable, kind=Kind.ModelVersion):
    """A version's row."""

    number: int = column("Counts the versions of the model, from 1.")
    description: str = column("What is special about it, in Markdown.")
    lifecycle: ModelLifecycle = column("How far it has come.")
    signature: JSON = column("What it takes and gives: an object of the client's making.")
    card: str = column("The model card, in Markdown.")
    metrics: JSON = column("How good it is: an object with a number for each metric.")
    model: Annotated["RegisteredModel", strawberry.lazy("schema.models")] = one(
        ModelById, key="model_id", description="The model."
    )
    source_run: Annotated["Run", strawberry.lazy("schema.runs")] | None = one(
        RunById, key="source_run_id", description="The run that made it."
    )
    artifact_version: Annotated["ArtifactVersion", strawberry.lazy("schema.artifact_versions")] | None = one(
        ArtifactVersionById, key="artifact_version_id", description="The artifact version with its files."
    )
    aliases: list[ModelAlias] = many(AliasesByVersion, description="The names that point at it, by name.")


@filter_input("Which versions; all members that are given must hold.")
class ModelVersionFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    number: NumberCondition | None = condition("By number.")
    description: StringCondition | None = condition("By description.")
    lifecycle: EnumCondition[ModelLifecycle] | None = condition("By how far it has come.")
    source_run: IdCondition | None = condition("By the id of the run that made it.")
    artifact_version: IdCondition | None = condition("By the id of the artifact version with its files.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the description; the last may be unfinished.")


version_page = list_arguments(
    MODEL_VERSIONS, ModelVersionFilter, sort_input("ModelVersionSort", MODEL_VERSIONS), noun="versions"
)


@strawberry.type
class ModelVersionQueries:
    """Root fields."""

    model_version: ModelVersion | None = one(
        ModelVersionById, key=None, arguments=by_id(Kind.ModelVersion), description="A model version by its id."
    )


@strawberry.input(description="A new version of a model; it gets the next number.")
class CreateModelVersionInput:
    """What a version is made of."""

    model_id: strawberry.ID = strawberry.field(description="The model.")
    description: str | None = strawberry.field(default=UNSET, description="What is special about it, in Markdown.")
    lifecycle: ModelLifecycle | None = strawberry.field(default=UNSET, description="DRAFT unless told.")
    signature: JSON | None = strawberry.field(default=UNSET, description="What it takes and gives: an object.")
    card: str | None = strawberry.field(default=UNSET, description="The model card, in Markdown.")
    metrics: JSON | None = strawberry.field(
        default=UNSET, description="An object with a number for each metric; at most 1,000."
    )
    source_run_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The run that made it, in the model's project."
    )
    artifact_version_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The artifact version with its files, in the model's project."
    )


@strawberry.input(description="Changes of a version; what is left out stays as it is.")
class UpdateModelVersionInput:
    """What can be changed."""

    description: str | None = strawberry.field(default=UNSET, description="What is special about it, in Markdown.")
    lifecycle: ModelLifecycle | None = strawberry.field(
        default=UNSET, description="How far it has come; any value may follow any other."
    )
    signature: JSON | None = strawberry.field(default=UNSET, description="What it takes and gives: an object.")
    card: str | None = strawberry.field(default=UNSET, description="The model card, in Markdown.")
    metrics: JSON | None = strawberry.field(default=UNSET, description="All its metrics from now on.")


@strawberry.type(description="The version as it is after the change.")
class ModelVersionSaved:
    """The good outcome."""

    model_version: ModelVersion = strawberry.field(description="The version.")


UpdateModelVersionPayload = Annotated[
    ModelVersionSaved | StaleVersion,
    strawberry.union("UpdateModelVersionPayload", description="How the change went."),
]


@strawberry.type
class ModelVersionMutations:
    """Root fields."""

    @mutation(Permission.MODEL_WRITE, description="Create the next version of a model and note where it came from.")
    async def create_model_version(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateModelVersionInput, strawberry.argument(description="The version.")],
        idempotency_key: IdempotencyKey = None,
    ) -> ModelVersionSaved:
        """Create."""
        values = given(input)
        model_id = uuid_of(Kind.RegisteredModel, values.pop("model_id"), field="modelId")
        if (run_id := values.get("source_run_id")) is not None:
            values["source_run_id"] = uuid_of(Kind.Run, run_id, field="sourceRunId")
        if (files := values.get("artifact_version_id")) is not None:
            values["artifact_version_id"] = uuid_of(Kind.ArtifactVersion, files, field="artifactVersionId")
        row = await resolvers.model_versions.create(info.context, model_id, values, idempotency_key=idempotency_key)
        return ModelVersionSaved(model_version=ModelVersion(row=row))

    @mutation(Permission.MODEL_WRITE, description="Change a model version; its lifecycle takes MODEL_APPROVE too.")
    async def update_model_version(
        self,
        info: Info[Any, Any],
        id: VersionId,
        input: Annotated[UpdateModelVersionInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateModelVersionPayload:
        """Update."""
        row = await resolvers.model_versions.update(
            info.context, uuid_of(Kind.ModelVersion, id), expected_version=expected_version, changes=given(input)
        )
        return ModelVersionSaved(model_version=ModelVersion(row=row))

    @mutation(
        Permission.MODEL_DELETE,
        description="Move a version and its aliases to the trash; a protected alias forbids it.",
    )
    async def delete_model_version(
        self, info: Info[Any, Any], id: VersionId, expected_version: ExpectedVersion = None
    ) -> ModelVersion:
        """Delete."""
        row = await resolvers.model_versions.delete(
            info.context, uuid_of(Kind.ModelVersion, id), expected_version=expected_version
        )
        return ModelVersion(row=row)

    @mutation(
        Permission.MODEL_DELETE,
        description="Bring a version back from the trash with its aliases, but for those that were set anew since.",
    )
    async def restore_model_version(self, info: Info[Any, Any], id: VersionId) -> ModelVersionSaved:
        """Restore."""
        row = await resolvers.model_versions.restore(info.context, uuid_of(Kind.ModelVersion, id))
        return ModelVersionSaved(model_version=ModelVersion(row=row))
