"""Large files on their way to Azure: in blocks, some at a time, and visible when the last one has arrived."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.storage.blob import ContentSettings

from connectors.stores.azure_blob.blocks import AT_ONCE, block_id, block_size, commit, discard, md5_header, stage
from connectors.stores.azure_blob.names import with_digest
from connectors.stores.azure_blob.place import Target
from connectors.stores.sending import require_digest
from maestro.crowd import for_each
from maestro.errors import Transient
from maestro.threads import Told, in_thread


@dataclass(frozen=True, slots=True)
class Sent:
    """A blob that was made: what the vendor has answered, its bytes' number, and their digests in hexadecimal."""

    answer: dict[str, Any]
    size: int
    sha256: str
    md5: str


async def send(target: Target, path: Path, *, sha256: str | None, told: Told) -> Sent:
    """Send a file in blocks, each with its MD5, which Azure verifies; DigestMismatch when it has not this SHA-256.

    When anything fails, or this is cancelled, the blocks that have arrived are emptied.
    """
    size = (await in_thread(lambda _: path.stat())).st_size
    with path.open("rb", buffering=0) as file:
        sending = _Sending(target, file, size)
        is_done = False
        try:
            await sending.run(told)
            sent = await sending.finish(sha256)
            is_done = True
        finally:
            if not is_done:
                await asyncio.shield(discard(target, sending.id))
    return sent


@dataclass(slots=True)
class _Sending:
    target: Target
    file: FileIO
    size: int
    id: str = field(default_factory=lambda: uuid4().hex)
    count: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, told: Told) -> None:
        """Send all blocks, some at a time."""

        async def work(_: int) -> None:
            # Read in order, one at a time, so that the digests of the whole are those of what is sent.
            async with self.turn:
                content, headers = await in_thread(lambda _: self._read())
                name = block_id(self.id, self.count)
                self.count += 1
            await stage(self.target, name, content, headers=headers)
            told(len(content))

        await for_each(range(-(-self.size // block_size(self.size))), work, at_once=AT_ONCE)

    async def finish(self, expected: str | None) -> Sent:
        """Make one blob of the blocks, if they are what they should be."""
        found = self.sha256.hexdigest()
        require_digest(self.target.key, expected or found, found)
        answer = await commit(
            self.target,
            [block_id(self.id, number) for number in range(self.count)],
            settings=ContentSettings(content_md5=bytearray(self.md5.digest())),
            metadata=with_digest({}, found),
        )
        return Sent(answer, self.size, found, self.md5.hexdigest())

    def _read(self) -> tuple[bytes, dict[str, str]]:
        length = block_size(self.size)
        wanted = min(length, self.size - length * self.count)
        pieces: list[bytes] = []
        while (missing := wanted - sum(map(len, pieces))) and (more := self.file.read(missing)):
            pieces.append(more)
        if missing:
            raise Transient(f"The file for {self.target.key} has become shorter while it was sent.")
        content = b"".join(pieces)  # a single piece, as it is with disks, is not copied
        self.sha256.update(content)
        self.md5.update(content)
        return content, md5_header(content)
