"""The lock on a data folder: held for as long as any process of PostgreSQL lives on it."""

import fcntl
import os
from pathlib import Path
from typing import Self


class FolderLock:
    """An advisory lock on an open file, taken over by every child process that the file is handed to.

    The kernel frees it with the last process that has the file open: whoever gets it knows that no PostgreSQL runs
    on the folder, whatever process ids say, which a container gives out again after a restart. Thus it is never
    unlocked by a call, only closed: unlocking would free it under the children.
    The file's text is the process id of the server that PostgreSQL belongs to, for the error a second one gets.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self.fd = fd

    @classmethod
    def try_acquire(cls, path: Path) -> Self | None:
        """The lock, with this process named as its owner, or None when it is taken."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        os.truncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        return cls(path, fd)

    def close(self) -> None:
        """Let go of the lock here; the processes that it was handed to still hold it."""
        os.close(self.fd)


def living_owner(path: Path) -> int | None:
    """The process id of the server that the lock's PostgreSQL belongs to; None when it is gone or stopping."""
    text = path.read_text()
    if not text:
        return None
    try:
        os.kill(int(text), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it lives, as another account
    return int(text)


def disown(path: Path) -> None:
    """Say that this server is stopping: another one then waits for the lock instead of giving up."""
    path.write_text("")
