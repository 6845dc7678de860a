"""Backends that work for backups yield to those that answer somebody."""

import asyncio
import os

import asyncpg
import psutil

from maestro.db.direct import name_of
from ops.backups.leash import NICENESS
from ops.backups.servers import connected
from ops.backups.yielding import lower, yielding


async def test_backends_of_a_backup_yield_and_those_of_others_do_not(empty_database_url: str) -> None:
    other = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    async with connected(empty_database_url) as connection, yielding(empty_database_url):
        ours = psutil.Process(connection.get_server_pid())
        async with asyncio.timeout(5):
            while await asyncio.to_thread(ours.nice) != NICENESS:
                pass
    assert psutil.Process(other.get_server_pid()).nice() == 0
    await other.close()


def test_a_process_that_is_no_backend_of_the_database_keeps_its_priority(empty_database_url: str) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    lower(os.getpid(), name_of(empty_database_url))
    lower(2**22 - 1, name_of(empty_database_url))
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
