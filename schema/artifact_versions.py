"""Artifact versions and their files in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.artifact_versions
from dataloaders.artifacts import (
    VERSIONS,
    AliasesByVersion,
    ArtifactById,
    ArtifactVersionById,
    EntriesByVersion,
    RunsByUsedVersion,
)
from dataloaders.paging import window
from dataloaders.runs import RunById
from execution.declare import column, many, one
from maestro.access import Permission
from maestro.db.tables.enums import ArtifactState
from maestro.ids import Kind, uuid_of
from resolvers.transfers import upload_address
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.artifact_aliases import ArtifactAlias, ArtifactReference
from schema.artifact_entries import ArtifactEntry, ArtifactEntryInput, entry_slice
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
from schema.nodes import Owned, by_id
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.runs import Run

RunReference = Annotated["Run", strawberry.lazy("schema.runs")]
VersionId = Annotated[strawberry.ID, strawberry.argument(description="The id of an ArtifactVersion.")]


def most(
    first: Annotated[
        int | None, strawberry.argument(description="How many at most; 20 unless told, at most 1,000.")
    ] = None,
) -> int:
    """Declare and read how many items a list answers."""
    return window(first).size


@strawberry.type(description="A set of files: open for uploads while PENDING, unchangeable once COMMITTED.")
class ArtifactVersion(Owned, kind=Kind.ArtifactVersion):
    """A version's row."""

    number: int = column("Counts the versions of the artifact from 1.")
    state: ArtifactState = column("Whether it can be read.")
    digest: str | None = column(
        "The SHA-256 over a line `<sha256> <size in bytes> <path>` a file, each ended by LF, sorted by path; null "
        "until it is committed."
    )
    size_bytes: BigInt = column("The size of its files in bytes.")
    file_count: int = column("How many files it has.")
    committed_at: datetime | None = column("When it was committed.")
    artifact: ArtifactReference = one(ArtifactById, key="artifact_id", description="What it is a version of.")
    produced_by: RunReference | None = one(RunById, key="run_id", description="The run that made it.")
    used_by: list[RunReference] = many(
        RunsByUsedVersion, arguments=most, description="The runs that read it, the newest readers first."
    )
    aliases: list[ArtifactAlias] = many(AliasesByVersion, description="The aliases that point at it, by name.")
    entries: list[ArtifactEntry] = many(
        EntriesByVersion, arguments=entry_slice, description="Its files, sorted by path."
    )

    # Depends on the address of the server, which no row has: hence a function of the context too, without any query.
    @strawberry.field(
        description="Where to send a file with `PUT`, its bytes as the body; null unless the version is PENDING. "
        "A header `X-Content-SHA256` or `Digest` makes the server refuse other bytes, `Content-Type` tells what they "
        "are. The credential is the one of this endpoint. Where the project has an artifact store, `requestUploads` is "
        "asked instead."
    )
    def upload_url(
        self,
        info: Info[Any, Any],
        path: Annotated[
            str,
            strawberry.argument(
                description="The file's path: relative, at most 1,000 characters, no part empty, `.` or `..`."
            ),
        ],
    ) -> str | None:
        """Return the address."""
        return upload_address(info.context.runtime, self.row, path)


@filter_input("Which artifact versions; all members that are given must hold.")
class ArtifactVersionFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    run: IdCondition | None = condition("By the run that produced it.")
    number: NumberCondition | None = condition("By number.")
    state: EnumCondition[ArtifactState] | None = condition("By state.")
    digest: StringCondition | None = condition("By digest.")
    size_bytes: NumberCondition | None = condition("By size in bytes.")
    file_count: NumberCondition | None = condition("By the number of files.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    committed_at: DateTimeCondition | None = condition("By the time of the commit.")
    text: str | None = condition("By the beginning of the digest.")


version_page = list_arguments(
    VERSIONS, ArtifactVersionFilter, sort_input("ArtifactVersionSort", VERSIONS), noun="versions"
)


@strawberry.type
class ArtifactVersionQueries:
    """Root fields."""

    artifact_version: ArtifactVersion | None = one(
        ArtifactVersionById,
        key=None,
        arguments=by_id(Kind.ArtifactVersion),
        description="An artifact version by its id.",
    )


@strawberry.type
class ArtifactVersionMutations:
    """Root fields."""

    @mutation(
        Permission.ARTIFACT_WRITE,
        appends=True,
        description="Open an artifact's next version. Send its files with `PUT` to its `uploadUrl`, then commit it.",
    )
    async def create_artifact_version(
        self,
        info: Info[Any, Any],
        artifact_id: Annotated[strawberry.ID, strawberry.argument(description="The id of an Artifact.")],
        run_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The id of the run that makes it.")
        ] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> ArtifactVersion:
        """Create."""
        row = await resolvers.artifact_versions.create(
            info.context,
            uuid_of(Kind.Artifact, artifact_id, field="artifactId"),
            run_id=None if run_id is None else uuid_of(Kind.Run, run_id, field="runId"),
            idempotency_key=idempotency_key,
        )
        return ArtifactVersion(row=row)

    @mutation(
        Permission.ARTIFACT_WRITE,
        appends=True,
        description="Seal an open version: it can then be read and never changes. The error DIGEST_MISMATCH says in "
        "what its files are not the expected ones, and leaves it open. Committing it again changes nothing.",
    )
    async def commit_artifact_version(
        self,
        info: Info[Any, Any],
        id: VersionId,
        expected_digest: Annotated[
            str | None, strawberry.argument(description="The digest that the version must have; see its `digest`.")
        ] = None,
        entries: Annotated[
            list[ArtifactEntryInput] | None,
            strawberry.argument(description="All files that the version must hold; at most 10,000."),
        ] = None,
    ) -> ArtifactVersion:
        """Commit."""
        row = await resolvers.artifact_versions.commit(
            info.context,
            uuid_of(Kind.ArtifactVersion, id),
            expected_digest=expected_digest,
            expected_files=given(entries),
        )
        return ArtifactVersion(row=row)

    @mutation(Permission.ARTIFACT_WRITE, appends=True, description="Give an open version up: it lets go of its files.")
    async def fail_artifact_version(self, info: Info[Any, Any], id: VersionId) -> ArtifactVersion:
        """Fail."""
        row = await resolvers.artifact_versions.fail(info.context, uuid_of(Kind.ArtifactVersion, id))
        return ArtifactVersion(row=row)

    @mutation(
        Permission.ARTIFACT_DELETE,
        description="Let go of a version's files for good; refused while an alias or a model version points at it.",
    )
    async def delete_artifact_version(
        self, info: Info[Any, Any], id: VersionId, expected_version: ExpectedVersion = None
    ) -> ArtifactVersion:
        """Delete."""
        key = uuid_of(Kind.ArtifactVersion, id)
        row = await resolvers.artifact_versions.delete(info.context, key, expected_version=expected_version)
        return ArtifactVersion(row=row)

    @mutation(
        Permission.RUN_WRITE, description="Record that a run reads a committed version; takes ARTIFACT_READ on it too."
    )
    async def use_artifact(
        self,
        info: Info[Any, Any],
        run_id: Annotated[strawberry.ID, strawberry.argument(description="The id of a Run.")],
        version_id: VersionId,
    ) -> ArtifactVersion:
        """Use."""
        key = uuid_of(Kind.ArtifactVersion, version_id, field="versionId")
        row = await resolvers.artifact_versions.use(info.context, key, run_id=uuid_of(Kind.Run, run_id, field="runId"))
        return ArtifactVersion(row=row)
