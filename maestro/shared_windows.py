"""Counters over sliding windows that the processes of one server share: rate limits of all of them together."""

import time
from struct import Struct
from typing import Final

from maestro.shared_table import SharedTable
from maestro.windows import Window, Windows, window_of

SETS: Final = 16_384
"""Room for 131,072 keys in 6 MiB, which are taken as they are written to."""
RECORD: Final = Struct("=16s4q")
"""The digest of the key, the number of its window, what was counted in the one before and in it, and its end in s."""


class SharedWindows(Windows):
    """Counters by key, in memory that is shared with the processes that are forked after it is made.

    A set that is full forgets the counter that would be forgotten first, so that its key may be used more than allowed.
    """

    def __init__(self, sets: int = SETS) -> None:
        super().__init__()
        self.table = SharedTable(sets=sets, record_bytes=RECORD.size)

    def take(self, key: str, *, limit: int, window_s: int, amount: int) -> tuple[bool, Window]:
        """Count an amount unless the limit would be passed; return whether it was, and the window after that."""
        with self.table.locked(key) as (digest, places):
            place = self.table.find(digest, places)
            number, window = window_of(self._counted(place), window_s, time.monotonic())
            if window.filled(window_s) + amount > limit:
                return False, window
            counted = window.current + amount
            record = (digest, number, window.previous, counted, (number + 2) * window_s)
            RECORD.pack_into(self.table.memory, self._place_in(places) if place is None else place, *record)
        return True, Window(window.previous, window.previous_ttl_s, counted, window.current_ttl_s)

    def look(self, key: str, window_s: int) -> Window:
        """Return what is in the window of a key."""
        with self.table.locked(key) as (digest, places):
            return window_of(self._counted(self.table.find(digest, places)), window_s, time.monotonic())[1]

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 -- the library's signature
        """Forget a key."""
        with self.table.locked(key) as (digest, places):
            if (place := self.table.find(digest, places)) is not None:
                RECORD.pack_into(self.table.memory, place, b"", 0, 0, 0, 0)

    def close(self) -> None:
        """Give the memory back, for this process."""
        self.table.close()

    def _counted(self, place: int | None) -> tuple[int, int, int] | None:
        if place is None:
            return None
        _, number, previous, current, _ = RECORD.unpack_from(self.table.memory, place)
        return number, previous, current

    def _place_in(self, places: range) -> int:
        """Return the place in a set whose counter ends first, or has ended."""
        return min(places, key=lambda place: int(RECORD.unpack_from(self.table.memory, place)[-1]))
