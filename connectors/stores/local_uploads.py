"""Objects of a folder that arrive in parts: each part at its place in one file, and noted when it is on the disk.

An upload is a folder `.work/uploads/<id>` with the file `content` and, for each part that has arrived, an empty file
`parts/<number>.<SHA-256>`. Of one that has ended well the empty folder stays for some days: by it an end that is asked
for twice is told from an upload that was thrown away.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from connectors.stores.buckets import Part, Upload, part_of
from connectors.stores.drafts import make_folder, move, reading, sync
from connectors.stores.keys import WORK
from maestro.errors import NotFound, StoreFailed

UPLOADS: Final = f"{WORK}/uploads"
CONTENT: Final = "content"
PARTS: Final = "parts"
PART_BYTES: Final = 8 * 1024 * 1024
MOST_PARTS: Final = 10_000
ABANDONED: Final = timedelta(days=7)
"""An upload to which nothing has been added for so long is not gone on with."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What has arrived of an upload into the folder of a store."""

    root: Path
    upload: Upload

    @classmethod
    def begin(cls, root: Path, key: str, size: int) -> "Arrivals":
        """Make the folder of a new upload."""
        begun = cls(root, Upload(key, uuid4().hex, max(PART_BYTES, -(-size // MOST_PARTS)), size))
        make_folder(begun.place / PARTS, root)
        descriptor = os.open(begun.place / CONTENT, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)
        return begun

    @property
    def place(self) -> Path:
        """The folder of the upload; NotFound for an id that is none."""
        if not self.upload.id.isalnum():
            raise NotFound(f"There is no such upload of {self.upload.key}.")
        return self.root / UPLOADS / self.upload.id

    def put(self, number: int, content: bytes) -> Part:
        """Write a part and have it on the disk, then note it; InvalidInput, NotFound."""
        part = part_of(self.upload, number, content)
        with self._known():
            descriptor = os.open(self.place / CONTENT, os.O_WRONLY | os.O_CLOEXEC)
            try:
                for note in (self.place / PARTS).glob(f"{number}.*"):
                    note.unlink(missing_ok=True)  # it is not that part any more from the first byte on
                _write(descriptor, content, number * self.upload.part_size)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            (self.place / PARTS / f"{number}.{part.tag}").touch(0o600)
        return part

    def parts(self) -> list[Part]:
        """Return the parts that were noted, by their numbers; NotFound."""
        with self._known():
            names = [path.name for path in (self.place / PARTS).iterdir()]
        notes = sorted((int(number), tag) for number, _, tag in (name.partition(".") for name in names))
        return [Part(number, self.upload.size_of(number), tag) for number, tag in notes]

    def complete(self, place: Path) -> None:
        """Move the file to its place when all parts are there; NotFound, StoreFailed."""
        if not (self.place / CONTENT).exists():
            with self._known():
                self.place.stat()
            return  # it has ended before
        found = len(self.parts())
        if found != self.upload.count:
            raise StoreFailed(f"The upload of {self.upload.key} has {found:,} of {self.upload.count:,} parts.")
        sync(self.place / CONTENT)
        move(self.place / CONTENT, place, self.root)
        shutil.rmtree(self.place / PARTS, ignore_errors=True)

    def abort(self) -> None:
        """Remove what has arrived; what has ended well stays."""
        if (self.place / CONTENT).exists():
            shutil.rmtree(self.place, ignore_errors=True)

    def _known(self) -> AbstractContextManager[None]:
        return reading(f"upload of {self.upload.key}")


def forget_uploads(root: Path) -> None:
    """Remove uploads that nobody has added to for days, and what is left of those that have ended."""
    for folder in _folders(root):
        with suppress(FileNotFoundError):
            latest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            if latest < time.time() - ABANDONED.total_seconds():
                shutil.rmtree(folder, ignore_errors=True)


def clear_uploads(root: Path) -> None:
    """Remove the folders of uploads that have ended, and the folder around them if there are no others."""
    for folder in _folders(root):
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        (root / UPLOADS).rmdir()


def _folders(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from list((root / UPLOADS).iterdir())


def _write(descriptor: int, content: bytes, place: int) -> None:
    rest = memoryview(content)
    while rest:
        done = os.pwrite(descriptor, rest, place)
        rest, place = rest[done:], place + done
