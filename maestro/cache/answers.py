"""Whole answers as bytes, in the memory of the process: of operations that were asked before in the same words."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from maestro.cache.versions import Snapshot, Vector

OVERHEAD: Final = 1000
"""Bytes that an answer takes besides its body, with its key."""
PATIENCE_S: Final = 2.0
"""So long is waited for an answer that somebody else computes."""
SHARE: Final = 8
"""The part of the room that one answer may fill."""


@dataclass(slots=True)
class Answer:
    """The body of an answer, with what it was made of and when."""

    body: bytes
    tag: str
    """The entity tag: the same for the same bytes."""
    tags: tuple[str, ...]
    versions: Vector
    max_age: float
    cost: int
    actual: int
    """The objects that it could have held, and does hold."""
    read_at: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """How old it is, in seconds."""
        return time.monotonic() - self.read_at


@dataclass(slots=True)
class AnswerStats:
    """What has become of the questions for answers that could have been kept."""

    hits: int = 0
    misses: int = 0
    outdated: int = 0
    evicted: int = 0


class Answers:
    """So many bytes of answers, those that were used last."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.filled = 0
        self.stats = AnswerStats()
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._awaited: dict[Hashable, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable, snapshot: Snapshot) -> Answer | None:
        """Return an answer that is still so at the versions of a snapshot."""
        found = self._kept.get(key)
        if found is None:
            self.stats.misses += 1
            return None
        if found.versions != snapshot.of(found.tags) or found.age >= found.max_age:
            self.stats.outdated += 1
            self.stats.misses += 1
            self._drop(key)
            return None
        self.stats.hits += 1
        self._kept.move_to_end(key)
        return found

    async def awaited(self, key: Hashable) -> bool:
        """Wait for whoever computes an answer, and say whether somebody did; else it is for the caller to compute.

        Who is to compute it says when that is `done`, whatever has come of it. Nobody waits for others for long.
        """
        others = self._awaited.get(key)
        if others is None:
            self._awaited[key] = asyncio.Event()
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                await others.wait()
        except TimeoutError:
            return False
        return True

    def done(self, key: Hashable) -> None:
        """Let those go on who wait for an answer."""
        ended = self._awaited.pop(key, None)
        if ended is not None:
            ended.set()

    def keep(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer, and let others go until it fits; one that would fill an eighth of the room is not kept."""
        self._drop(key)
        size = _size(answer)
        if size * SHARE > self.room:
            return
        self._kept[key] = answer
        self.filled += size
        while self.filled > self.room:
            self.stats.evicted += 1
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.filled -= _size(found)


def _size(answer: Answer) -> int:
    return OVERHEAD + len(answer.body)
