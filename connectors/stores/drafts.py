"""Files in the making: written under names of their own by writers that hold a lock, and moved to their place whole."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from connectors.stores.capability import CHUNK
from maestro.errors import Forbidden, NotFound, StoreFailed, Transient

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PASSING: Final = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EMFILE})
_NO_COPYING: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})
"""What file systems say that cannot copy, or not from the other one."""
_STEP_BYTES: Final = 64 * CHUNK
PRIVATE: Final = 0o700


class Draft:
    """A file that is being written, which nobody but its owner may read; used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / uuid4().hex
        self.size = 0
        self._hash = hashlib.sha256()
        self._file = _created(self.path)

    @classmethod
    @contextmanager
    def within(cls, folder: Path) -> "Iterator[Draft]":
        """Make a draft for the time of a block."""
        draft = cls(folder)
        try:
            yield draft
        finally:
            draft.discard()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has been written so far."""
        return self._hash.hexdigest()

    def append(self, content: bytes) -> None:
        """Write and digest some bytes."""
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._hash.update(content)
        self.size += len(content)

    def copy(self, file: BinaryIO, going_on: Callable[[int], None]) -> None:
        """Write what is left of a file without digesting it, by the file system alone where it can share or copy."""
        while moved := _carried(file.fileno(), self._file.fileno()):
            self.size += moved
            going_on(moved)

    def keep(self, place: Path, root: Path) -> None:
        """Move the file to its place, where it is after a crash too."""
        os.fsync(self._file.fileno())
        move(self.path, place, root)

    def discard(self) -> None:
        """Close the file, and remove it unless it was kept."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def move(path: Path, place: Path, root: Path) -> None:
    """Move a file to its place below a root, durably; the folders on the way are made."""
    while True:
        make_folder(place.parent, root)
        with suppress(FileNotFoundError):  # somebody has just removed the folder, which was empty
            path.replace(place)
            break
        path.stat()
    for folder in place.parents:
        sync(folder)
        if folder == root:
            break


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below a root, and those above it, for the eyes of their owner alone."""
    if folder == root:
        root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    elif not folder.is_dir():
        make_folder(folder.parent, root)
        with suppress(FileNotFoundError):
            folder.mkdir(mode=PRIVATE, exist_ok=True)


def remove(place: Path, root: Path) -> None:
    """Remove a file, and the folders above it, up to a root, that are empty then."""
    with suppress(NotADirectoryError, IsADirectoryError):  # then there is no such object
        place.unlink(missing_ok=True)
    for folder in place.parents:
        if folder == root:
            break
        try:
            folder.rmdir()
        except OSError:
            break  # something is in it, or somebody else has just removed it


def sweep(folder: Path) -> None:
    """Remove the drafts whose writers are gone: nobody holds the lock on them any more."""
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def sync(path: Path) -> None:
    """Have a file or a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path, told: Callable[[int], None]) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while content := file.read(CHUNK):
            found.update(content)
            told(len(content))
    return found.hexdigest()


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what the operating system says while something is read into errors of ours; NotFound for what is no file."""
    with told_apart(what):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"There is no {what} in the store.") from error


@contextmanager
def told_apart(what: str) -> Iterator[None]:
    """Turn what the operating system says during a block into errors of ours, which name `what`."""
    try:
        yield
    except OSError as error:
        reason, code = error.strerror or type(error).__name__, errno.errorcode.get(error.errno or 0)
        if error.errno in _NO_ROOM:
            raise StoreFailed(
                f"There is no room for {what}: {reason}.",
                hint="Free some room on the disk of the store, or use another store.",
                vendorCode=code,
            ) from error
        if isinstance(error, PermissionError):
            raise Forbidden(
                f"The server's account may not touch {what}: {reason}.",
                hint="Give the folder of the store to the account under which the server runs.",
                vendorCode=code,
            ) from error
        if error.errno in _PASSING:
            raise Transient(f"The disk fails with {what}: {reason}.", vendorCode=code) from error
        raise StoreFailed(f"The store cannot do this with {what}: {reason}.", vendorCode=code) from error


def _carried(source: int, target: int) -> int:
    """Copy some bytes between files where both stand, and return how many; 0 at the end."""
    try:
        return os.copy_file_range(source, target, _STEP_BYTES)
    except OSError as error:
        if error.errno not in _NO_COPYING:
            raise
    content = os.read(source, CHUNK)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(target, rest) :]
    return len(content)


def _created(path: Path) -> FileIO:
    """Create a locked file; anew when a process that was just starting took it for an abandoned one."""
    while True:
        file = FileIO(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()
