"""How much of something the processes of one server have together, each for as long as it lives: sockets, say."""

from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Final

from maestro.shared_table import SharedTable

SETS: Final = 2_048
"""Room for 16,384 keys."""


class SharedCounts:
    """Counts by key, a column for each process: what one that was killed still had is taken off by its number."""

    def __init__(self, columns: int, sets: int = SETS) -> None:
        self._record = Struct(f"=16s{columns}I")
        self._table = SharedTable(sets=sets, record_bytes=self._record.size)
        self._nothing = bytes(self._record.size)

    @contextmanager
    def counted(self, key: str, *, column: int, limit: int) -> Iterator[bool]:
        """Count one for the length of a block, unless there are so many already: then it gives False.

        A set that is full counts nothing more: who is not counted is not refused.
        """
        is_counted = self._add(key, column, 1, limit=limit)
        try:
            yield is_counted is not False
        finally:
            if is_counted:
                self._add(key, column, -1, limit=limit)

    def clear(self, column: int) -> None:
        """Take off what a process had, which has ended."""
        for number in range(self._table.sets):
            with self._table.locked_set(number) as places:
                for place in places:
                    digest, *counts = self._record.unpack_from(self._table.memory, place)
                    if counts[column]:
                        counts[column] = 0
                        self._write(place, digest, counts)

    def close(self) -> None:
        """Give the memory back, for this process."""
        self._table.close()

    def _add(self, key: str, column: int, amount: int, *, limit: int) -> bool | None:
        """Say whether an amount was counted; None when there is no room to count it."""
        with self._table.locked(key) as (digest, places):
            place = self._table.find(digest, places)
            if place is None:
                place = self._table.find(bytes(16), places)
            if place is None:
                return None
            counts = list(self._record.unpack_from(self._table.memory, place)[1:])
            if amount > 0 and sum(counts) >= limit:
                return False
            counts[column] += amount
            self._write(place, digest, counts)
            return True

    def _write(self, place: int, digest: bytes, counts: list[int]) -> None:
        if any(counts):
            self._record.pack_into(self._table.memory, place, digest, *counts)
        else:
            self._table.memory[place : place + self._record.size] = self._nothing
