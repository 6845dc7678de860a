"""A file on its way to a store that takes parts: some at a time, and visible when the last one has arrived."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

from connectors.stores.buckets import Description, Upload, Uploads
from connectors.stores.capability import StoredObject
from maestro.crowd import for_each
from maestro.errors import DigestMismatch, MaestroError, Transient
from maestro.threads import Told, in_thread

AT_ONCE: Final = 4


async def send_file(store: Uploads, key: str, path: Path, *, size: int, sha256: str, told: Told) -> StoredObject:
    """Send a file in parts, and make an object of them; DigestMismatch when it has not this SHA-256.

    When anything fails, or this is cancelled, the parts that have arrived are thrown away.
    """
    upload = await store.begin_upload(key, size, Description(sha256=sha256))
    is_done = False
    try:
        with path.open("rb", buffering=0) as file:
            sending = _Sending(store, upload, file)
            await sending.run(told)
        require_digest(key, sha256, sending.whole.hexdigest())
        made = await store.complete_upload(upload, sha256=sha256)
        is_done = True
        return made
    finally:
        if not is_done:
            await asyncio.shield(_throw_away(store, upload))


async def _throw_away(store: Uploads, upload: Upload) -> None:
    with suppress(MaestroError):  # what cannot be thrown away now is when the store is tidied
        await store.abort_upload(upload)


@dataclass(slots=True)
class _Sending:
    store: Uploads
    upload: Upload
    file: FileIO
    whole: Any = field(default_factory=hashlib.sha256)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    taken: int = 0

    async def run(self, told: Told) -> None:
        """Send all parts, some at a time."""

        async def work(_: int) -> None:
            # Read in order, one at a time, so that the digest of the whole is that of what is sent.
            async with self.turn:
                number, self.taken = self.taken, self.taken + 1
                content = await in_thread(lambda _: self._read(self.upload.size_of(number)))
            await self.store.put_part(self.upload, number, content)
            told(len(content))

        await for_each(range(self.upload.count), work, at_once=AT_ONCE)

    def _read(self, wanted: int) -> bytes:
        content = bytearray()
        while len(content) < wanted and (more := self.file.read(wanted - len(content))):
            content += more
        if len(content) < wanted:
            raise Transient(f"The file for {self.upload.key} has become shorter while it was sent.")
        self.whole.update(content)
        return bytes(content)


def read_whole(path: Path, key: str, sha256: str) -> bytes:
    """Return the bytes of a small file; DigestMismatch when they have not this SHA-256."""
    content = path.read_bytes()
    require_digest(key, sha256, hashlib.sha256(content).hexdigest())
    return content


def require_digest(key: str, expected: str, actual: str) -> None:
    """Raise DigestMismatch when a file is not what it should be."""
    if actual != expected:
        raise DigestMismatch(
            f"The file for {key} has the SHA-256 {actual}, not {expected}.", expected=expected, actual=actual
        )
