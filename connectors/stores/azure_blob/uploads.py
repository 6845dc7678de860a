"""Uploads in parts, whose state lies in Azure: blocks that wait, among them one that says that the upload goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from azure.storage.blob import ContentSettings

from connectors.stores.azure_blob.blocks import (
    MOST_BLOCKS,
    block_id,
    block_size,
    commit,
    discard,
    is_made_of,
    md5_header,
    stage,
    waiting,
)
from connectors.stores.azure_blob.describing import checked_tier
from connectors.stores.azure_blob.errors import BLOCKS_GONE
from connectors.stores.azure_blob.names import metadata_of, with_digest
from connectors.stores.azure_blob.objects import Objects
from connectors.stores.buckets import PLAIN, Description, Part, Upload, part_of
from connectors.stores.capability import StoredObject
from maestro.errors import NotFound, StoreFailed, Transient

MARK: Final = MOST_BLOCKS
"""The number of the block that says that an upload goes on; no part has it."""
_GOES_ON: Final = b"goes on"


class AzureUploads(Objects):
    """Uploads of which parts arrive in any order, several at a time, and in several lives of a process.

    Whatever else is stored under the key meanwhile ends the upload: Azure throws its parts away.
    """

    async def begin_upload(self, key: str, size: int, description: Description = PLAIN) -> Upload:
        """Begin; InvalidInput for more bytes, or metadata, than a blob can have."""
        target, metadata = self.place.target(key), metadata_of(description)
        tier = None if description.tier is None else checked_tier(description.tier)
        told = {"mediaType": description.media_type, "metadata": metadata, "tier": tier}
        upload = Upload(key, uuid4().hex, block_size(size), size, told)
        await stage(target, block_id(upload.id, MARK), _GOES_ON, headers=md5_header(_GOES_ON))
        return upload

    async def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Store a part, with its MD5, which Azure compares; its tag is the id of its block."""
        target, name = self.place.target(upload.key), block_id(upload.id, number)
        part, headers = await asyncio.to_thread(lambda: (part_of(upload, number, content), md5_header(content)))
        await stage(target, name, content, headers=headers)
        return replace(part, tag=name)

    async def parts(self, upload: Upload) -> Sequence[Part]:
        """Return the parts that wait; NotFound also a week after the last of them has arrived."""
        found = await waiting(self.place.target(upload.key), upload.id)
        if found.pop(block_id(upload.id, MARK), None) != len(_GOES_ON):
            raise NotFound(f"There is no such upload of {upload.key} any more.")
        return sorted(
            (Part(int(name.rpartition("-")[2]), size, name) for name, size in found.items()),
            key=lambda part: part.number,
        )

    async def complete_upload(self, upload: Upload, *, sha256: str | None = None) -> StoredObject:
        """Make the object of its parts; it has no MD5, since Azure computes none of parts."""
        try:
            arrived = {part.number: part.size for part in await self.parts(upload)}
        except NotFound:
            return await self._completed(upload)
        missing = [number for number in range(upload.count) if arrived.get(number) != upload.size_of(number)]
        if missing:
            raise StoreFailed(f"The upload of {upload.key} lacks {len(missing)} of its {upload.count} parts.")
        try:
            await self._commit(upload, sha256)
        except Transient as error:
            if error.details.get("vendorCode") != BLOCKS_GONE:
                raise
            return await self._completed(upload)
        return await self.head(upload.key)

    async def abort_upload(self, upload: Upload) -> None:
        """Empty the parts; what is left of them Azure removes within a week."""
        await discard(self.place.target(upload.key), upload.id)

    async def _commit(self, upload: Upload, sha256: str | None) -> None:
        state: Any = upload.state
        await commit(
            self.place.target(upload.key),
            [block_id(upload.id, number) for number in range(upload.count)],
            settings=ContentSettings(content_type=state["mediaType"]) if state["mediaType"] else None,
            metadata=with_digest(state["metadata"], sha256),
            tier=state["tier"],
        )

    async def _completed(self, upload: Upload) -> StoredObject:
        """Return the object that this upload has become; NotFound when it has become none."""
        if not await is_made_of(self.place.target(upload.key), upload.id, upload.count):
            raise NotFound(f"There is no such upload of {upload.key} any more.")
        found = await self.head(upload.key)
        if found.size != upload.size:
            raise NotFound(f"There is no such upload of {upload.key} any more.")
        return found
