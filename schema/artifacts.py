"""Artifacts in the schema."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.artifacts
import resolvers.trash
from dataloaders.artifacts import (
    ARTIFACTS,
    AliasesByArtifact,
    ArtifactById,
    Artifacts,
    LatestVersion,
    VersionsByArtifact,
)
from dataloaders.projects import ProjectById
from execution.declare import column, computed, many, one, page
from maestro.access import Permission
from maestro.db.tables import Artifact as ArtifactTable
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey, NewName
from schema.artifact_aliases import ArtifactAlias
from schema.artifact_versions import ArtifactVersion, version_page
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
from schema.nodes import Owned, Trashable, by_id
from schema.outcomes import NameTaken, StaleVersion
from schema.tags import Tag, TagInput, keyed, tags_of

if TYPE_CHECKING:
    from schema.projects import Project


def which_latest(
    *,
    committed: Annotated[
        bool, strawberry.argument(description="Look at committed versions alone, as a reader should.")
    ] = True,
) -> bool:
    """Declare whether a version that is still open, or was given up, may be the latest."""
    return committed


@strawberry.type(description="Files by a name, like a data set or a trained model; what can be read are its versions.")
class Artifact(Owned, Trashable, kind=Kind.Artifact):
    """An artifact's row."""

    name: str = column("Its name, unique in the project.")
    type: str = column("What kind of files it holds, like `dataset` or `model`.")
    description: str = column("What it is, in Markdown.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] = one(
        ProjectById, key="project_id", description="The project that it belongs to."
    )
    versions: Connection[ArtifactVersion] = page(
        VersionsByArtifact, arguments=version_page, description="Its versions in every state."
    )
    latest_version: ArtifactVersion | None = one(
        LatestVersion,
        key="id",
        arguments=which_latest,
        description="The version with the highest number; null where there is none.",
    )
    aliases: list[ArtifactAlias] = many(
        AliasesByArtifact, description="The names that point at its versions, sorted; at most 100."
    )

    @computed("tags", description="Its tags, sorted by key.")
    def tags(self) -> list[Tag]:
        """Return the tags."""
        return tags_of(self.row)


@filter_input("Which artifacts; all members that are given must hold.")
class ArtifactFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    project: IdCondition | None = condition("By the id of the project.")
    name: StringCondition | None = condition("By name.")
    type: StringCondition | None = condition("By what kind of files it holds.")
    description: StringCondition | None = condition("By description.")
    tag: TagCondition | None = condition("By a tag; several go into `and`.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


artifact_page = list_arguments(ARTIFACTS, ArtifactFilter, sort_input("ArtifactSort", ARTIFACTS), noun="artifacts")


@strawberry.type
class ArtifactQueries:
    """Root fields."""

    artifact: Artifact | None = one(
        ArtifactById, key=None, arguments=by_id(Kind.Artifact), description="An artifact by its id."
    )
    artifacts: Connection[Artifact] = page(
        Artifacts, key=None, arguments=artifact_page, description="The organisation's artifacts."
    )


@strawberry.input(description="A new artifact.")
class CreateArtifactInput:
    """What an artifact is made of."""

    project_id: strawberry.ID = strawberry.field(description="The project to put it into.")
    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the project.")
    type: str | None = strawberry.field(
        default=UNSET, description="What kind of files it holds: 1 to 200 characters; `file` unless given."
    )
    description: str | None = strawberry.field(default=UNSET, description="What it is, in Markdown.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Its tags; at most 200.")


@strawberry.input(description="Changes of an artifact; what is left out stays as it is.")
class UpdateArtifactInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    type: str | None = strawberry.field(default=UNSET, description="What kind of files it holds.")
    description: str | None = strawberry.field(default=UNSET, description="What it is, in Markdown.")
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="All its tags from now on.")


@strawberry.type(description="The artifact as it is after the change.")
class ArtifactSaved:
    """The good outcome."""

    artifact: Artifact = strawberry.field(description="The artifact.")


CreateArtifactPayload = Annotated[
    ArtifactSaved | NameTaken, strawberry.union("CreateArtifactPayload", description="How the creation went.")
]
UpdateArtifactPayload = Annotated[
    ArtifactSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateArtifactPayload", description="How the change went."),
]
RestoreArtifactPayload = Annotated[
    ArtifactSaved | NameTaken, strawberry.union("RestoreArtifactPayload", description="How the restoring went.")
]


ArtifactId = Annotated[strawberry.ID, strawberry.argument(description="The id of an Artifact.")]


@strawberry.type
class ArtifactMutations:
    """Root fields."""

    @mutation(Permission.ARTIFACT_WRITE, appends=True, description="Create an artifact, without any version yet.")
    async def create_artifact(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateArtifactInput, strawberry.argument(description="The artifact.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateArtifactPayload:
        """Create."""
        values = _values(input)
        project_id = uuid_of(Kind.Project, values.pop("project_id"), field="projectId")
        row = await resolvers.artifacts.create(info.context, project_id, values, idempotency_key=idempotency_key)
        return ArtifactSaved(artifact=Artifact(row=row))

    @mutation(Permission.ARTIFACT_WRITE, description="Change an artifact.")
    async def update_artifact(
        self,
        info: Info[Any, Any],
        id: ArtifactId,
        input: Annotated[UpdateArtifactInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateArtifactPayload:
        """Update."""
        row = await resolvers.artifacts.update(
            info.context, uuid_of(Kind.Artifact, id), expected_version=expected_version, changes=_values(input)
        )
        return ArtifactSaved(artifact=Artifact(row=row))

    @mutation(Permission.ARTIFACT_DELETE, description="Move an artifact with its versions to the trash.")
    async def delete_artifact(
        self, info: Info[Any, Any], id: ArtifactId, expected_version: ExpectedVersion = None
    ) -> Artifact:
        """Delete."""
        row = await resolvers.trash.delete(
            info.context, ArtifactTable, uuid_of(Kind.Artifact, id), expected_version=expected_version
        )
        return Artifact(row=row)

    @mutation(Permission.ARTIFACT_DELETE, description="Bring an artifact back from the trash with its versions.")
    async def restore_artifact(
        self, info: Info[Any, Any], id: ArtifactId, name: NewName = None
    ) -> RestoreArtifactPayload:
        """Restore."""
        row = await resolvers.artifacts.restore(info.context, uuid_of(Kind.Artifact, id), name=name)
        return ArtifactSaved(artifact=Artifact(row=row))


def _values(input: CreateArtifactInput | UpdateArtifactInput) -> dict[str, Any]:
    values: dict[str, Any] = given(input)
    if values.get("tags") is not None:
        values["tags"] = keyed(values["tags"], field="tags")
    return values
