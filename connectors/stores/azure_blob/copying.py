"""Copies that the vendor makes within an account, without the bytes passing through here."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from azure.core import MatchConditions

from connectors.stores.azure_blob.blocks import AT_ONCE, block_id, block_size, commit, discard
from connectors.stores.azure_blob.config import MEBIBYTE
from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.objects import Objects
from connectors.stores.azure_blob.place import Place
from connectors.stores.azure_blob.signing import source_url
from connectors.stores.capability import ObjectStore, StoredObject
from maestro.crowd import for_each
from maestro.errors import StoreFailed, Transient

COPIED_BLOCK: Final = 100 * MEBIBYTE
"""Least bytes of a block that is copied and is not the last."""


@dataclass(frozen=True, slots=True)
class Source:
    """A blob, or a version of it, that is copied."""

    place: Place
    key: str
    version_id: str | None = None

    async def look(self) -> Any:
        """Return what Azure tells of it; NotFound."""
        blob = self.place.blob(self.key, self.version_id)
        with translated(self.key):
            return await blob.get_blob_properties()

    @property
    def url(self) -> str:
        """Where the vendor may read it."""
        return source_url(self.place, self.key, self.version_id)


class AzureCopying(Objects):
    """Objects that are copied from other containers of the account, with what is told of them."""

    def can_copy_from(self, source: ObjectStore) -> bool:
        """Say whether another store is of the same account, and opened with the same key or signature."""
        return isinstance(source, Objects) and _opened_with(source.place) == _opened_with(self.place)

    async def copy_from(self, source: ObjectStore, source_key: str, key: str) -> StoredObject:
        """Copy an object; a large one block by block, which takes its place when all have been copied."""
        if not isinstance(source, Objects) or not self.can_copy_from(source):
            raise StoreFailed(f"{self} cannot copy from {source}.")
        return await self.copied(Source(source.place, source_key), key)

    async def copied(self, source: Source, key: str) -> StoredObject:
        """Copy a blob, or a version of one."""
        blob = self.place.blob(key)
        found = await source.look()
        if found.size <= self.place.config.largest_copy_bytes:
            with translated(key):
                await blob.start_copy_from_url(
                    source.url,
                    requires_sync=True,
                    source_etag=found.etag,
                    source_match_condition=MatchConditions.IfNotModified,
                )
        else:
            await self._in_blocks(source, key, found)
        return await self.head(key)

    async def _in_blocks(self, source: Source, key: str, found: Any) -> None:
        target, upload = self.place.target(key), uuid4().hex
        length = block_size(found.size, least=min(COPIED_BLOCK, self.place.config.largest_copy_bytes))
        names = [block_id(upload, number) for number in range(-(-found.size // length))]

        async def copy(number: int) -> None:
            start = number * length
            with translated(key):
                await target.blob.stage_block_from_url(
                    names[number], source.url, source_offset=start, source_length=min(length, found.size - start)
                )

        is_done = False
        try:
            await for_each(range(len(names)), copy, at_once=AT_ONCE)
            # Its tag is that of the beginning, so all blocks are of one and the same object.
            if (await source.look()).etag != found.etag:
                raise Transient(f"{source.key} has changed while it was copied.")
            await commit(target, names, settings=found.content_settings, metadata=found.metadata or {})
            is_done = True
        finally:
            if not is_done:
                await asyncio.shield(discard(target, upload))


def _opened_with(place: Place) -> tuple[str, str | None, str | None]:
    return place.config.address, place.config.key, place.config.signature
