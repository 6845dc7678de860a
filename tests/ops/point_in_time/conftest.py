"""Real servers whose log is kept, which a test may kill and throw away."""

import asyncio
import inspect
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
import psutil
import pytest

from loadtests.ledger import kill_server, receiver_of
from maestro.archive_settings import ArchiveLevel
from maestro.postgres import Address, EmbeddedPostgres
from ops.point_in_time import Archive, BaseBackup, Reception, make_base_backup, receive_forever
from ops.point_in_time.hearing import Heard
from ops.point_in_time.wal import position

WORK = """
import asyncio, sys
from pathlib import Path
from ops.point_in_time import Archive, ArchiveLevel, Reception, receive_forever
folder = Path(sys.argv[1])
configuration = folder / "postgres" / "postgresql.conf"
archive = Archive.at(folder, data_dir=folder)
asyncio.run(receive_forever(Reception(archive, sys.argv[2], ArchiveLevel(sys.argv[3]), configuration, beat_s=0.1)))
"""
PATIENCE_S = 20.0
BEAT_S = 0.1
Start = Callable[..., Awaitable["Primary"]]
Work = Callable[["Primary", ArchiveLevel], "subprocess.Popen[bytes]"]


@dataclass
class Primary:
    """A running server with a table `marker`, its archive, and its receiver if it has one."""

    folder: Path
    server: EmbeddedPostgres
    address: Address
    archive: Archive
    connection: "asyncpg.Connection[asyncpg.Record]"
    receiver: asyncio.Task[None] | None = None
    reception: Reception = field(init=False)

    @property
    def url(self) -> str:
        return self.address.url()

    async def mark(self, text: str) -> tuple[datetime, str]:
        """Write a marker, and return a moment and a position between it and the next one."""
        await self.connection.execute("INSERT INTO marker VALUES ($1)", text)
        await asyncio.sleep(0.01)
        row = await self.connection.fetchrow("SELECT clock_timestamp(), pg_current_wal_insert_lsn()::text")
        await asyncio.sleep(0.01)
        assert row is not None
        return row[0], row[1]

    async def back_up(self) -> BaseBackup:
        return await make_base_backup(self.archive, self.url)

    def receive(self, level: ArchiveLevel = ArchiveLevel.RECEIVER) -> None:
        configuration = self.folder / "postgres" / "postgresql.conf"
        self.reception = Reception(self.archive, self.url, level, configuration, beat_s=BEAT_S, stuck_s=3.0)
        self.receiver = asyncio.create_task(receive_forever(self.reception))

    async def stop_receiving(self) -> None:
        if self.receiver is not None:
            self.receiver.cancel()
            await asyncio.gather(self.receiver, return_exceptions=True)

    async def received(self) -> None:
        """Wait until everything committed by now has been received, and is known to be."""
        row = await self.connection.fetchrow("SELECT clock_timestamp(), pg_current_wal_flush_lsn()::text")
        assert row is not None
        now, flushed = row

        def is_received() -> bool:
            told = Heard.told_in(self.archive)
            if told is None or told.received_at is None or told.received_lsn is None:
                return False
            return told.received_at >= now and told.received_lsn >= position(flushed)

        await until(is_received)

    def receiver_process(self) -> psutil.Process | None:
        return receiver_of(self.archive.stream)

    async def receiving_process(self) -> psutil.Process:
        await until(lambda: self.receiver_process() is not None)
        found = self.receiver_process()
        assert found is not None
        return found

    async def lose(self) -> None:
        """Kill the server with -9, and throw its data away."""
        data = self.folder / "postgres" / "data"
        kill_server(data)
        await self.stop_receiving()
        self.server.stop()
        shutil.rmtree(data)


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; what is asked may be awaited."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = is_so()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def initialised(reachable_folder: Path) -> Path:
    """A data folder that a server has made and left."""
    folder = reachable_folder / "point-in-time"
    with EmbeddedPostgres(folder):
        pass
    return folder


@pytest.fixture
def place(reachable_folder: Path) -> Iterator[Path]:
    """A folder for what a test makes, which PostgreSQL's account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="pitr-", dir=reachable_folder))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def start(initialised: Path, place: Path) -> AsyncIterator[Start]:
    """Start a server of its own, with settings over the usual ones."""
    async with AsyncExitStack() as stack:

        async def start(settings: dict[str, str] | None = None, *, level: ArchiveLevel | None = None) -> Primary:
            folder = place / "data"
            copy_of(initialised, folder)
            return await stack.enter_async_context(running(folder, settings, level))

        yield start


def copy_of(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)


@pytest.fixture
def work() -> Iterator["Work"]:
    """Start a process that receives, which a test may kill."""
    with ExitStack() as stack:

        def start(primary: Primary, level: ArchiveLevel) -> "subprocess.Popen[bytes]":
            worker = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WORK, primary.folder, primary.url, level], stderr=subprocess.DEVNULL
                )
            )
            stack.callback(worker.kill)
            return worker

        yield start


@asynccontextmanager
async def running(
    folder: Path, settings: dict[str, str] | None = None, level: ArchiveLevel | None = None
) -> AsyncIterator[Primary]:
    """A server on a folder for the length of a block, and a receiver when a level is given."""
    server = EmbeddedPostgres(folder, settings)
    address = server.start()
    connection = await asyncpg.connect(address.url("postgresql"))
    try:
        primary = Primary(folder, server, address, Archive.at(folder, data_dir=folder), connection)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS marker (text text, at timestamptz DEFAULT clock_timestamp())"
        )
        if level is not None:
            primary.receive(level)
        yield primary
        await primary.stop_receiving()
    finally:
        connection.terminate()
        server.stop()


async def marks(url: str) -> list[str]:
    """The markers that a database has, in the order in which they were written."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row["text"] for row in await connection.fetch("SELECT text FROM marker ORDER BY at")]
    finally:
        await connection.close()
