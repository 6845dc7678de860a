"""Work on bytes in threads, which ends soon after whoever waits for it gives up."""

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TypeVar

T = TypeVar("T")

Told = Callable[[int], None]
"""Told how many more bytes have been moved; may be called from any thread."""


class GivenUpError(Exception):
    """Raised within a thread for which nobody waits any more; nobody is told of it."""


def untold(moved: int) -> None:
    """Tell nobody."""


async def in_thread(work: Callable[[Told], T], told: Told = untold) -> T:
    """Do something in a thread; when this is cancelled it is asked to end, and has ended when this returns.

    The work is given what tells of the bytes that it has moved. It calls that often: there it is asked to end.
    """
    given_up = Event()

    def going_on(moved: int) -> None:
        if given_up.is_set():
            raise GivenUpError
        told(moved)

    running = asyncio.get_running_loop().run_in_executor(None, partial(work, going_on))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        given_up.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
        raise
