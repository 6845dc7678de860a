"""Listening to the changes of one object for as long as somebody follows it, several of them taken together."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from dataloaders.metrics import series_name
from maestro.db.rows import Row
from maestro.events import Event
from resolvers.context import Context

PAUSE_S: Final = 0.1
"""What changes a hundred times a second is told of ten times a second."""


@dataclass(slots=True)
class Change:
    """What several events have said together."""

    names: set[str] = field(default_factory=set)
    is_gap: bool = False

    def add(self, event: Event) -> None:
        """Take what another event says."""
        self.names.update(event.details.get("keys", ()))
        self.is_gap |= event.is_gap

    def is_about(self, series: Row) -> bool:
        """Say whether a series of a run may have changed."""
        return self.is_gap or str(series_name(series)) in self.names


class Changes:
    """What is heard of an object, kept until somebody takes it, however slow they are."""

    def __init__(self) -> None:
        self._change = Change()
        self._arrived = asyncio.Event()

    async def collect(self, heard: AsyncIterator[Event]) -> None:
        """Take in events for ever."""
        async for event in heard:
            self._change.add(event)
            self._arrived.set()

    async def next(self) -> Change:
        """Return what has been heard since the last time, at the earliest after a pause."""
        await self._arrived.wait()
        await asyncio.sleep(PAUSE_S)
        self._arrived.clear()
        change, self._change = self._change, Change()
        return change


async def look_again(ctx: Context) -> None:
    """Let the next reads see what is there now, and no more than the viewer may see by now. Unauthenticated."""
    await ctx.still_permitted()
    ctx.looked_at = time.monotonic()
    ctx.loaders.clear()


@asynccontextmanager
async def listening(ctx: Context, topic: str) -> AsyncIterator[Changes]:
    """Hear the changes of a topic within the block."""
    changes = Changes()
    async with ctx.runtime.events.subscribed(topic) as heard:
        task = asyncio.create_task(changes.collect(heard), name="following")
        try:
            yield changes
        finally:
            task.cancel()
            await asyncio.wait([task])
