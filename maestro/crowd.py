"""Several things at a time, of which the first that fails ends the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(works: Iterable[Awaitable[T]]) -> list[T]:
    """Do all of it at a time and return what comes of each, or raise what the first that fails has raised.

    Nothing of it runs any more then, nor after this was cancelled.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def for_each(things: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do the work for each thing, for `at_once` of them at a time; the things are asked for as they are needed."""
    waiting = iter(things)

    async def take() -> None:
        for thing in waiting:
            await work(thing)

    await together(take() for _ in range(at_once))


async def for_each_coming(things: AsyncIterator[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do the same for things that come one after the other; otherwise as `for_each`."""
    turn = asyncio.Lock()

    async def take() -> None:
        while True:
            async with turn:
                try:
                    thing = await anext(things)
                except StopAsyncIteration:
                    return
            await work(thing)

    await together(take() for _ in range(at_once))
