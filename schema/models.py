"""Registered models in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.models
import resolvers.trash
from dataloaders.model_aliases import AliasesByModel
from dataloaders.model_versions import LatestVersionByModel, VersionsByModel
from dataloaders.models import MODELS, ModelById, Models
from dataloaders.projects import ProjectById
from execution.declare import column, computed, many, one, page
from execution.policy import cached
from maestro.access import Permission
from maestro.db.tables import RegisteredModel as ModelTable
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey, NewName
from schema.connections import Connection, given
from schema.filtering import (
    DateTimeCondition,
    IdCondition,
    StringCondition,
    TagCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.model_aliases import ModelAlias
from schema.model_versions import ModelVersion, version_page
from schema.nodes import Owned, Trashable, by_id
from schema.outcomes import NameTaken, StaleVersion
from schema.tags import Tag, TagInput, tags_of, with_tags

if TYPE_CHECKING:
    from schema.projects import Project

ModelId = Annotated[strawberry.ID, strawberry.argument(description="The id of a RegisteredModel.")]


def moment(
    at: Annotated[
        datetime | None, strawberry.argument(description="The moment to look at; the present unless told.")
    ] = None,
) -> datetime | None:
    """Declare the moment at which aliases are looked at."""
    return at


@strawberry.type(description="A model by its name; what can be deployed are its versions.")
class RegisteredModel(Owned, Trashable, kind=Kind.RegisteredModel):
    """A model's row."""

    name: str = column("Its name, unique in the project.")
    description: str = column("What it is about, in Markdown.")
    task: str | None = column("What it is for, like `image-classification`.")
    framework: str | None = column("What it is made with, like `scikit-learn`.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] = one(
        ProjectById, key="project_id", description="The project that it belongs to."
    )
    versions: Connection[ModelVersion] = page(VersionsByModel, arguments=version_page, description="Its versions.")
    latest_version: ModelVersion | None = one(
        LatestVersionByModel, key="id", description="The version with the highest number; null where there is none."
    )
    aliases: list[ModelAlias] = many(
        AliasesByModel,
        arguments=moment,
        description="The names that point at its versions, by name: as they are, or as they stood at a moment.",
    )

    @computed("tags", description="Its tags, sorted by key.")
    def tags(self) -> list[Tag]:
        """Return the tags."""
        return tags_of(self.row)


@filter_input("Which models; all members that are given must hold.")
class RegisteredModelFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    project: IdCondition | None = condition("By the id of the project.")
    name: StringCondition | None = condition("By name.")
    description: StringCondition | None = condition("By description.")
    task: StringCondition | None = condition("By what it is for.")
    framework: StringCondition | None = condition("By what it is made with.")
    tag: TagCondition | None = condition("By a tag.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


model_page = list_arguments(MODELS, RegisteredModelFilter, sort_input("RegisteredModelSort", MODELS), noun="models")


@strawberry.type
class ModelQueries:
    """Root fields."""

    model: RegisteredModel | None = one(
        ModelById, key=None, arguments=by_id(Kind.RegisteredModel), description="A model by its id."
    )
    models: Connection[RegisteredModel] = page(
        Models,
        key=None,
        arguments=model_page,
        cached=cached(ttl=300),
        description="The organisation's models.",
    )


@strawberry.input(description="A new model.")
class CreateModelInput:
    """What a model is made of."""

    project_id: strawberry.ID = strawberry.field(description="The project to put it into.")
    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the project.")
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")
    task: str | None = strawberry.field(default=UNSET, description="What it is for: at most 100 characters.")
    framework: str | None = strawberry.field(default=UNSET, description="What it is made with: at most 100 characters.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Its tags; at most 200.")


@strawberry.input(description="Changes of a model; what is left out stays as it is.")
class UpdateModelInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")
    task: str | None = strawberry.field(default=UNSET, description="What it is for; null for nothing in particular.")
    framework: str | None = strawberry.field(default=UNSET, description="What it is made with; null for unknown.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="All its tags from now on.")


@strawberry.type(description="The model as it is after the change.")
class RegisteredModelSaved:
    """The good outcome."""

    model: RegisteredModel = strawberry.field(description="The model.")


CreateModelPayload = Annotated[
    RegisteredModelSaved | NameTaken, strawberry.union("CreateModelPayload", description="How the creation went.")
]
UpdateModelPayload = Annotated[
    RegisteredModelSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateModelPayload", description="How the change went."),
]
RestoreModelPayload = Annotated[
    RegisteredModelSaved | NameTaken, strawberry.union("RestoreModelPayload", description="How the restoring went.")
]


@strawberry.type
class ModelMutations:
    """Root fields."""

    @mutation(Permission.MODEL_WRITE, description="Register a model.")
    async def create_model(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateModelInput, strawberry.argument(description="The model.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateModelPayload:
        """Create."""
        values = with_tags(given(input))
        project_id = uuid_of(Kind.Project, values.pop("project_id"), field="projectId")
        row = await resolvers.models.create(info.context, project_id, values, idempotency_key=idempotency_key)
        return RegisteredModelSaved(model=RegisteredModel(row=row))

    @mutation(Permission.MODEL_WRITE, description="Change a model.")
    async def update_model(
        self,
        info: Info[Any, Any],
        id: ModelId,
        input: Annotated[UpdateModelInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateModelPayload:
        """Update."""
        row = await resolvers.models.update(
            info.context,
            uuid_of(Kind.RegisteredModel, id),
            expected_version=expected_version,
            changes=with_tags(given(input)),
        )
        return RegisteredModelSaved(model=RegisteredModel(row=row))

    @mutation(Permission.MODEL_DELETE, description="Move a model with its versions and aliases to the trash.")
    async def delete_model(
        self, info: Info[Any, Any], id: ModelId, expected_version: ExpectedVersion = None
    ) -> RegisteredModel:
        """Delete."""
        row = await resolvers.trash.delete(
            info.context, ModelTable, uuid_of(Kind.RegisteredModel, id), expected_version=expected_version
        )
        return RegisteredModel(row=row)

    @mutation(
        Permission.MODEL_DELETE, description="Bring a model back from the trash with what its deletion took along."
    )
    async def restore_model(self, info: Info[Any, Any], id: ModelId, name: NewName = None) -> RestoreModelPayload:
        """Restore."""
        row = await resolvers.trash.restore(info.context, ModelTable, uuid_of(Kind.RegisteredModel, id), name=name)
        return RegisteredModelSaved(model=RegisteredModel(row=row))
