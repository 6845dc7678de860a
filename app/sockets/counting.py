"""The open sockets of a process: how many there may be, of one viewer and of all, and their end with the server.

Those of one viewer are counted over all processes of the server.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from app.member import Seat
from app.sockets.protocol import CloseCode, Closing
from maestro.access import Viewer
from maestro.settings import Settings


class Drained(Protocol):
    """A socket that can be told that the server stops."""

    async def drain(self, patience: timedelta) -> None:
        """Let what is under way end, within a time, and close."""


class OpenSockets:
    """Counts sockets, and refuses those that are too many with 1013: later there may be room."""

    def __init__(self, settings: Settings, seat: Seat | None = None) -> None:
        self._settings = settings
        self._seat = seat
        self._open: set[Drained] = set()
        self._of_viewers: Counter[tuple[UUID, UUID]] = Counter()
        self._is_draining = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def opened(self, connection: Drained) -> Iterator[None]:
        """Count a socket for the length of a block; Closing when there are too many, or the server stops."""
        if self._is_draining:
            raise stopping()
        if len(self._open) >= self._settings.max_sockets:
            raise Closing(CloseCode.TRY_AGAIN_LATER, "This server has no room for more sockets.")
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)

    @contextmanager
    def admitted(self, viewer: Viewer) -> Iterator[None]:
        """Count a socket as a viewer's for the length of a block; Closing when they have too many."""
        who, limit = (viewer.organization_id, viewer.actor_id), self._settings.max_sockets_per_viewer
        with self._counted(who, limit) as has_room:
            if not has_room:
                raise Closing(CloseCode.TRY_AGAIN_LATER, f"You have {limit:,} sockets open already.")
            yield

    def _counted(self, who: tuple[UUID, UUID], limit: int) -> AbstractContextManager[bool]:
        if self._seat is None:
            return self._counted_here(who, limit)
        key = who[0].hex + who[1].hex
        return self._seat.counts.counted(key, column=self._seat.column, limit=limit)

    @contextmanager
    def _counted_here(self, who: tuple[UUID, UUID], limit: int) -> Iterator[bool]:
        if self._of_viewers[who] >= limit:
            yield False
            return
        self._of_viewers[who] += 1
        try:
            yield True
        finally:
            self._of_viewers[who] -= 1
            if not self._of_viewers[who]:
                del self._of_viewers[who]

    async def drain(self, patience: timedelta) -> None:
        """Close all sockets, and take no new ones: queries and mutations that are under way may end before."""
        self._is_draining = True
        await asyncio.gather(*(connection.drain(patience) for connection in list(self._open)))


def stopping() -> Closing:
    """Return the end of a socket whose server stops; clients come back by themselves."""
    return Closing(CloseCode.GOING_AWAY, "The server is being stopped.")
