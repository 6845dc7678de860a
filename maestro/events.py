"""Changes, told to every process: written with NOTIFY in the writer's transaction, heard by LISTEN.

A subscriber gets all that is committed after it subscribed, in the order of the commits, and perhaps what was just
before, which is still on its way: an event says that something has changed, not how often. One that does not keep up
loses events and is told so by the next one, marked as a gap, so that it can read the present state instead.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from maestro.db.engine import Database, Transaction
from maestro.db.rows import CONNECTION_LOST, Listener, StatementFailed

logger = logging.getLogger(__name__)

CHANNEL: Final = "maestro"
QUEUE_SIZE: Final = 1000
PAYLOAD_LIMIT: Final = 7800
SOONEST_S: Final = 0.05
RECONNECT_S: Final = 1.0
"""After so long it is tried again to listen: at once at first, since an exchange of the database takes no longer."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object: `topic` names the object, `details` are small plain values.

    `is_gap` marks that events before this one are lost, because the subscriber was slow or the connection broke.
    """

    topic: str
    details: dict[str, Any] = field(default_factory=dict)
    is_gap: bool = False


def topic(kind: str, key: UUID) -> str:
    """Return the topic of one object's changes."""
    return f"{kind}:{key.hex}"


async def publish(tx: Transaction, events: Iterable[Event]) -> None:
    """Send events when the transaction commits; details too long for one notification are left out as a gap."""
    for event in events:
        payload = orjson.dumps({"t": event.topic, "d": event.details}).decode()
        if len(payload) > PAYLOAD_LIMIT:
            payload = orjson.dumps({"t": event.topic, "g": True}).decode()
        await tx.fetch_sql("SELECT pg_notify($1, $2)", CHANNEL, payload)


class Events:
    """This process's ear: one connection that listens, and the queues of the subscribers."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._queues: dict[str, set[asyncio.Queue[Event]]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; returns once it does."""
        self._task = asyncio.create_task(self._listen(), name="events")
        await self._is_listening.wait()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @asynccontextmanager
    async def subscribed(self, *topics: str) -> AsyncIterator[AsyncIterator[Event]]:
        """Hear the events of some topics from now on, as an endless iterator."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_SIZE)
        for name in topics:
            self._queues[name].add(queue)
        try:
            yield _drain(queue)
        finally:
            for name in topics:
                self._queues[name].discard(queue)
                if not self._queues[name]:
                    del self._queues[name]

    async def _listen(self) -> None:
        pause_s = SOONEST_S
        while True:
            try:
                async with Listener.connected(self._db.url, CHANNEL, self._dispatch) as listener:
                    if self._is_listening.is_set():
                        self._tell_gap()
                    self._is_listening.set()
                    await listener.wait_closed()
                    pause_s = SOONEST_S
            except (*CONNECTION_LOST, StatementFailed) as error:
                # A server that refuses, having no connection left, say, is as silent as one that is gone.
                logger.warning("The connection that listens for changes is lost: %s", error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RECONNECT_S)

    def _dispatch(self, payload: str) -> None:
        content = orjson.loads(payload)
        event = Event(content["t"], content.get("d", {}), is_gap=content.get("g", False))
        for queue in self._queues.get(event.topic, ()):
            _put(queue, event)

    def _tell_gap(self) -> None:
        for name, queues in self._queues.items():
            for queue in queues:
                _put(queue, Event(name, is_gap=True))


def _put(queue: asyncio.Queue[Event], event: Event) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        event = Event(event.topic, event.details, is_gap=True)
    queue.put_nowait(event)


async def _drain(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        yield await queue.get()
