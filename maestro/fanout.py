"""One reading for all who follow the same: a channel reads on, and each of its followers takes what was read last."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from maestro import tracing

T = TypeVar("T")

SLICE: Final = 50
"""So many followers are woken at a time: requests come in between."""


@dataclass(frozen=True, slots=True)
class Round(Generic[T]):
    """What a channel has read last, which `error` has ended if there is one.

    Whatever was committed before `began`, a time of `time.monotonic`, is in it.
    """

    number: int
    began: float
    found: T | None = None
    error: Exception | None = None

    @property
    def is_first(self) -> bool:
        """Whether it tells how it was when the channel began to listen, and no change."""
        return self.number == 1


Reading = AsyncGenerator[tuple[float, T], None]
"""What is read, each with when that began: first how it is once changes are heard, then after each change."""


class Channel(Generic[T]):
    """Reads on for as long as it is followed. Nothing is queued: who comes late takes the last round."""

    def __init__(self, key: Hashable, reading: Reading[T]) -> None:
        self.key = key
        self.last: Round[T] | None = None
        self.followers = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._task = asyncio.create_task(self._read(reading), name="following")
        self._task.add_done_callback(self._ended)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.last is not None and self.last.error is not None

    async def after(self, number: int) -> Round[T]:
        """Return the last round once there is one after that of a number."""
        while self.last is None or self.last.number <= number:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)
        return self.last

    def end(self) -> None:
        """Stop reading."""
        self._task.cancel()

    async def _read(self, reading: Reading[T]) -> None:
        # It is nobody's in particular.
        tracing.begin()
        async with aclosing(reading):
            async for began, found in reading:
                waiting = self._tell(Round(self._number, began, found))
                for start in range(0, len(waiting), SLICE):
                    _wake(waiting[start : start + SLICE])
                    await asyncio.sleep(0)

    def _tell(self, latest: Round[T]) -> list[asyncio.Future[None]]:
        """Put a round into the place of the last one, and return who waits for it."""
        self.last = latest
        return list(self._waiting)

    @property
    def _number(self) -> int:
        return 1 if self.last is None else self.last.number + 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Tell all how it has ended, unless they have gone."""
        if not task.cancelled():
            error = task.exception()
            end = error if isinstance(error, Exception) else EndOfReading()
            _wake(self._tell(Round(self._number, time.monotonic(), error=end)))


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for waiter in waiting:
        if not waiter.done():
            waiter.set_result(None)


class EndOfReading(Exception):
    """There is nothing more to read."""


class Channels:
    """The channels of a process by what they read and for whom."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Channel[Any]] = {}

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def followed(self, key: Hashable, reading: Callable[[], Reading[T]]) -> Iterator[Channel[T]]:
        """Follow the channel of a key for the length of a block; the first who does opens it, the last ends it."""
        channel: Channel[T] | None = self._open.get(key)
        if channel is None or channel.has_ended:
            channel = self._open[key] = Channel(key, reading())
        channel.followers += 1
        try:
            yield channel
        finally:
            channel.followers -= 1
            if not channel.followers:
                channel.end()
                if self._open.get(key) is channel:
                    del self._open[key]
