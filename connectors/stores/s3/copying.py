"""Copies within S3, which the server makes: in one step, and in parts of objects that are too large for that."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from connectors.stores.capability import ObjectStore, StoredObject
from connectors.stores.s3.bucket import S3Bucket
from connectors.stores.s3.targets import AT_ONCE, MEBIBYTE, MOST_PARTS, Target
from maestro.crowd import for_each
from maestro.errors import MaestroError, StoreFailed, Transient

COPIED_AT_ONCE_BYTES: Final = 5 * 1024 * MEBIBYTE
"""Most bytes that S3 copies in one step."""
COPIED_PART_BYTES: Final = 512 * MEBIBYTE
_TOLD: Final = (
    "Metadata",
    "ContentType",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "Expires",
)
_KMS: Final = "aws:kms"


def kept(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object has been stored with, as arguments to store it again."""
    given = {name: seen[name] for name in (*_TOLD, "StorageClass") if name in seen}
    if str(seen.get("ServerSideEncryption", "")).startswith(_KMS):
        given |= {name: seen[name] for name in ("ServerSideEncryption", "SSEKMSKeyId") if name in seen}
    return given


class S3Copies(S3Bucket):
    """Objects that the server copies."""

    def can_copy_from(self, source: ObjectStore) -> bool:
        """Say whether another store is a bucket of the same server, opened with the same access key."""
        return isinstance(source, S3Copies) and source.config.door == self.config.door

    async def copy_from(self, source: ObjectStore, source_key: str, key: str) -> StoredObject:
        """Copy an object with its metadata, in the storage class of new objects."""
        if not isinstance(source, S3Copies):
            raise StoreFailed(f"{self} cannot copy from {source}.")
        origin, target = source.target(source_key), self.target(key)
        seen = await self._seen(origin)
        if origin.names != target.names:
            await self._copy(origin, target, seen, changes={})
            seen = await self._seen(target)
        return self._stored(key, seen)

    async def _copy(
        self, source: Target, target: Target, seen: Mapping[str, Any], *, changes: Mapping[str, Any]
    ) -> None:
        """Copy an object as it was seen, with changes; Transient when another has taken its place meanwhile."""
        if seen["ContentLength"] > COPIED_AT_ONCE_BYTES:
            await self._copy_in_parts(source, target, seen, changes=changes)
            return
        with source.asking():
            await self._client.copy_object(
                **target.names, CopySource=source.names, CopySourceIfMatch=seen["ETag"], **changes
            )

    async def _copy_in_parts(
        self, source: Target, target: Target, seen: Mapping[str, Any], *, changes: Mapping[str, Any]
    ) -> None:
        told = {name: text for name, text in kept(seen).items() if name != "StorageClass"} | dict(changes)
        told.pop("MetadataDirective", None)
        with target.asking():
            begun = await self._client.create_multipart_upload(**target.names, **told)
        names, is_done = {**target.names, "UploadId": begun["UploadId"]}, False
        try:
            parts = await self._copied_parts(source, names, seen)
            if (await self._seen(source))["ETag"] != seen["ETag"]:  # some servers do not compare it with each part
                raise Transient(f"Another object has taken the place of {source.key} while it was copied.")
            with target.asking():
                await self._client.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
            is_done = True
        finally:
            if not is_done:
                await asyncio.shield(self._give_up(target, names))

    async def _copied_parts(
        self, source: Target, names: dict[str, str], seen: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        size = seen["ContentLength"]
        step = max(COPIED_PART_BYTES, -(-size // MOST_PARTS))
        parts: list[dict[str, Any]] = []

        async def copy(number: int) -> None:
            last = min(size, number * step) - 1
            with source.asking():
                made = await self._client.upload_part_copy(
                    **names,
                    PartNumber=number,
                    CopySource=source.names,
                    CopySourceRange=f"bytes={(number - 1) * step}-{last}",
                    CopySourceIfMatch=seen["ETag"],
                )
            parts.append({"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]})

        await for_each(range(1, -(-size // step) + 1), copy, at_once=AT_ONCE)
        return sorted(parts, key=lambda part: int(part["PartNumber"]))

    async def _give_up(self, target: Target, names: dict[str, str]) -> None:
        with suppress(MaestroError), target.asking():
            await self._client.abort_multipart_upload(**names)
