"""Who lives: each worker holds a lock while it does, and the others take over from one whose lock is free.

The lock is an advisory one of PostgreSQL, in the jobs database, of a session of its own: it is gone with the process,
however that ends. Worker ids are never used again, so a free lock is a dead worker, but for the moment in which one
whose connection was cut takes it anew.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Final

from sqlalchemy import make_url

from maestro.db.engine import OWNER_ROLE
from maestro.db.rows import CONNECTION_LOST, Holder, Reader, StatementFailed
from maestro.queue import durable

logger = logging.getLogger(__name__)

BEAT_S: Final = 1.0
ANSWER_S: Final = 5.0
PATIENCE_S: Final = 60.0
"""How long a worker goes on without its lock: jobs wait as long for a database that is away."""
LOOK_S: Final = 0.5
GRACE_S: Final = 1.2
"""How long a lock has to be free before it is believed, so that who lost it for a moment can take it anew."""
_RETRY_S: Final = 0.1
_OWNERS: Final = """
    SELECT DISTINCT executor_id FROM dbos.workflow_status
    WHERE status = 'PENDING' AND application_version = $1 AND executor_id IS NOT NULL AND executor_id <> $2
"""
_LOST: Final = """
    SELECT workflow_uuid FROM dbos.workflow_status
    WHERE workflow_uuid = ANY($1) AND status IN ('PENDING', 'ENQUEUED') AND (status, executor_id) <> ('PENDING', $2)
"""
_TRY: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS is_free"
_RELEASE: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"


class TakenOver(Exception):
    """Others run what this worker ran: it has to end, for nothing that it does counts any more."""


def lock_name(worker: str) -> str:
    """Return what the lock of a worker is called."""
    return f"maestro worker {worker}"


class Lease:
    """The lock of this worker."""

    def __init__(self, url: str, worker: str, *, running: Callable[[], Collection[str]]) -> None:
        self._url = make_url(url)
        self._worker = worker
        self._running = running
        self._held_at = time.monotonic()
        self.is_held = asyncio.Event()

    async def hold(self) -> None:
        """Hold it for ever, and take it again whenever the connection is lost; TakenOver when that came too late."""
        while True:
            try:
                async with Holder.connected(self._url, lock_name(self._worker)) as holder:
                    if holder is not None:
                        await self._beat(holder)
            except (*CONNECTION_LOST, StatementFailed, TimeoutError) as error:
                logger.debug("The lock of this worker is not held: %s", error)
            if time.monotonic() - self._held_at > PATIENCE_S:
                raise TakenOver(f"no lock for {PATIENCE_S:.0f} s")
            await asyncio.sleep(_RETRY_S)

    async def _beat(self, holder: Holder) -> None:
        if self.is_held.is_set() and (lost := await self._lost()):
            raise TakenOver(f"others have taken over {', '.join(lost)}")
        self.is_held.set()
        try:
            while True:
                self._held_at = time.monotonic()
                await asyncio.sleep(BEAT_S)
                await holder.prove(within_s=ANSWER_S)
        except (*CONNECTION_LOST, StatementFailed, TimeoutError) as error:
            logger.warning("The connection that shows that this worker lives was cut: %s", error)

    async def _lost(self) -> list[str]:
        reader = Reader(self._url, (OWNER_ROLE, "", ""))
        try:
            return [row[0] for row in await reader.fetch(_LOST, list(self._running()), self._worker)]
        finally:
            reader.close()


class Reaper:
    """Looks after the other workers."""

    def __init__(self, url: str, worker: str) -> None:
        self._reader = Reader(make_url(url), (OWNER_ROLE, "", ""))
        self._worker = worker
        self._free_since: dict[str, float] = {}

    async def look_forever(self) -> None:
        """Take over from those that have died, again and again."""
        while True:
            try:
                await self.look()
            except (*CONNECTION_LOST, StatementFailed) as error:
                # Those that live have lost their locks as well: they are given time anew.
                self._free_since.clear()
                self._reader.close()
                logger.info("Nobody looks after the other workers, the jobs database is away: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Give back to the queue what those were running whose locks have been free for a while."""
        found = await self._reader.fetch(_OWNERS, durable.VERSION, self._worker)
        owners = {row[0] for row in found}
        self._free_since = {owner: since for owner, since in self._free_since.items() if owner in owners}
        for owner in owners:
            await self._look_at(owner)

    async def is_gone(self, worker: str) -> bool:
        """Say whether nobody holds the lock of a worker."""
        return worker != self._worker and await self._is_free(worker) and await self._release(worker)

    async def _look_at(self, owner: str) -> None:
        if not await self._is_free(owner):
            self._free_since.pop(owner, None)
            return
        try:
            since = self._free_since.setdefault(owner, time.monotonic())
            if time.monotonic() - since >= GRACE_S:
                logger.warning("The worker %s is gone; its jobs are taken over", owner)
                await asyncio.to_thread(durable.recover, owner)
        finally:
            await self._release(owner)

    async def _is_free(self, worker: str) -> bool:
        """Take the lock of a worker if nobody holds it."""
        return bool((await self._reader.fetch(_TRY, lock_name(worker)))[0][0])

    async def _release(self, worker: str) -> bool:
        await self._reader.fetch(_RELEASE, lock_name(worker))
        return True
