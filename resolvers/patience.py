"""Patience with a database that is away for a moment: what lasts, such as a subscription, need not end with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from maestro.db.rows import CONNECTION_LOST
from resolvers.context import Context

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""After so long without the database, what lasts ends with it."""
PAUSE_S: Final = 0.2


async def patiently(ctx: Context, read: Callable[[], Awaitable[T]]) -> T:
    """Return what is read, trying again while the database is away; only for what changes nothing."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await read()
        except CONNECTION_LOST:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(PAUSE_S)
        # They hold on to what has failed.
        ctx.loaders.clear()
