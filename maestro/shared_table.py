"""A table in memory that forked processes share: records of one size by key, each set of them under a lock.

It is made before the processes are forked from the one that has made it. A lock is one of a record of a file, which the
system takes from a process that dies: a process that is killed holds up nobody.
"""

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

WAYS: Final = 8
"""So many records a set has: a key's record is in the set that the key names, in any place."""
KEY_BYTES: Final = 16


class SharedTable:
    """So many sets of records, each of which begins with the digest of its key; all zeros at first."""

    def __init__(self, *, sets: int, record_bytes: int) -> None:
        self._file = _nameless_file()
        self._sets = sets
        self._record_bytes = record_bytes
        os.truncate(self._file, sets * WAYS * record_bytes)
        self.memory = mmap.mmap(self._file, sets * WAYS * record_bytes)

    @contextmanager
    def locked(self, key: str) -> Iterator[tuple[bytes, range]]:
        """Hold the set of a key for the length of a block; gives the key's digest and the set's places in the memory.

        Blocks for as long as another process is at the same set, which should take microseconds.
        """
        digest = blake2b(key.encode(), digest_size=KEY_BYTES).digest()
        with self.locked_set(int.from_bytes(digest[:4]) % self._sets) as places:
            yield digest, places

    @contextmanager
    def locked_set(self, number: int) -> Iterator[range]:
        """Hold a set by its number."""
        first = number * WAYS * self._record_bytes
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
        try:
            yield range(first, first + WAYS * self._record_bytes, self._record_bytes)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    @property
    def sets(self) -> int:
        """How many sets there are."""
        return self._sets

    def find(self, digest: bytes, places: range) -> int | None:
        """Return the place of the record with a digest within a set; None when it has none."""
        place = self.memory.find(digest, places.start, places.stop)
        while place != -1:
            if place in places:
                return place
            # Those bytes, but across two fields.
            place = self.memory.find(digest, place + 1, places.stop)
        return None

    def close(self) -> None:
        """Give the memory back, for this process."""
        self.memory.close()
        os.close(self._file)


def _nameless_file() -> int:
    """Open a file that nobody else can, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("maestro")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
