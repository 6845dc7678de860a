"""Receiving the log of a server as it is written: one receiver, started again whenever it ends."""

import asyncio
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maestro.archive_settings import ArchiveLevel
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.errors import MaestroError
from maestro.postgres.lock import FolderLock
from ops.point_in_time import keeping, server, synchronous
from ops.point_in_time.archive import Archive
from ops.point_in_time.hearing import Heard, Listener
from ops.point_in_time.programs import Guarded
from ops.point_in_time.server import RECEIVER, Connection, Server

logger = logging.getLogger(__name__)

TURN: Final = 7_151_216_002
"""The advisory lock of whoever receives; the others wait for their turn."""
BEAT_S: Final = 1.0
SHORTEST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STUCK_S: Final = 10.0
"""After which a receiver that gets nothing, though there is something, is started again."""
LEAST_FREE: Final = 1024**3
"""Bytes on the archive's disk below which nothing more is received: PostgreSQL itself may need them."""
PACKED_A_BEAT: Final = 1
GONE: Final = ("already been removed", "can no longer", "invalidated", "does not exist")


@dataclass(frozen=True)
class Reception:
    """What is received, from where, and how closely."""

    archive: Archive
    url: str
    level: ArchiveLevel = ArchiveLevel.RECEIVER
    configuration: Path | None = None
    """The configuration file of an embedded PostgreSQL, which the level `synchronous` changes."""
    beat_s: float = BEAT_S
    stuck_s: float = STUCK_S
    """Much longer than the second between two reports of the receiver."""
    least_free: int = LEAST_FREE


async def receive_forever(reception: Reception) -> None:
    """Keep the log of a server for as long as this task runs; whoever comes second waits for their turn.

    Whatever goes wrong is told in the state that `status` shows, and tried again after a pause that grows. The
    receiver ends with this task and with this process, be it by `kill -9`.
    """
    pause_s = SHORTEST_PAUSE_S
    while True:
        try:
            async with server.connected(reception.url) as connection:
                await _take_turn(connection, reception)
                pause_s = SHORTEST_PAUSE_S
                await _Receiving(reception, connection).run()
        except (MaestroError, StatementFailed, *CONNECTION_LOST) as error:
            logger.warning("The write-ahead log is not received: %s", error)
            with suppress(OSError):
                Heard.complain(reception.archive, reception.level, str(error))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _take_turn(connection: Connection, reception: Reception) -> None:
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", TURN):
            return
        await asyncio.sleep(reception.beat_s)


async def stop_receiving(url: str) -> bool:
    """Let go of what a server holds back for a receiver that is not to come again; return whether there was any."""
    async with server.connected(url) as connection:
        return await _drop_slot(connection)


async def _drop_slot(connection: Connection) -> bool:
    dropped = await connection.fetch(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active",
        RECEIVER,
    )
    return bool(dropped)


class _Receiving:
    """One turn of receiving, over one connection to the server."""

    def __init__(self, reception: Reception, connection: Connection) -> None:
        self._reception = reception
        self._archive = reception.archive
        self._connection = connection
        self._listener = Listener(reception.archive, connection, reception.level)
        self._child: Guarded | None = None
        self._reader: asyncio.Task[None] | None = None
        self._said: list[str] = []
        self._pause_s = 0.0
        self._paused_until = 0.0

    async def run(self) -> None:
        """Receive until the connection ends or the task is cancelled."""
        self._archive.make()
        found = await server.look(self._reception.url, level=self._reception.level)
        self._archive.claim(found.identity)
        self._listener.size = found.identity.segment_bytes
        if self._reception.level is not ArchiveLevel.SYNCHRONOUS:
            await synchronous.release(self._connection, self._reception.configuration)
        try:
            while True:
                await self._beat(found)
                await asyncio.sleep(self._reception.beat_s)
        finally:
            await asyncio.shield(self._end())

    async def _end(self) -> None:
        # Commits must not wait for a receiver that is about to end.
        with suppress(StatementFailed, *CONNECTION_LOST):
            await synchronous.release(self._connection, self._reception.configuration)
        await self._stop()

    async def _beat(self, found: Server) -> None:
        trouble = await self._keep_alive(found) if self._reception.level.streams else None
        heard = await self._listener.listen(trouble)
        await asyncio.to_thread(keeping.tidy, self._archive, most=PACKED_A_BEAT, leave=1)
        if self._reception.level is ArchiveLevel.SYNCHRONOUS and heard.is_streaming:
            await synchronous.demand(self._connection, self._reception.configuration)
        if heard.is_streaming:
            self._pause_s = 0.0
        if self._child is not None and self._listener.stuck_s > self._reception.stuck_s:
            logger.warning(
                "The receiver of the write-ahead log has got nothing for %s seconds.", self._reception.stuck_s
            )
            await self._stop()

    async def _keep_alive(self, found: Server) -> str | None:
        """Start the receiver when it is not running, after a pause that grows; return what is in the way."""
        if shutil.disk_usage(self._archive.wal).free < self._reception.least_free:
            await self._stop()
            return f"The disk of {self._archive.wal} is nearly full: nothing more is received."
        if self._child is not None and self._child.has_ended:
            await self._stop()
        if self._child is None and asyncio.get_running_loop().time() >= self._paused_until:
            self._pause_s = min(max(2 * self._pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
            self._paused_until = asyncio.get_running_loop().time() + self._pause_s
            await self._start(found)
        return self._said[-1] if self._said and self._pause_s > SHORTEST_PAUSE_S else None

    async def _start(self, found: Server) -> None:
        lock = FolderLock.try_acquire(self._archive.lock)
        if lock is None:
            self._said.append("The receiver before this one has not ended yet.")
            return
        try:
            await self._hold_slot()
            await asyncio.to_thread(keeping.mend, self._archive, found.identity.segment_bytes)
            command = [
                *(found.program("pg_receivewal"), "--directory", self._archive.stream, "--slot", RECEIVER),
                *("--no-loop", "--no-password", "--verbose", "--status-interval=1"),
                *(["--synchronous"] if self._reception.level is ArchiveLevel.SYNCHRONOUS else []),
            ]
            account, environment = self._archive.account, {**found.environment, "PGAPPNAME": RECEIVER}
            self._child = await Guarded.start(command, account=account, lock=lock, environment=environment)
        finally:
            lock.close()
        self._said.clear()
        self._reader = asyncio.create_task(self._child.follow(self._hear))

    def _hear(self, line: str) -> None:
        self._said.append(line)
        del self._said[:-20]

    async def _hold_slot(self) -> None:
        """Make the slot, also in the place of one that held back more than it may and was given up: that is a gap."""
        status = await self._connection.fetchval(
            "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", RECEIVER
        )
        is_refused = any(word in line for line in self._said for word in GONE)
        if status is not None and status != "lost" and not is_refused:
            return
        if status is not None:
            logger.error("The write-ahead log has a gap: the server does not have any more what was not received.")
            await _drop_slot(self._connection)
        await asyncio.to_thread(keeping.set_aside, self._archive)
        await self._connection.execute("SELECT pg_create_physical_replication_slot($1, true)", RECEIVER)

    async def _stop(self) -> None:
        if self._child is None:
            return
        await self._child.stop()
        if self._reader is not None:
            await self._reader
        self._child = self._reader = None
        self._listener.forget_stuck()
