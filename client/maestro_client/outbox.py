"""What waits to be sent, first in, first out: in memory, and in a file when that is more than there is room for."""

import math
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from maestro_client.courier import Entry
from maestro_client.journal import Journal
from maestro_client.safely import logger

ROOM_POINTS: Final = 200_000
"""So many points wait in memory at most; that is some 20 MB."""


def size_of(entry: Entry) -> int:
    """Return how many points an entry has, and one besides."""
    return 1 + sum(len(metric["steps"]) for metric in entry.get("metrics", ()))


class Outbox:
    """Entries of one run; threads may share it, one of them takes entries out. Without a journal all is in memory."""

    def __init__(self, journal: Journal | None) -> None:
        self._is_in_memory = journal is None
        self._journal = journal or Journal(Path(), dict)
        self._room = ROOM_POINTS if journal else math.inf
        self._lock = threading.RLock()
        self._memory: deque[Entry] = deque()
        self._held = 0
        self._current: Entry | None = None
        self._is_current_in_file = False

    @property
    def is_empty(self) -> bool:
        """Whether all was sent."""
        with self._lock:
            return self._current is None and not self._memory and not self._journal.has_unread

    def add(self, make: Callable[[], Entry | None]) -> bool:
        """Make an entry and put it last, as one step, so that entries stand as they were numbered; say if one came."""
        with self._lock:
            entry = make()
            if entry is None:
                return False
            self._memory.append(entry)
            self._held += size_of(entry)
            if self._held > self._room:
                self._try_to_spill()
            return True

    def first(self) -> Entry | None:
        """Return the entry to send now, the same until it is `done`."""
        with self._lock:
            if self._current is None:
                self._is_current_in_file = self._journal.has_unread
                if self._is_current_in_file:
                    self._current = self._journal.next()
                elif self._memory:
                    self._current = self._memory.popleft()
                    self._held -= size_of(self._current)
            return self._current

    def done(self) -> None:
        """Forget the entry that `first` has returned: it has arrived, or will never be taken."""
        with self._lock:
            self._current = None
            if not self._journal.has_unread:
                self._journal.remove()

    def spill(self, *more: Entry) -> int:
        """Write all that was not sent into the file, and `more` after it; return how many entries; OSError."""
        with self._lock:
            before: list[Entry] = []
            if self._current is not None and not self._is_current_in_file:
                before.append(self._current)
            written = [*before, *self._memory, *more]
            if not written or self._is_in_memory:
                return 0
            if before:
                self._journal.append(*before)
                self._journal.skip()
                self._is_current_in_file = True
            if rest := [*self._memory, *more]:
                self._journal.append(*rest)
            self._memory.clear()
            self._held = 0
            return len(written)

    def taken(self) -> list[Entry]:
        """Take out of the memory all that was not sent."""
        with self._lock:
            left = [*([] if self._current is None else [self._current]), *self._memory]
            self._memory.clear()
            self._current = None
            return left

    def _try_to_spill(self) -> None:
        try:
            self.spill()
        except OSError as error:
            lost = self._memory.popleft()
            self._held -= size_of(lost)
            logger.warning("%s cannot be written: %s. The oldest points are given up.", self._journal.path, error)
