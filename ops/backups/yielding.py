"""What works for backups in a server of PostgreSQL on this machine gets a low priority: it answers others first."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg

from maestro.errors import PreflightFailed, Transient
from ops.backups.leash import NICENESS
from ops.backups.servers import APPLICATION, connected

POLL_S: Final = 0.25
_OURS: Final = """
    SELECT pid, datname::text AS database FROM pg_stat_activity
    WHERE application_name = $1 AND pid <> pg_backend_pid() AND datname = current_database()"""
_IS_NEAR: Final = "SELECT coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', true)"


@asynccontextmanager
async def yielding(url: str) -> AsyncIterator[None]:
    """Let all that works for backups in a database yield to others, as far as this account may say so, for a block."""
    looking = asyncio.create_task(_look(url))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def lower(pid: int, database: str) -> bool:
    """Give a process a low priority if it is one of PostgreSQL's that works in a database, by the title that it has.

    Returns whether it has one now; the title of a process that has just begun may not be there yet.
    """
    with suppress(OSError):
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        if title.startswith(b"postgres: ") and f" {database} ".encode() in title:
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
            return True
    return False


async def _look(url: str) -> None:
    is_near = True
    while is_near:
        # A server that is busy or away is asked again: who begins meanwhile is to yield too.
        with suppress(Transient, PreflightFailed, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with connected(url) as connection:
                is_near = await connection.fetchval(_IS_NEAR)
                if is_near:
                    await _lower_each(connection)
        await asyncio.sleep(POLL_S)


async def _lower_each(connection: Any) -> None:
    lowered: set[int] = set()
    while True:
        there = await connection.fetch(_OURS, APPLICATION)
        lowered &= {row["pid"] for row in there}
        lowered |= {row["pid"] for row in there if row["pid"] not in lowered and lower(row["pid"], row["database"])}
        await asyncio.sleep(POLL_S)
