"""What is known of credentials is forgotten in every process as soon as roles, keys or sessions change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from maestro.access.door import TOPIC, Access
from maestro.events import Event, Events


@asynccontextmanager
async def kept_current(access: Access, events: Events) -> AsyncIterator[None]:
    """Let a door forget what it knows at every change, heard or missed, for the length of a block."""
    async with events.subscribed(TOPIC) as heard:
        task = asyncio.create_task(_forget(access, heard), name="access")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _forget(access: Access, heard: AsyncIterator[Event]) -> None:
    # An event that marks a gap stands for changes that were not heard.
    async for _event in heard:
        access.forget()
