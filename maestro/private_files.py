"""Files that only their owner may read, written whole: whoever opens one never sees half of it."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from maestro.errors import StartupError

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def create(path: Path, content: bytes) -> None:
    """Write a file that is on the disk when this returns; FileExistsError when somebody else was first."""
    with _draft(path, content) as draft:
        os.link(draft, path)


def replace(path: Path, content: bytes) -> None:
    """Put a new content in the place of a file; it has the old one or the new one, whenever the power goes."""
    with _draft(path, content) as draft:
        draft.rename(path)


def read(path: Path) -> bytes:
    """Return the content of a file; StartupError when others than its owner may read or change it."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & OTHERS:
            raise StartupError(
                f"{path} is open to other accounts than its owner's: its mode is {mode:04o}.",
                hint=f"Run `chmod 600 {path}`. Whoever may have read it meanwhile knows what it holds: replace that.",
            )
        return file.read()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let nobody else who asks for this lock change the private files of a folder during a block."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """Write a content under another name in the same folder, to be put into its place by the block."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # with mode 600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        Path(name).unlink(missing_ok=True)
