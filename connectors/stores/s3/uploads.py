"""Uploads in parts to a bucket, each with a SHA-256 that the server verifies; they go on in any process."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from connectors.stores.buckets import PLAIN, Description, Part, Upload, part_of
from connectors.stores.capability import StoredObject
from connectors.stores.s3.bucket import SHA256, UPLOAD, S3Bucket
from connectors.stores.s3.describing import told
from connectors.stores.s3.targets import checksum, part_size, verify
from maestro import clock
from maestro.errors import NotFound, StoreFailed
from maestro.threads import in_thread


class S3Uploads(S3Bucket):
    """Objects that arrive in parts."""

    async def begin_upload(self, key: str, size: int, description: Description = PLAIN) -> Upload:
        """Begin an upload; NotSupported for a tier that is none."""
        target, token = self.target(key), secrets.token_hex(8)
        given = told(description)
        given["Metadata"] |= {UPLOAD: token}
        with target.asking():
            begun = await self._client.create_multipart_upload(**target.names, ChecksumAlgorithm="SHA256", **given)
        state = {"token": token, SHA256: description.sha256}
        return Upload(key, begun["UploadId"], part_size(size), size, state)

    async def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Send a part with its SHA-256."""
        part = await in_thread(lambda _: part_of(upload, number, content))
        return Part(number, part.size, await self._send(upload, number, content, sha256=part.tag))

    async def parts(self, upload: Upload) -> Sequence[Part]:
        """Return the parts that the server has; NotFound."""
        return [Part(one["PartNumber"] - 1, one["Size"], one["ETag"].strip('"')) for one in await self._arrived(upload)]

    async def complete_upload(self, upload: Upload, *, sha256: str | None = None) -> StoredObject:
        """Make the object; one that this upload has made before is returned again.

        A SHA-256 that is told now is not kept with the object, whose metadata are those with which it began.
        """
        known = sha256 or upload.state.get(SHA256)
        try:
            made = await self._finish(upload)
        except NotFound:
            found = await self._seen(self.target(upload.key))
            if found.get("Metadata", {}).get(UPLOAD) != upload.state["token"]:
                raise
            made = found
        return StoredObject(
            upload.key,
            upload.size,
            made.get("LastModified", clock.now()),
            known,
            etag=made["ETag"].strip('"'),
            version_id=made.get("VersionId"),
        )

    async def abort_upload(self, upload: Upload) -> None:
        """Throw the parts away."""
        try:
            with self._asking(_name(upload)):
                await self._client.abort_multipart_upload(**self._names(upload))
        except NotFound:
            return

    async def _finish(self, upload: Upload) -> Any:
        if not upload.count:
            # Servers make no object of no parts.
            await self._send(upload, 0, b"", sha256=hashlib.sha256().hexdigest())
        arrived = await self._arrived(upload)
        _require_all(upload, arrived)
        listed = [
            {name: one[name] for name in ("PartNumber", "ETag", "ChecksumSHA256") if name in one} for one in arrived
        ]
        with self._asking(_name(upload)):
            made = await self._client.complete_multipart_upload(
                **self._names(upload), MultipartUpload={"Parts": listed}
            )
        digests = [one["ChecksumSHA256"] for one in listed if "ChecksumSHA256" in one]
        if len(digests) == len(listed):
            verify(made, f"{checksum(_digest(digests))}-{len(listed)}", upload.key)
        return made

    async def _send(self, upload: Upload, number: int, content: bytes, *, sha256: str) -> str:
        expected, target = checksum(bytes.fromhex(sha256)), self.target(upload.key)
        made = None
        if self._direct is not None:
            query = f"partNumber={number + 1}&uploadId={quote(upload.id, safe='-._~')}"
            made = await self._direct.put(target.key, content, sha256=bytes.fromhex(sha256), query=query)
        with self._asking(_name(upload)):
            made = made or await self._client.upload_part(
                **self._names(upload), PartNumber=number + 1, Body=content, ChecksumSHA256=expected
            )
        verify(made, expected, upload.key)
        return str(made["ETag"].strip('"'))

    async def _arrived(self, upload: Upload) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_parts").paginate(**self._names(upload))
        with self._asking(_name(upload)):
            return [one async for page in pages for one in page.get("Parts", ())]

    def _names(self, upload: Upload) -> dict[str, str]:
        return {**self.target(upload.key).names, "UploadId": upload.id}


def _name(upload: Upload) -> str:
    return f"upload of {upload.key}"


def _require_all(upload: Upload, arrived: Sequence[dict[str, Any]]) -> None:
    wanted = [(number + 1, upload.size_of(number)) for number in range(upload.count)] or [(1, 0)]
    found = [(one["PartNumber"], one["Size"]) for one in arrived]
    if found != wanted:
        raise StoreFailed(f"The upload of {upload.key} has {len(found):,} of {len(wanted):,} parts.")


def _digest(digests: Sequence[str]) -> bytes:
    """Return the checksum of checksums, as the server computes that of an object of parts."""
    return hashlib.sha256(b"".join(base64.b64decode(one) for one in digests)).digest()
