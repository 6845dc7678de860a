"""Patience with a database that is away for a moment: what lasts, such as a subscription, need not end with it."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from maestro.db import patience
from resolvers.context import Context

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""After so long without the database, what lasts ends with it."""


async def patiently(ctx: Context, read: Callable[[], Awaitable[T]]) -> T:
    """Return what is read, trying again while the database is away; only for what changes nothing."""
    # The loaders hold on to what has failed.
    return await patience.patiently(read, patience_s=PATIENCE_S, between=ctx.loaders.clear)
