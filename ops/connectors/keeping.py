"""A connector that is kept open between those who use it, since opening one may take a second."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

logger = logging.getLogger(__name__)


class Kept:
    """An opened connector; it is opened and closed by one task of its own, as some drivers want it."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._opening = opening
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._hold(), name="connector")
        self._task.add_done_callback(_noted)
        self.users = 0
        self.last_used = time.monotonic()

    @property
    def is_usable(self) -> bool:
        """Whether it is open, or may come to be."""
        return not self._closing.is_set() and not self._task.done()

    async def get(self) -> Any:
        """Return the connector once it is open; the error of its opening."""
        await asyncio.wait({self._opened, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._opened.done():
            return self._opened.result()
        return await self._task

    def close_soon(self) -> None:
        """Have it closed; whoever used it has ended."""
        self._closing.set()

    async def close(self) -> None:
        """Close it, and wait for that; an opening that is under way is broken off."""
        self._closing.set()
        if not self._opened.done():
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _hold(self) -> None:
        async with self._opening() as connector:
            self._opened.set_result(connector)
            await self._closing.wait()


def _noted(task: "asyncio.Task[None]") -> None:
    # Who asked for the connector is told of a failed opening; of a failed closing nobody has to know.
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.debug("A connector was not opened or closed: %s", type(error).__name__)
