"""Waiting for a database that is away for some seconds: one that restarts, or is just exchanged for a restored one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from maestro.db.rows import CONNECTION_LOST, StatementFailed

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.2
_AWAY: Final = frozenset({"55000", "3D000", "57P01", "57P02", "57P03", "25006", "53300"})
"""SQLSTATEs of a database that takes no connections, is not there under its name, stops, starts, or is a standby."""


def is_away(error: BaseException) -> bool:
    """Say whether an error tells that the database is away, and may be back soon."""
    if isinstance(error, StatementFailed) and getattr(error, "sqlstate", None) in _AWAY:
        return True
    return isinstance(error, CONNECTION_LOST) and getattr(error, "filename", None) is None


async def patiently(
    work: Callable[[], Awaitable[T]],
    *,
    patience_s: float = PATIENCE_S,
    between: Callable[[], object] | None = None,
) -> T:
    """Do something in the database, again and again while it is away; raise its error once patience is at an end.

    `between` is called before each further time, to let go of what has failed.

    A commit whose answer was lost may have happened: what is done has to bear being done twice.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await work()
        except (*CONNECTION_LOST, StatementFailed) as error:
            if not is_away(error) or time.monotonic() > deadline:
                raise
            logger.info("The database is away: %s", error)
        await asyncio.sleep(_PAUSE_S)
        if between is not None:
            between()
