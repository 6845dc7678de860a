"""Artifact aliases in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry.types import Info

import resolvers.artifact_aliases
from dataloaders.artifacts import ArtifactVersionById
from dataloaders.users import ActorById
from execution.declare import column, one
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.guards import mutation
from schema.nodes import ActorReference, RowBacked, node_of

if TYPE_CHECKING:
    from schema.artifact_versions import ArtifactVersion
    from schema.artifacts import Artifact

VersionReference = Annotated["ArtifactVersion", strawberry.lazy("schema.artifact_versions")]
ArtifactReference = Annotated["Artifact", strawberry.lazy("schema.artifacts")]


@strawberry.type(description="A name that points at one version of an artifact and can be moved, like `latest`.")
class ArtifactAlias(RowBacked):
    """An alias's row."""

    row: strawberry.Private[Any]
    name: str = column("The name, unique in the artifact.")
    version: VersionReference = one(ArtifactVersionById, key="version_id", description="The version that it names.")
    set_at: datetime = column("When it was pointed there.")
    set_by: ActorReference | None = one(ActorById, key="set_by_id", description="Who pointed it there.")


@strawberry.type
class ArtifactAliasMutations:
    """Root fields."""

    @mutation(
        Permission.ARTIFACT_WRITE,
        description="Point an alias of an artifact at a committed version of it; at most 100 an artifact.",
    )
    async def set_artifact_alias(
        self,
        info: Info[Any, Any],
        artifact_id: Annotated[strawberry.ID, strawberry.argument(description="The id of an Artifact.")],
        name: Annotated[str, strawberry.argument(description="The alias: 1 to 200 characters.")],
        version_id: Annotated[strawberry.ID, strawberry.argument(description="The id of an ArtifactVersion.")],
    ) -> ArtifactAlias:
        """Set."""
        row = await resolvers.artifact_aliases.move(
            info.context,
            uuid_of(Kind.Artifact, artifact_id, field="artifactId"),
            name=name,
            version_id=uuid_of(Kind.ArtifactVersion, version_id, field="versionId"),
        )
        return ArtifactAlias(row=row)

    @mutation(Permission.ARTIFACT_WRITE, description="Remove an alias from an artifact; the version stays.")
    async def delete_artifact_alias(
        self,
        info: Info[Any, Any],
        artifact_id: Annotated[strawberry.ID, strawberry.argument(description="The id of an Artifact.")],
        name: Annotated[str, strawberry.argument(description="The alias.")],
    ) -> ArtifactReference:
        """Delete."""
        key = uuid_of(Kind.Artifact, artifact_id, field="artifactId")
        row = await resolvers.artifact_aliases.delete(info.context, key, name=name)
        return cast("Artifact", node_of(Kind.Artifact, row))
