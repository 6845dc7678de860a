"""Work that is done once for all who want the same at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """What is being worked on, each under a key."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what comes of some work: of that which is under way for the key, else of `work`."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(work(), name="once")
            task.add_done_callback(partial(self._ended, key))
        # Who gives up does not cancel it for the others.
        return await asyncio.shield(task)

    def _ended(self, key: Hashable, task: "asyncio.Task[T]") -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            # Where everybody has gone, nobody else asks what went wrong.
            task.exception()
