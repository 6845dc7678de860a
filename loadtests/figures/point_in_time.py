"""What a disaster loses, and how long the way back takes: a server is killed and its data thrown away."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from loadtests.figures.results import Figure
from loadtests.ledger import Ledger, kill_server, receiver_of
from maestro.postgres import Address, EmbeddedPostgres
from ops.point_in_time import (
    Archive,
    ArchiveLevel,
    Reception,
    Target,
    make_base_backup,
    rebuild_data_folder,
    receive_forever,
    restore_to_time,
    status,
)

KILLS: Final = 12
WRITING_S: Final = 2.0
FROZEN_S: Final = 2.0
ROWS: Final = 2_000_000
MB: Final = 1e6
LOGGED: Final = """
CREATE TABLE filled AS SELECT n, md5(n::text) AS text, md5((n + 1)::text) AS more FROM generate_series(1, {rows}) AS n
"""


@dataclass(frozen=True)
class Disaster:
    """What one disaster took."""

    acknowledged: int
    lost: int
    lost_s: float
    rebuilt_s: float


def measure() -> list[Figure]:
    """Kill servers of every level, then measure base backups and the ways back of a larger one."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    async with _folder() as template:
        with EmbeddedPostgres(template):
            pass
        disaster = partial(_disaster, template)
        killed = [await disaster(ArchiveLevel.RECEIVER, frozen_s=0) for _ in range(KILLS)]
        frozen = await disaster(ArchiveLevel.RECEIVER, frozen_s=FROZEN_S)
        whole = [await disaster(ArchiveLevel.SYNCHRONOUS, frozen_s=0) for _ in range(KILLS // 4)]
        whole.append(await disaster(ArchiveLevel.SYNCHRONOUS, frozen_s=FROZEN_S))
    return [
        Figure(
            f"receiver, {KILLS} times killed: time of which commits are lost, at worst", _worst(killed), "s", at_most=10
        ),
        Figure("  commits acknowledged in all", sum(one.acknowledged for one in killed), "commits"),
        Figure("  of which were lost", sum(one.lost for one in killed), "commits"),
        Figure("receiver, frozen for 2 s before it: time of which commits are lost", frozen.lost_s, "s"),
        Figure("  of these commits were lost", frozen.lost, "commits", at_least=1),
        Figure("synchronous: acknowledged commits", sum(one.acknowledged for one in whole), "commits"),
        Figure(
            "synchronous: commits lost, also of the frozen one", sum(one.lost for one in whole), "commits", at_most=0
        ),
        Figure("data folder built anew and ready, at worst", max(one.rebuilt_s for one in killed), "s"),
        *await _larger(),
    ]


def _worst(disasters: list[Disaster]) -> float:
    return max(one.lost_s for one in disasters)


async def _disaster(template: Path, level: ArchiveLevel, *, frozen_s: float) -> Disaster:
    async with _folder() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        _own(template, folder)
        server = EmbeddedPostgres(folder)
        address, ledger = server.start(), Ledger()
        archive = Archive.at(folder, data_dir=folder)
        async with _received(archive, address, level):
            await make_base_backup(archive, address.url())
            ledger.open(address.url("postgresql"))
            await asyncio.sleep(WRITING_S)
            receiver = receiver_of(archive.stream)
            if frozen_s and receiver is not None:
                receiver.suspend()
                await asyncio.sleep(frozen_s)
            kill_server(folder / "postgres" / "data")
            if frozen_s and receiver is not None:
                receiver.kill()
        await ledger.close()
        server.stop()
        shutil.rmtree(folder / "postgres" / "data")
        began = time.perf_counter()
        await rebuild_data_folder(folder, archive)
        with EmbeddedPostgres(folder) as anew:
            rebuilt_s = time.perf_counter() - began
            lost = await ledger.lost(anew.url("postgresql"))
        return Disaster(len(ledger.acknowledged), len(lost), ledger.seconds(lost), rebuilt_s)


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = _made()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _own(template: Path, folder: Path) -> None:
    """Give a copy to whom the template belongs, file by file."""
    for path in template.rglob("*"):
        info = path.lstat()
        os.chown(folder / path.relative_to(template), info.st_uid, info.st_gid, follow_symlinks=False)


def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def _received(archive: Archive, address: Address, level: ArchiveLevel) -> AsyncIterator[None]:
    task = Reception(archive, address.url(), level, archive.folder / "postgres" / "postgresql.conf")
    receiving = asyncio.create_task(receive_forever(task))
    try:
        async with asyncio.timeout(60):
            while True:
                state = await status(archive)
                if state.is_receiving:
                    break
                await asyncio.sleep(0.1)
        yield
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)


async def _larger() -> list[Figure]:
    async with _folder() as folder:
        with EmbeddedPostgres(folder) as address:
            archive = Archive.at(folder, data_dir=folder)
            connection = await asyncpg.connect(address.url("postgresql"))
            async with _received(archive, address, ArchiveLevel.RECEIVER):
                await connection.execute(LOGGED.format(rows=ROWS), timeout=600)
                # Without this the first who reads a row marks it, which changes every block.
                await connection.execute("VACUUM FREEZE filled", timeout=600)
                full = await make_base_backup(archive, address.url())
                await connection.execute("UPDATE filled SET text = 'changed' WHERE n <= $1", ROWS // 100, timeout=600)
                incremental = await make_base_backup(archive, address.url())
                await connection.execute("CREATE TABLE marker AS SELECT 1 AS one")
                await asyncio.sleep(2.5)
                began = time.perf_counter()
                async with restore_to_time(archive, Target()) as instance:
                    ready_s = time.perf_counter() - began
                    side = await asyncpg.connect(instance.url.replace("+asyncpg", ""))
                    rows = await side.fetchval("SELECT count(*) FROM filled, marker")
                    await side.close()
            await connection.close()
        if rows != ROWS:
            raise RuntimeError(f"{ROWS} rows were there, {rows} came back.")
    return [
        Figure("full base backup", full.size_bytes / MB, "MB"),
        Figure("  the time it takes, verified", full.seconds, "s"),
        Figure("incremental base backup, one row in a hundred changed", incremental.size_bytes / MB, "MB"),
        Figure("  the time the incremental one takes, verified", incremental.seconds, "s"),
        Figure("side instance from both and the log, ready", ready_s, "s"),
    ]
