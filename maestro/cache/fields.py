"""Answers of fields, kept in memory and in Redis: found while they are still so, else read once for all who wait."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from maestro.cache.memory import OVERHEAD, Entry, Memory, weigh
from maestro.cache.shared import LEASE_S, Shared
from maestro.cache.versions import Vector

T = TypeVar("T")

POLL_S: Final = 0.01
"""How often is looked whether another process has read a value by now."""
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a field keeps: its name, and for how long at most, in seconds."""

    field: str
    ttl: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a key of a field, and the versions that the answer's tags are at."""

    kept: Kept
    key: str
    versions: Vector


@dataclass(slots=True)
class Tally:
    """What has become of the questions for a field."""

    hits: int = 0
    """Found in memory."""
    shared_hits: int = 0
    """Found in Redis."""
    joined: int = 0
    """Answered by a reading that was under way."""
    misses: int = 0
    """Read from the database."""
    outdated: int = 0
    """Misses among these of something that was kept, and not so any more."""
    load_s: float = 0.0
    """What reading took, all together."""


@dataclass(frozen=True, slots=True)
class FieldStats:
    """The tally of a field, and what it takes in memory."""

    field: str
    tally: Tally
    bytes: int
    evicted: int


class FieldCache:
    """The answers of this process, in so many bytes of memory, in front of Redis where there is one."""

    def __init__(self, room: int, *, redis_url: str | None = None, secret: bytes = b"") -> None:
        self.memory = Memory(room)
        self.shared = None if redis_url is None else Shared(redis_url, secret)
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._reading: dict[tuple[str, Vector], asyncio.Task[Any]] = {}
        self._waiting: Counter[asyncio.Task[Any]] = Counter()

    async def get(self, asked: Question, load: Callable[[], Awaitable[T]]) -> T:
        """Return an answer: the one that was kept, if its tags are at these versions still, else what `load` reads.

        `load` has to read after the versions were asked for. Its errors are not kept.
        """
        tally = self._tallies[asked.kept.field]
        found = self._in_memory(tally, asked)
        if found is not MISSING:
            return found  # type: ignore[no-any-return] # what was kept is what `load` has read
        place = (asked.key, asked.versions)
        reading = self._reading.get(place)
        if reading is None:
            reading = self._reading[place] = asyncio.create_task(self._found(asked, load), name=asked.kept.field)
            reading.add_done_callback(lambda ended: self._ended(place, ended))
        else:
            tally.joined += 1
        self._waiting[reading] += 1
        try:
            # Who gives up does not cancel it for the others; when nobody waits for it any more, it ends.
            return await asyncio.shield(reading)
        finally:
            self._waiting[reading] -= 1
            if not self._waiting[reading]:
                del self._waiting[reading]
                if not reading.done():
                    self._ended(place, reading)
                    reading.cancel()

    def stats(self) -> Iterator[FieldStats]:
        """Return what has become of each field's questions, sorted by name."""
        for name, tally in sorted(self._tallies.items()):
            yield FieldStats(name, tally, self.memory.bytes[name], self.memory.evicted[name])

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self.shared is not None:
            await self.shared.close()

    def _ended(self, place: tuple[str, Vector], reading: asyncio.Task[Any]) -> None:
        if self._reading.get(place) is reading:
            del self._reading[place]

    def _in_memory(self, tally: Tally, asked: Question) -> Any:
        entry = self.memory.peek(asked.key)
        if entry is None:
            return MISSING
        if entry.versions == asked.versions and time.monotonic() < entry.good_until:
            tally.hits += 1
            return entry.value
        tally.outdated += 1
        self.memory.drop(asked.key)
        return MISSING

    async def _found(self, asked: Question, load: Callable[[], Awaitable[T]]) -> T:
        shared = self.shared
        if shared is None or shared.is_left_alone:
            return await self._read(asked, load)
        found = await self._in_redis(asked)
        if found is not MISSING:
            return found  # type: ignore[no-any-return] # the same
        is_ours = await shared.lock(asked.key)
        if not is_ours:
            found = await self._from_another(asked)
            if found is not MISSING:
                return found  # type: ignore[no-any-return] # the same
        try:
            answer = await self._read(asked, load)
            await shared.put(asked.key, answer, asked.versions, ttl=asked.kept.ttl)
        finally:
            if is_ours:
                await shared.unlock(asked.key)
        return answer

    async def _from_another(self, asked: Question) -> Any:
        """Wait a little for what another process reads."""
        until = time.monotonic() + LEASE_S
        while time.monotonic() < until and self.shared is not None and not self.shared.is_left_alone:
            await asyncio.sleep(POLL_S)
            found = await self._in_redis(asked)
            if found is not MISSING:
                return found
        return MISSING

    async def _in_redis(self, asked: Question) -> Any:
        found = None if self.shared is None else await self.shared.get(asked.key)
        if found is None:
            return MISSING
        value, read_versions, read_at = found
        age = max(time.time() - read_at, 0.0)
        if read_versions != asked.versions or age >= asked.kept.ttl:
            return MISSING
        self._tallies[asked.kept.field].shared_hits += 1
        self._keep(asked, value, age=age)
        return value

    async def _read(self, asked: Question, load: Callable[[], Awaitable[T]]) -> T:
        tally, started = self._tallies[asked.kept.field], time.perf_counter()
        tally.misses += 1
        answer = await load()
        tally.load_s += time.perf_counter() - started
        self._keep(asked, answer, age=0.0)
        return answer

    def _keep(self, asked: Question, value: Any, *, age: float) -> None:
        read_at = time.monotonic() - age
        size = OVERHEAD + len(asked.key) + weigh(value)
        good_until = read_at + asked.kept.ttl
        self.memory.put(asked.key, Entry(value, asked.versions, read_at, good_until, asked.kept.field, size))
