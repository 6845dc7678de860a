"""Versions of the objects in a bucket."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Final

from connectors.stores.buckets import ObjectVersion
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.keys import is_key
from connectors.stores.s3.copying import S3Copies
from connectors.stores.s3.reading import stream
from maestro.errors import MaestroError, NotFound

_NO_VERSION: Final = frozenset({"InvalidArgument", "MethodNotAllowed"})
"""What servers say to an id of a version that cannot be, and to one of a deletion, which has no bytes."""


class S3Versions(S3Copies):
    """Objects whose earlier versions can be reached."""

    async def is_versioned(self) -> bool:
        """Say whether versions are kept."""
        with self._asking("versioning"):
            found = await self._client.get_bucket_versioning(Bucket=self._bucket)
        return bool(found.get("Status") == "Enabled")

    async def set_versioned(self, is_versioned: bool) -> None:  # noqa: FBT001 -- its only argument
        """Have versions kept in the whole bucket, also beyond the prefix."""
        wanted = {"Status": "Enabled" if is_versioned else "Suspended"}
        with self._asking("versioning"):
            await self._client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration=wanted)

    async def versions(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[ObjectVersion]]:
        """Yield all versions; of those of one key in one second the latest is the first, then come deletions."""
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": min(page, PAGE)}
        )
        with self._asking(f"{prefix}…"):
            async for found in pages:
                listed = [*map(self._deletion, found.get("DeleteMarkers", ()))]
                listed += map(self._version, found.get("Versions", ()))
                if in_order := sorted((one for one in listed if is_key(one.key)), key=_place):
                    yield in_order

    async def get_version(self, key: str, version_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a version; NotFound, also for a deletion."""
        with _known(key):
            async with aclosing(stream(self.target(key, version_id), start=0, end=None)) as parts:
                async for part in parts:
                    yield part

    async def restore_version(self, key: str, version_id: str) -> StoredObject:
        """Copy a version onto its object."""
        target, version = self.target(key), self.target(key, version_id)
        with _known(key):
            await self._copy(version, target, await self._seen(version), changes={})
        return self._stored(key, await self._seen(target))

    async def delete_version(self, key: str, version_id: str) -> None:
        """Remove a version for good."""
        target = self.target(key, version_id)
        with target.asking():
            await self._client.delete_object(**target.names)

    def _version(self, found: Mapping[str, Any]) -> ObjectVersion:
        return ObjectVersion(
            found["Key"].removeprefix(self._prefix),
            found["VersionId"],
            found["Size"],
            found["LastModified"],
            found["IsLatest"],
            etag=found["ETag"].strip('"'),
        )

    def _deletion(self, found: Mapping[str, Any]) -> ObjectVersion:
        return ObjectVersion(
            found["Key"].removeprefix(self._prefix),
            found["VersionId"],
            0,
            found["LastModified"],
            found["IsLatest"],
            is_deleted=True,
        )


def _place(version: ObjectVersion) -> tuple[bytes, bool, float]:
    return version.key.encode(), not version.is_latest, -version.modified_at.timestamp()


@contextmanager
def _known(key: str) -> Iterator[None]:
    try:
        yield
    except MaestroError as error:
        if error.details.get("vendorCode") in _NO_VERSION:
            raise NotFound(f"There is no such version of {key} in the store.", **error.details) from error
        raise
