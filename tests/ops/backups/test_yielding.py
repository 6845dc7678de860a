"""Backends that work for backups yield to those that answer somebody."""

import asyncio
import os

import asyncpg
import psutil

from maestro.db.direct import name_of
from ops.backups.leash import NICENESS
from ops.backups.servers import APPLICATION, connected
from ops.backups.yielding import lower, yielding

PATIENCE_S = 30
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()
"""
"""Ends the connection by which others are looked for."""


async def lowered(process: psutil.Process) -> None:
    """Return once a process has the low priority."""
    async with asyncio.timeout(PATIENCE_S):
        while process.nice() != NICENESS:  # noqa: ASYNC110 -- nobody tells of it
            await asyncio.sleep(0.02)


async def test_backends_of_a_backup_yield_and_those_of_others_do_not(empty_database_url: str) -> None:
    other = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    others = psutil.Process(other.get_server_pid())
    before = others.nice()
    async with connected(empty_database_url) as connection, yielding(empty_database_url):
        ours = psutil.Process(connection.get_server_pid())
        await lowered(ours)
    assert others.nice() == before != NICENESS
    await other.close()


async def test_a_connection_that_is_cut_is_made_anew(empty_database_url: str) -> None:
    async with connected(empty_database_url) as first, yielding(empty_database_url):
        await lowered(psutil.Process(first.get_server_pid()))
        assert len(await first.fetch(CUT, APPLICATION)) == 1
        async with connected(empty_database_url) as second:
            await lowered(psutil.Process(second.get_server_pid()))


def test_a_process_that_is_no_backend_of_the_database_keeps_its_priority(empty_database_url: str) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert not lower(os.getpid(), name_of(empty_database_url))
    assert not lower(2**22 - 1, name_of(empty_database_url))
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
