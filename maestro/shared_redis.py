"""A Redis that servers share and that may be away: it is left alone for a while, and each process goes on alone."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE_S: Final = 5.0
"""So long Redis is left alone when it has not answered in time."""


def pool_of(url: str, *, timeout_s: float, connections: int) -> BlockingConnectionPool:
    """Make a pool of connections on which nothing is waited for longer than that, and nothing is tried twice."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


class Reachability:
    """Whether Redis answers; `meanwhile` says in the log what happens while it does not."""

    def __init__(self, meanwhile: str) -> None:
        self._meanwhile = meanwhile
        self._back_at = 0.0
        self.failures = 0
        """How often it has not answered."""

    @property
    def is_left_alone(self) -> bool:
        """Whether it was away a moment ago."""
        return time.monotonic() < self._back_at

    async def asked(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Return what Redis answers to a question; None while it is away."""
        if self.is_left_alone:
            return None
        try:
            answer = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self.failures += 1
            if not self._back_at:
                logger.warning("Redis is away, %s: %r", self._meanwhile, error)
            self._back_at = time.monotonic() + PAUSE_S
            return None
        if self._back_at:
            logger.warning("Redis is back.")
            self._back_at = 0.0
        return answer
