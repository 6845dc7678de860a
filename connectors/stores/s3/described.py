"""Small objects of S3 with all that is told of them, each by a single request."""

from hashlib import sha256
from typing import Final

from connectors.stores.buckets import Description
from connectors.stores.capability import StoredObject
from connectors.stores.s3.bucket import SHA256
from connectors.stores.s3.describing import S3Descriptions, told
from connectors.stores.s3.targets import checksum, verify
from maestro import clock
from maestro.errors import PayloadTooLarge
from maestro.threads import in_thread

_INLINE_BYTES: Final = 64 * 1024
"""To digest less than this in a thread takes longer than to digest it."""
_CHECKSUMS: Final = {"x-amz-checksum-mode": "ENABLED"}


class S3Described(S3Descriptions):
    """Objects that are read and written whole, with their descriptions."""

    async def get_described(self, key: str, *, limit: int) -> tuple[StoredObject, bytes]:
        """Return an object and all its bytes; of a line that breaks off Transient."""
        target = self.target(key)
        if self._direct is not None and (read := await self._direct.get(target.key, _CHECKSUMS, limit=limit)):
            return self._stored(key, read[0]), read[1]
        with target.asking():
            answer = await self._client.get_object(**target.names, ChecksumMode="ENABLED")
            async with answer["Body"] as body:
                if answer["ContentLength"] > limit:
                    raise PayloadTooLarge(f"{key} has more than {limit:,} bytes.", limit=limit)
                content: bytes = await body.read()
        return self._stored(key, answer), content

    async def put_described(self, key: str, content: bytes, description: Description) -> StoredObject:
        """Store a few bytes with what is told of them, compared by the server with their SHA-256."""
        target, given = self.target(key), told(description)
        found = await _digest(content)
        given["Metadata"] |= {SHA256: found.hex()}
        made = None if self._direct is None else await self._direct.put(target.key, content, sha256=found, **given)
        with target.asking():
            made = made or await self._client.put_object(
                **target.names, Body=content, ChecksumSHA256=checksum(found), **given
            )
        verify(made, checksum(found), key)
        etag, version_id = made["ETag"].strip('"'), made.get("VersionId")
        return StoredObject(key, len(content), clock.now(), found.hex(), etag=etag, version_id=version_id)


async def _digest(content: bytes) -> bytes:
    if len(content) < _INLINE_BYTES:
        return sha256(content).digest()
    return await in_thread(lambda _: sha256(content).digest())
