"""What asyncio's own things to wait for do, in a tenth of the memory: each idle socket has some of them."""

import asyncio
from typing import Any


class Flag(asyncio.Event):
    """An event that has room for those who wait only while somebody does."""

    def __init__(self) -> None:
        # asyncio makes a deque, whose first block alone takes six hundred bytes.
        self._waiters = []  # type: ignore[assignment] # a list can all that is asked of it
        self._value = False


class Mailbox(asyncio.Queue[Any]):
    """A queue without an end to it, from which one task takes."""

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._taker: asyncio.Future[None] | None = None

    def put_nowait(self, item: Any) -> None:
        """Add something."""
        self._items.append(item)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def get(self) -> Any:
        """Return what was added first, once there is something."""
        while not self._items:
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        return self._items.pop(0)

    def empty(self) -> bool:
        """Say whether there is nothing to take."""
        return not self._items

    def qsize(self) -> int:
        """Return how much there is to take."""
        return len(self._items)
