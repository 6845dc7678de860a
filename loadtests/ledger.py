"""A ledger of acknowledged commits, kept where no disaster of the database reaches, and the disaster itself."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
import psutil

from maestro import clock
from maestro.postgres.postmaster import Postmaster

LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
PATIENCE_S = 20.0


@dataclass
class Ledger:
    """Commits that a server has acknowledged, each with its moment."""

    acknowledged: list[tuple[int, datetime]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    def open(self, url: str) -> None:
        """Commit one row after another from now on, until the server is gone."""
        self.task = asyncio.create_task(self._write(url))

    async def _write(self, url: str) -> None:
        with suppress(*LOST):
            connection = await asyncpg.connect(url)
            await connection.execute("CREATE TABLE ledger (number bigint)")
            while True:
                number = len(self.acknowledged)
                await connection.execute("INSERT INTO ledger VALUES ($1)", number)
                self.acknowledged.append((number, clock.now()))

    async def holds(self, commits: int) -> None:
        """Wait until so many commits were acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if len(self.acknowledged) >= commits:
                    return
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Wait for the writer to see that the server is gone."""
        if self.task is not None:
            await asyncio.wait_for(self.task, PATIENCE_S)

    async def lost(self, url: str) -> list[datetime]:
        """Return the moments of the acknowledged commits that a database does not have."""
        connection = await asyncpg.connect(url)
        try:
            rows = {row[0] for row in await connection.fetch("SELECT number FROM ledger")}
        finally:
            await connection.close()
        return [at for number, at in self.acknowledged if number not in rows]

    def seconds(self, lost: list[datetime]) -> float:
        """Return the time of which commits are lost: from the first lost one to the last one acknowledged."""
        return (self.acknowledged[-1][1] - lost[0]).total_seconds() if lost else 0.0


def kill_server(data: Path) -> None:
    """Kill every process of the PostgreSQL server on a data folder with -9, at once."""
    postmaster = Postmaster.read(data)
    if postmaster is None:
        raise RuntimeError(f"No server runs on {data}.")
    first = psutil.Process(postmaster.pid)
    for process in [*first.children(), first]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def receiver_of(stream: Path) -> psutil.Process | None:
    """Return the process that receives the log into a folder, if it lives."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "pg_receivewal" and str(stream) in (process.info["cmdline"] or []):
            return process
    return None
