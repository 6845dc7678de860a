"""What each process does to be profiled: it hears what is asked, takes up what is asked of it, and delivers.

It works on the loop of the process, whose thread is what a profile of the processor looks at. One profile at a time:
two would see each other.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, Row, StatementFailed
from maestro.db.tables.enums import ProfileKind
from maestro.errors import Conflict, MaestroError, ProfileFailed
from maestro.events import Event, Events, publish
from maestro.profiles import ProcessRole
from ops.profiling import records
from ops.profiling.files import Found

logger = logging.getLogger(__name__)

BEAT_S: Final = 1.0
GRACE_S: Final = 1.0
"""A process that is busy leaves a profile to others for so long, before it says that it is."""

Taker = Callable[[Row], Awaitable[Found]]
"""Makes a profile on the running loop, of a row with `id`, `seconds` and `options`; raises MaestroError."""


@dataclass(frozen=True, slots=True)
class Process:
    """How a process is called, and what it is."""

    name: str
    role: ProcessRole

    def is_meant(self, target: str) -> bool:
        """Say whether something is asked of this process."""
        return target in (self.role.value, self.name)


class Agent:
    """The part of a process that is asked for profiles."""

    def __init__(self, db: Database, events: Events, *, process: Process, takers: Mapping[ProfileKind, Taker]) -> None:
        self._db = db
        self._events = events
        self._process = process
        self._takers = takers
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take up what is asked during the block; what is under way at its end is given up."""
        async with self._events.subscribed(records.TOPIC) as heard:
            listening = asyncio.create_task(self._listen(heard), name="profiles")
            try:
                yield
            finally:
                tasks = [listening, *self._tasks]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, heard: AsyncIterator[Event]) -> None:
        async for event in heard:
            # What is lost by a gap is asked again.
            if "present" in event.details:
                self._begin(self._present(str(event.details["present"])))
            elif "profile" in event.details and self._process.is_meant(str(event.details["target"])):
                self._begin(self._take(UUID(hex=event.details["profile"])))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(self._logged(work), name="profile")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _logged(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (*CONNECTION_LOST, StatementFailed) as error:
            logger.warning("A profile was not delivered: %s", error)

    async def _present(self, topic: str) -> None:
        """Say that this process is there."""
        about = {"name": self._process.name, "role": self._process.role.value, "is_busy": self._turn.locked()}
        async with self._db.transaction() as tx:
            await publish(tx, [Event(topic, about)])

    async def _take(self, profile_id: UUID) -> None:
        name = self._process.name
        if self._turn.locked():
            await asyncio.sleep(GRACE_S)
            if self._turn.locked():
                if await records.take(self._db, profile_id, name) is not None:
                    busy = Conflict(
                        "This process is being profiled already.", hint="Wait for the end of the other profile."
                    )
                    await records.refuse(self._db, profile_id, name, error=busy.extensions | {"message": busy.message})
                return
        async with self._turn:
            row = await records.take(self._db, profile_id, name)
            if row is not None:
                await self._carry_out(row)

    async def _carry_out(self, row: Row) -> None:
        name = self._process.name
        working = asyncio.ensure_future(self._found(row))
        beating = asyncio.create_task(self._beat(row.id), name="profile beat")
        try:
            await asyncio.wait([working, beating], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                # Nobody waits for it any more.
                return
            error = working.exception()
            if error is None:
                await records.deliver(self._db, row.id, name, found=working.result())
            else:
                told = _told(error, row.id)
                await records.refuse(self._db, row.id, name, error=told.extensions | {"message": told.message})
        finally:
            for task in (working, beating):
                task.cancel()
            await asyncio.gather(working, beating, return_exceptions=True)

    async def _found(self, row: Row) -> Found:
        taker = self._takers.get(ProfileKind(row.kind))
        if taker is None:
            raise ProfileFailed(f"A {self._process.role.value.lower()} has no profile of kind {row.kind}.")
        return await taker(row)

    async def _beat(self, profile_id: UUID) -> None:
        """Give signs of life until the profile is wanted no more."""
        while True:
            await asyncio.sleep(BEAT_S)
            with contextlib.suppress(*CONNECTION_LOST, StatementFailed):
                if not await records.beat(self._db, profile_id, self._process.name):
                    return


def _told(error: BaseException, profile_id: UUID) -> MaestroError:
    """Return what is told of an error: itself where it is meant to be told."""
    if isinstance(error, MaestroError):
        return error
    logger.error("The profile %s has failed", profile_id, exc_info=error)
    return ProfileFailed("The profile has failed; the log of the process tells why.")
