"""Trying again what has failed in a way that passes, a little later each time and never in step with others."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from maestro.errors import Transient
from maestro.telemetry.connectors import RETRIES

T = TypeVar("T")

TRIES: Final = 4
FIRST_S: Final = 0.2
LONGEST_S: Final = 10.0


async def retried(work: Callable[[], Awaitable[T]], *, tries: int = TRIES) -> T:
    """Do something that may be done twice, up to so many times while it raises Transient; its last error is raised."""
    again = AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=FIRST_S, max=LONGEST_S),
        before_sleep=lambda _state: RETRIES.add(),
        reraise=True,
    )

    async def once() -> T:
        # The library would take what a lambda returns for the result.
        return await work()

    return await again(once)
