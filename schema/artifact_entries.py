"""The files of artifact versions in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.artifact_files
from dataloaders.artifacts import Files
from dataloaders.paging import window
from execution.declare import column
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from resolvers import validation
from resolvers.artifact_files import LONGEST_PATH
from resolvers.transfers import download_address
from schema.connections import First
from schema.guards import mutation
from schema.nodes import RowBacked
from schema.scalars import BigInt


@strawberry.type(description="A file of an artifact version.")
class ArtifactEntry(RowBacked):
    """A file's row."""

    row: strawberry.Private[Any]
    path: str = column("Its path in the version, like `data/train.csv`; unique in it.")
    size_bytes: BigInt = column("Its size in bytes.")
    sha256: str = column("The SHA-256 of its bytes, in lower-case hexadecimal.")
    media_type: str = column("What its bytes are, like `text/csv`.")

    # Signed with the server's secret, which no row has: hence a function of the context too, without any query.
    @strawberry.field(
        description="A link from which anybody can fetch it for some time, without signing in. An address of the "
        "server, with its host where the server knows under which it is reached."
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
        return download_address(info.context.runtime, self.row, ttl_s=ttl)


def entry_slice(
    first: First = None,
    after: Annotated[
        str | None, strawberry.argument(description="The path after which to go on: the last one that was answered.")
    ] = None,
    prefix: Annotated[
        str | None, strawberry.argument(description="How the paths begin: a folder like `data/`, or a whole path.")
    ] = None,
) -> Files:
    """Declare and read the arguments of a list of files."""
    return Files(
        window(first).size,
        prefix=validation.text(prefix, field="prefix", limit=LONGEST_PATH),
        after=validation.text(after, field="after", limit=LONGEST_PATH),
    )


@strawberry.input(description="A file that a version is expected to hold.")
class ArtifactEntryInput:
    """A path with the digest of its bytes."""

    path: str = strawberry.field(description="Its path.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in hexadecimal.")


@strawberry.type
class ArtifactEntryMutations:
    """Root fields."""

    @mutation(
        Permission.ARTIFACT_WRITE,
        description="Put a file that the organisation has already stored into an open version, without sending it.",
    )
    async def add_artifact_entry(
        self,
        info: Info[Any, Any],
        version_id: Annotated[strawberry.ID, strawberry.argument(description="The id of an ArtifactVersion.")],
        path: Annotated[str, strawberry.argument(description="The file's path in the version.")],
        sha256: Annotated[str, strawberry.argument(description="The SHA-256 of the file's bytes, in hexadecimal.")],
        media_type: Annotated[
            str | None, strawberry.argument(description="What the bytes are; told by the path's ending unless given.")
        ] = None,
    ) -> ArtifactEntry:
        """Add."""
        key = uuid_of(Kind.ArtifactVersion, version_id, field="versionId")
        row = await resolvers.artifact_files.reuse(info.context, key, path=path, sha256=sha256, media_type=media_type)
        return ArtifactEntry(row=row)
