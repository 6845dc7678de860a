"""Large files on their way to S3: in parts, some at a time, and visible when the last one has arrived."""

import asyncio
import base64
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

from connectors.stores.s3_errors import translated
from maestro.crowd import for_each
from maestro.errors import DigestMismatch, MaestroError, Transient
from maestro.threads import Told, in_thread

MEBIBYTE: Final = 1024 * 1024
PART: Final = 8 * MEBIBYTE
"""Least bytes of a part, and most of a file that is sent at once."""
MOST_PARTS: Final = 10_000
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Target:
    """An object to be made: the client of the library, the bucket, and the key within it."""

    client: Any
    bucket: str
    key: str

    @property
    def names(self) -> dict[str, str]:
        """The object as arguments of the library."""
        return {"Bucket": self.bucket, "Key": self.key}


def part_size(size: int) -> int:
    """Return the bytes of a part, so that no file has too many of them."""
    return max(PART, -(-size // MOST_PARTS // MEBIBYTE) * MEBIBYTE)


def checksum(digest: bytes) -> str:
    """Return a digest as the headers of S3 have it."""
    return base64.b64encode(digest).decode()


async def send(target: Target, path: Path, *, size: int, sha256: str, told: Told) -> None:
    """Send a file in parts, each with a checksum that the server verifies; DigestMismatch when it has not this SHA-256.

    When anything fails, or this is cancelled, the parts that have arrived are thrown away.
    """
    with translated(target.key):
        begun = await target.client.create_multipart_upload(
            **target.names, ChecksumAlgorithm="SHA256", Metadata={"sha256": sha256}
        )
    with path.open("rb", buffering=0) as file:
        upload = _Upload(target, begun["UploadId"], file, size)
        is_done = False
        try:
            await upload.run(told)
            await upload.finish(sha256)
            is_done = True
        finally:
            if not is_done:
                await asyncio.shield(upload.abort())


@dataclass(slots=True)
class _Upload:
    target: Target
    id: str
    file: FileIO
    size: int
    parts: list[dict[str, Any]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    whole: Any = field(default_factory=hashlib.sha256)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, told: Told) -> None:
        """Send all parts, some at a time."""

        async def work(_: int) -> None:
            # Read in order, one at a time, so that the digest of the whole is that of what is sent.
            async with self.turn:
                content = await in_thread(lambda _: self._read())
                number = len(self.digests)
            await self._send(number, content)
            told(len(content))

        await for_each(range(-(-self.size // part_size(self.size))), work, at_once=AT_ONCE)

    async def finish(self, sha256: str) -> None:
        """Make one object of the parts, if they are what they should be."""
        found = self.whole.hexdigest()
        if found != sha256:
            raise _mismatch(self.target.key, sha256, found)
        parts = sorted(self.parts, key=lambda part: part["PartNumber"])
        with translated(self.target.key):
            made = await self.target.client.complete_multipart_upload(
                **self.target.names, UploadId=self.id, MultipartUpload={"Parts": parts}
            )
        verify(made, f"{checksum(hashlib.sha256(b''.join(self.digests)).digest())}-{len(parts)}", self.target.key)

    async def abort(self) -> None:
        """Throw the parts away; what cannot be thrown away now is when the store is tidied."""
        with suppress(MaestroError), translated(self.target.key):
            await self.target.client.abort_multipart_upload(**self.target.names, UploadId=self.id)

    def _read(self) -> bytes:
        wanted = min(part_size(self.size), self.size - part_size(self.size) * len(self.digests))
        content = bytearray()
        while len(content) < wanted and (more := self.file.read(wanted - len(content))):
            content += more
        if len(content) < wanted:
            raise Transient(f"The file for {self.target.key} has become shorter while it was sent.")
        self.whole.update(content)
        self.digests.append(hashlib.sha256(content).digest())
        return bytes(content)

    async def _send(self, number: int, content: bytes) -> None:
        expected = checksum(self.digests[number - 1])
        with translated(self.target.key):
            made = await self.target.client.upload_part(
                **self.target.names, UploadId=self.id, PartNumber=number, Body=content, ChecksumSHA256=expected
            )
        verify(made, expected, self.target.key)
        self.parts.append({"PartNumber": number, "ETag": made["ETag"], "ChecksumSHA256": expected})


def read_whole(path: Path, key: str, sha256: str) -> bytes:
    """Return the bytes of a small file; DigestMismatch when they have not this SHA-256."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _mismatch(key, sha256, found)
    return content


def verify(made: dict[str, Any], expected: str, key: str) -> None:
    """Compare the checksum that the server has computed with ours; some servers compute none. Transient."""
    if made.get("ChecksumSHA256") not in (None, expected):
        raise Transient(f"What has arrived in the store for {key} is not what was sent.")


def _mismatch(key: str, expected: str, actual: str) -> DigestMismatch:
    return DigestMismatch(
        f"The file for {key} has the SHA-256 {actual}, not {expected}.", expected=expected, actual=actual
    )
