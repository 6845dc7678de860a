"""How far the copying of tables has come, in bytes, as PostgreSQL itself tells it of pg_dump and pg_restore."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from maestro.errors import Transient
from maestro.progress import Progress
from ops.backups.servers import APPLICATION, Connection, connected

POLL_S: Final = 0.5
# By the name of the application: nobody else's copies count.
_COPIES: Final = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, p.bytes_processed AS bytes
    FROM pg_stat_progress_copy p JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = p.relid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE p.datname = current_database() AND a.application_name = $1"""


class Copied:
    """How many bytes of tables of known sizes have been copied: all of those that were seen and are not any more."""

    def __init__(self, sizes: Mapping[str, int], phase: str, progress: Progress) -> None:
        self._sizes, self._phase, self._progress = sizes, phase, progress
        self._total = sum(sizes.values())
        self._seen: dict[str, int] = {}
        self._most = 0

    def saw(self, copies: Mapping[str, int]) -> None:
        """Tell how far it is, by the bytes of the tables that are just being copied; it never runs backwards."""
        for name in self._seen.keys() - copies.keys():
            self._seen[name] = self._sizes.get(name, 0)
        for name, done in copies.items():
            self._seen[name] = min(done, self._sizes.get(name, 0))
        self._most = max(self._most, sum(self._seen.values()))
        self._progress(self._phase, min(self._most, self._total), self._total, unit="bytes")


@asynccontextmanager
async def watched(url: str, sizes: Mapping[str, int], *, phase: str, progress: Progress) -> AsyncIterator[None]:
    """Tell of the copies in a database while a block runs; when they cannot be looked at, nothing more is told."""
    copied = Copied(sizes, phase, progress)
    looking = asyncio.create_task(_look(url, copied))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look(url: str, copied: Copied) -> None:
    try:
        async with connected(url) as connection:
            while True:
                copied.saw(await _copies(connection))
                await asyncio.sleep(POLL_S)
    except (Transient, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return


async def _copies(connection: Connection) -> dict[str, int]:
    return {row["name"]: row["bytes"] for row in await connection.fetch(_COPIES, APPLICATION)}
