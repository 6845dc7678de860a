"""The same work for many things, some of them at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def for_each(things: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do the work for each thing, for `at_once` of them at a time; the things are asked for as they are needed.

    The first error ends the others, which have ended when it is raised.
    """
    waiting = iter(things)

    async def take() -> None:
        for thing in waiting:
            await work(thing)

    workers = [asyncio.create_task(take()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
