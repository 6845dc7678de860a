"""Versions of blobs, which Azure keeps where the account says so.

There are no deletions among them: when an object is deleted, its last version is the latest no more.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from secrets import token_hex
from typing import Any, Final

from connectors.stores.azure_blob.copying import AzureCopying, Source
from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.listing import in_pages, in_utf8_order
from connectors.stores.azure_blob.names import is_held
from connectors.stores.azure_blob.place import Place, bare
from connectors.stores.azure_blob.reading import stream
from connectors.stores.buckets import ObjectVersion
from connectors.stores.capability import PAGE, StoredObject
from maestro.vendor_errors import NotSupported

TRIAL: Final = "versions-trial"


class AzureVersions(AzureCopying):
    """Objects of which what was there before is kept."""

    async def is_versioned(self) -> bool:
        """Say whether the account keeps versions, by storing an empty object, whose versions are removed at once.

        A key or signature of storage may not ask the account itself. Forbidden when it may not write and delete either.
        """
        key = f"{TRIAL}/{token_hex(16)}"
        version = (await self.put_bytes(key, b"")).version_id
        await self.delete([key])
        if version:
            await self.delete_version(key, version)
        return bool(version)

    async def set_versioned(self, is_versioned: bool) -> None:  # noqa: FBT001 -- as its protocol
        """Raise NotSupported: it is a setting of the account, which no key or signature of storage may change."""
        switch = "true" if is_versioned else "false"
        raise NotSupported(
            "Whether versions are kept is a setting of the storage account, which its key may not change.",
            hint="Let somebody who may manage the account run `az storage account blob-service-properties update "
            f"--account-name {self.place.config.account} --enable-versioning {switch}`.",
        )

    async def versions(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[ObjectVersion]]:
        """Yield all versions by key, the newest first; where none are kept, the objects as they are."""
        with translated(f"{prefix}…"):
            async for some in in_pages(_versions(self.place, prefix, page), page):
                yield some

    async def get_version(self, key: str, version_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a version; NotFound."""
        async with aclosing(stream(self.place.target(key, version_id), start=0, end=None)) as parts:
            async for part in parts:
                yield part

    async def restore_version(self, key: str, version_id: str) -> StoredObject:
        """Make a version the latest one again by copying it; NotFound."""
        return await self.copied(Source(self.place, key, version_id), key)

    async def delete_version(self, key: str, version_id: str) -> None:
        """Remove a version for good; the latest one by deleting the object first, which is not there then."""
        with translated(key):
            found = await self.place.blob(key, version_id).get_blob_properties()
            if found.is_current_version:
                await self.place.blob(key).delete_blob()
            await self.place.blob(key).delete_blob(version_id=version_id)


async def _versions(place: Place, prefix: str, page: int) -> AsyncIterator[ObjectVersion]:
    listing = place.client.list_blobs(
        name_starts_with=place.prefix + prefix, include=["versions"], results_per_page=page
    )
    async for versions in in_utf8_order(_by_name(listing), lambda some: str(some[0].name)):
        key = str(versions[0].name).removeprefix(place.prefix)
        if is_held(key):
            # Their ids are the moments at which they were made.
            for one in sorted(versions, key=lambda one: str(one.version_id or ""), reverse=True):
                yield _told(key, one)


async def _by_name(listing: AsyncIterator[Any]) -> AsyncIterator[list[Any]]:
    """Yield the versions of one name at a time."""
    some: list[Any] = []
    async for blob in listing:
        if some and some[0].name != blob.name:
            yield some
            some = []
        some.append(blob)
    if some:
        yield some


def _told(key: str, blob: Any) -> ObjectVersion:
    return ObjectVersion(
        key,
        str(blob.version_id or ""),
        blob.size,
        blob.last_modified,
        is_latest=bool(blob.is_current_version) or not blob.version_id,
        etag=bare(blob.etag),
    )
