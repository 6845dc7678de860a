"""Blobs in a folder of the server: content-addressed, written whole or not at all, never held whole in memory."""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar
from uuid import UUID, uuid4

from connectors.blob_folder import StoredFile, files_on, organizations, shelves, take_away
from maestro.errors import DigestMismatch, NotFound, PayloadTooLarge, Unavailable

R = TypeVar("R")

CHUNK: Final = 1024 * 1024
"""Bytes that go to the disk, or come from it, in one step of a thread."""
_DRAFTS: Final = "incoming"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes: their SHA-256 in lower-case hexadecimal and their number."""

    sha256: str
    size: int


class LocalBlobs:
    """Blobs as files `<organization>/<aa>/<sha256>`, those of each organisation apart.

    Several processes may share the folder. Opening it removes what writers left behind that did not live to the end.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / _DRAFTS
        # What people upload is for nobody else's eyes on this machine.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drafts.mkdir(exist_ok=True)
        _sweep(self._drafts)

    async def write(
        self, organization_id: UUID, stream: AsyncIterator[bytes], *, limit: int, expected: str | None = None
    ) -> Blob:
        """Store what a stream yields, durable on return; when the stream or anything else fails, nothing is stored.

        PayloadTooLarge beyond `limit` bytes, DigestMismatch when the SHA-256 is not the expected one, Unavailable when
        the disk is full.
        """
        async with self._draft() as draft:
            pending = bytearray()
            async for received in stream:
                pending += received
                if draft.size + len(pending) > limit:
                    raise PayloadTooLarge(f"A file has at most {limit:,} bytes.", limit=limit)
                if len(pending) >= CHUNK:
                    await asyncio.to_thread(draft.append, bytes(pending))
                    pending.clear()
            await asyncio.to_thread(draft.append, bytes(pending))
            blob = draft.blob()
            if expected is not None and blob.sha256 != expected:
                raise DigestMismatch(
                    f"What arrived has the SHA-256 {blob.sha256}, not {expected}.",
                    hint="Send the file again.",
                    expected=expected,
                    actual=blob.sha256,
                )
            await asyncio.to_thread(draft.keep, self._place(organization_id, blob.sha256), self._folder)
            return blob

    async def find(self, organization_id: UUID, sha256: str) -> Path:
        """Return the file of a blob; NotFound."""
        place = self._place(organization_id, sha256)
        if not await asyncio.to_thread(place.is_file):
            raise NotFound("There is no such file in the store.")
        return place

    async def verify(self, organization_id: UUID, sha256: str) -> bool:
        """Read a blob from the disk and say whether it still has its digest; NotFound."""
        place = await self.find(organization_id, sha256)
        return await asyncio.to_thread(_digest, place) == sha256

    async def has(self, organization_id: UUID, sha256: str) -> bool:
        """Say whether there is a file for a blob."""
        return await asyncio.to_thread(self._place(organization_id, sha256).is_file)

    async def share(self, giver_id: UUID, taker_id: UUID, sha256: str) -> bool:
        """Give one organisation's blob to another, which has none; False when there is no such blob.

        The same bytes on the disk if its file system can do that, else a copy; either may be removed later on. Durable
        after `settle`.
        """
        origin, place = self._place(giver_id, sha256), self._place(taker_id, sha256)
        try:
            await asyncio.to_thread(_link, origin, place)
        except FileNotFoundError:
            return False
        except OSError:
            # Another disk, or too many names of one file.
            size = (await asyncio.to_thread(origin.stat)).st_size
            await self.write(taker_id, read(origin), limit=size, expected=sha256)
        return True

    async def settle(self, organization_id: UUID) -> None:
        """Make durable what an organisation was given."""
        await asyncio.to_thread(_sync_all, self._folder, organization_id)

    async def remove(self, organization_id: UUID, sha256: str, *, before: datetime) -> int | None:
        """Remove a blob that came before a moment, and return how many bytes the disk has got back by that.

        None when there is none, or one that has come later: whoever sent it may be about to name it.
        """
        return await asyncio.to_thread(take_away, self._place(organization_id, sha256), before.timestamp())

    async def organizations(self) -> list[UUID]:
        """Return whose blobs there are."""
        return await asyncio.to_thread(organizations, self._folder)

    async def listed(self, organization_id: UUID) -> AsyncIterator[list[StoredFile]]:
        """Read which blobs an organisation has, some at a time, in the order of their digests."""
        for shelf in await asyncio.to_thread(shelves, self._folder, organization_id):
            yield await asyncio.to_thread(files_on, shelf)

    def _place(self, organization_id: UUID, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise NotFound("This is not the SHA-256 of anything.")
        return self._folder / organization_id.hex / sha256[:2] / sha256

    @asynccontextmanager
    async def _draft(self) -> "AsyncIterator[_Draft]":
        draft = await _finished(partial(_Draft, self._drafts), undo=_Draft.discard)
        try:
            yield draft
        finally:
            await _finished(draft.discard)


class _Draft:
    """A file that is being written, locked while its writer lives; its steps run one at a time, in any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / uuid4().hex
        self._file = _created(self._path)
        self._hash = hashlib.sha256()
        self._turn = Lock()
        self.size = 0

    def append(self, content: bytes) -> None:
        """Write and digest some bytes."""
        with self._turn, _room():
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
            self._hash.update(content)
            self.size += len(content)

    def blob(self) -> Blob:
        """Return what has been written so far."""
        return Blob(self._hash.hexdigest(), self.size)

    def keep(self, place: Path, root: Path) -> None:
        """Move the file to its place, so that it is there after a crash too."""
        with self._turn, _room():
            os.fsync(self._file.fileno())
            place.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(place)
            for folder in place.parents:
                _sync_folder(folder)
                if folder == root:
                    break

    def discard(self) -> None:
        """Close the file, and remove it unless it was kept."""
        with self._turn:
            self._path.unlink(missing_ok=True)
            self._file.close()


async def read(path: Path) -> AsyncIterator[bytes]:
    """Read a file in chunks."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _finished(step: Callable[[], R], *, undo: Callable[[R], None] | None = None) -> R:
    """Run a step in a thread to its end even when the caller is cancelled meanwhile, and undo it then if need be."""
    running = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if undo is not None:
            running.add_done_callback(lambda done: undo(done.result()))
        raise


def _created(path: Path) -> FileIO:
    """Create a locked file; anew when a process that was just starting took it for an abandoned one."""
    while True:
        with _room():
            file = FileIO(path, "xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def _sweep(drafts: Path) -> None:
    """Remove the drafts whose writers are gone: nobody holds the lock on them any more."""
    for path in drafts.iterdir():
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (FileNotFoundError, BlockingIOError):
            continue  # its writer lives, or has just finished


def _link(origin: Path, place: Path) -> None:
    if not origin.is_file():
        raise FileNotFoundError(origin)
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        place.hardlink_to(origin)


def _sync_all(root: Path, organization_id: UUID) -> None:
    given = shelves(root, organization_id)
    for folder in [*given, *([given[0].parent, root] if given else [])]:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise Unavailable(
            "The disk of the server has no room for this file.", hint="Free some room, then send the file again."
        ) from error
