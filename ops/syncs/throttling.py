"""Limits that all transfers of a sync share: how many bytes a second go by, and how many are in memory at a time."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

MEMORY_BYTES: Final = 64 * 1024 * 1024
"""So many bytes of objects are held at a time, whatever their sizes and however many are on their way."""
BURST_S: Final = 0.25
"""For so long a line that was idle may be made up for."""


class Bandwidth:
    """So many bytes a second, over all that pass here; None for as many as can be."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0

    async def pass_on(self, size: int) -> None:
        """Wait until so many bytes may go on."""
        if self._rate is None or not size:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now - BURST_S) + size / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)


class Memory:
    """A number of bytes that is lent and given back, in the order in which it is asked for."""

    def __init__(self, size: int = MEMORY_BYTES) -> None:
        self._size = self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def lent(self, size: int) -> AsyncIterator[None]:
        """Lend so many bytes for a block; of more than there are, all."""
        wanted = min(size, self._size)
        await self._take(wanted)
        try:
            yield
        finally:
            self._free += wanted
            self._serve()

    async def _take(self, size: int) -> None:
        if not self._waiting and self._free >= size:
            self._free -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += size
            self._serve()
            raise

    def _serve(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
            elif self._free >= size:
                self._waiting.popleft()
                self._free -= size
                turn.set_result(None)
            else:
                return
