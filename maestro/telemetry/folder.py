"""The folder in which the processes of a server share their values, each in files of its own.

The files are those of prometheus-client's mode for many processes: numbers in memory that is mapped to a file. A
process holds a lock for as long as it lives, which the system takes from it whatever its end is. What a process has
counted that has ended is added to what all of them had, so that no sum ever falls; its gauges go with it.
"""

import fcntl
import logging
import os
import secrets
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

_File: Any = MmapedDict
_Merging: Any = MultiProcessCollector
"""Without types in their library."""
ENDED: Final = "ended"
"""Stands in the place of the process in the names of files with what ended ones have counted."""
SUMMED: Final = ("counter", "histogram")
"""Kinds that outlive their process."""
DAMAGE: Final = (RuntimeError, ValueError, struct.error, IndexError)
"""What reading a file raises whose process was killed while it was made longer."""


class Folder:
    """The files of all processes on one data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def join(self) -> "Place":
        """Take a place among the processes; the first one finds the folder empty."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if not any(self._is_living(lock) for lock in self.path.glob("*.alive")):
                for left in self.path.iterdir():
                    if left.name != "lock":
                        left.unlink()
            return Place(self.path, f"{os.getpid()}-{secrets.token_hex(4)}")

    def merged(self) -> list[Metric]:
        """Return the families of all processes together."""
        with self._alone():
            self._bury()
            return _merged([str(file) for file in sorted(self.path.glob("*.db"))])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.path / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _bury(self) -> None:
        dead = [lock for lock in self.path.glob("*.alive") if not self._is_living(lock)]
        for kind in SUMMED:
            left = [file for lock in dead if (file := self.path / f"{kind}_{lock.stem}.db").exists()]
            if left:
                self._add_to_ended(kind, left)
        for lock in dead:
            for file in self.path.glob(f"*_{lock.stem}.db"):
                file.unlink()
            lock.unlink()

    def _add_to_ended(self, kind: str, files: Sequence[Path]) -> None:
        ended, draft = self.path / f"{kind}_{ENDED}.db", self.path / f"{kind}_{ENDED}.draft"
        sums: dict[str, float] = defaultdict(float)
        for file in (ended, *files):
            if file.exists():
                for key, value in _values_in(file):
                    sums[key] += value
        draft.unlink(missing_ok=True)
        made = _File(str(draft))
        for key, value in sums.items():
            made.write_value(key, value, 0.0)
        made.close()
        draft.rename(ended)

    def _is_living(self, lock: Path) -> bool:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


class Place:
    """What one process writes: a file for each kind of family."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._files: dict[str, Any] = {}
        self._lock: IO[bytes] = (path / f"{name}.alive").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def write(self, kind: str, key: str, value: float, *, at: float) -> None:
        """Put a number in the place of the one before; `at` is when, in seconds since 1970."""
        file = self._files.get(kind)
        if file is None:
            file = self._files[kind] = _File(str(self._path / f"{kind}_{self._name}.db"))
        file.write_value(key, value, at)

    def leave(self) -> None:
        """Count as ended."""
        for file in self._files.values():
            file.close()
        self._lock.close()


def _merged(files: Sequence[str]) -> list[Metric]:
    try:
        return list(_Merging.merge(files))
    except DAMAGE:
        whole = [file for file in files if _is_whole(file)]
        logger.warning("Metrics leave out %d damaged files", len(files) - len(whole))
        return list(_Merging.merge(whole))


def _is_whole(file: str) -> bool:
    try:
        _Merging.merge([file])
    except DAMAGE:
        return False
    return True


def _values_in(file: Path) -> Iterable[tuple[str, float]]:
    try:
        return [(key, value) for key, value, _, _ in _File.read_all_values_from_file(str(file))]
    except DAMAGE:
        logger.warning("The metrics of a process that has ended are damaged and left out")
        return []
