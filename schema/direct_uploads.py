"""Files that are sent to artifact stores directly, and the setting by which they are, in the schema."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.artifact_stores
import resolvers.direct_uploads
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from resolvers.direct_uploads import Requested
from schema.artifact_entries import ArtifactEntry
from schema.artifact_versions import VersionId
from schema.connections import given
from schema.guards import mutation
from schema.projects import Project, ProjectId
from schema.scalars import BigInt


@strawberry.input(description="A file that is to be sent to an artifact store.")
class UploadInput:
    """What is promised of a file."""

    path: str = strawberry.field(description="Its path in the version: relative, at most 1,000 characters.")
    size_bytes: BigInt = strawberry.field(description="Its size in bytes, at most 5,000,000,000.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in hexadecimal.")
    media_type: str | None = strawberry.field(
        default=UNSET, description="What its bytes are; told by the path's ending unless given."
    )


@strawberry.type(description="A header that has to be sent as it is.")
class RequestHeader:
    """A name and a text."""

    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its text.")


@strawberry.type(description="A request to a store, which whoever has it may send until it expires.")
class SignedUpload:
    """How bytes are sent."""

    method: str = strawberry.field(description="The method, which is PUT.")
    url: str = strawberry.field(description="The address; a secret until it expires.")
    headers: list[RequestHeader] = strawberry.field(description="Headers that have to be sent as they are.")
    expires_at: datetime = strawberry.field(description="Until when the store takes it.")


@strawberry.type(description="A file that was asked for by `requestUploads`.")
class RequestedUpload:
    """What is to be done with one file."""

    path: str = strawberry.field(description="Its path in the version.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in lower-case hexadecimal.")
    is_stored: bool = strawberry.field(
        description="Whether the store has the bytes already; then the file is in the version, and nothing is to be "
        "sent or completed."
    )
    upload: SignedUpload | None = strawberry.field(
        description="The request that sends its bytes to the store; null when they are stored."
    )


@strawberry.type
class ArtifactStoreMutations:
    """Root fields."""

    @mutation(
        Permission.PROJECT_UPDATE,
        description="Say to which object store the files of a project's artifacts go from now on; takes "
        "CONNECTOR_MANAGE for the connector too. What is stored stays where it is, and can be read as before.",
    )
    async def set_project_artifact_store(
        self,
        info: Info[Any, Any],
        project_id: ProjectId,
        connector_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The id of a Connector of kind S3, GCS or AZURE_BLOB; null for the server's own folder."
            ),
        ] = None,
        prefix: Annotated[
            str,
            strawberry.argument(description="The folder within what the connector leads to; all of it unless given."),
        ] = "",
    ) -> Project:
        """Set."""
        row = await resolvers.artifact_stores.put(
            info.context,
            uuid_of(Kind.Project, project_id, field="projectId"),
            None if connector_id is None else uuid_of(Kind.Connector, connector_id, field="connectorId"),
            prefix=prefix,
        )
        return Project(row=row)


@strawberry.type
class DirectUploadMutations:
    """Root fields."""

    @mutation(
        Permission.ARTIFACT_WRITE,
        appends=True,
        description="Ask how files of an open version are sent to the artifact store of its project, at most 1,000 at "
        "a time. Send each with its request, then name it in `completeUploads`.",
    )
    async def request_uploads(
        self,
        info: Info[Any, Any],
        version_id: VersionId,
        files: Annotated[
            list[UploadInput], strawberry.argument(description="The files, each under a path of its own.")
        ],
    ) -> list[RequestedUpload]:
        """Request."""
        key = uuid_of(Kind.ArtifactVersion, version_id, field="versionId")
        found = await resolvers.direct_uploads.request(info.context, key, [given(file) for file in files])
        return [_requested(one) for one in found]

    @mutation(
        Permission.ARTIFACT_WRITE,
        appends=True,
        description="Put files into an open version that were sent to its artifact store. The error DIGEST_MISMATCH "
        "says which bytes have not come or are others than were promised, and puts none of the files.",
    )
    async def complete_uploads(
        self,
        info: Info[Any, Any],
        version_id: VersionId,
        paths: Annotated[
            list[str], strawberry.argument(description="The paths as they were requested, at most 1,000.")
        ],
    ) -> list[ArtifactEntry]:
        """Complete."""
        key = uuid_of(Kind.ArtifactVersion, version_id, field="versionId")
        rows = await resolvers.direct_uploads.complete(info.context, key, paths)
        return [ArtifactEntry(row=row) for row in rows]


def _requested(one: Requested) -> RequestedUpload:
    upload = None
    if one.upload is not None:
        headers = [RequestHeader(name=name, value=value) for name, value in one.upload.headers.items()]
        upload = SignedUpload(
            method=one.upload.method, url=one.upload.url, headers=headers, expires_at=one.upload.expires_at
        )
    return RequestedUpload(path=one.path, sha256=one.sha256, is_stored=upload is None, upload=upload)
