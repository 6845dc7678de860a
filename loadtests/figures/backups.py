"""Backups and restores of a large database beside plain pg_dump and pg_restore, and what the API feels of a backup."""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from uuid_utils.compat import uuid7

from app.database import database
from connectors.stores import LocalStore
from loadtests.figures.freshness import ask
from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, command, running
from maestro.db.direct import name_of
from maestro.settings import Settings
from maestro.vault import MasterKeys, new_master_key
from ops.backups.making import Destination, Installation, Made, Order, make_backup
from ops.backups.manifest import Manifest
from ops.backups.opening import opened
from ops.backups.places import file_of
from ops.backups.programs import Programs, find_programs
from ops.backups.restoring import restore_into
from ops.backups.scratch import scratch_database
from ops.backups.servers import connected, libpq_environment
from ops.backups.verifying import verify_backup

ROUNDS: Final = 3
"""How often the plain programs and ours take turns; the figures are medians."""
QUIET_S: Final = 15.0
PAUSE_S: Final = 0.02
GB: Final = 1e9
KEYS: Final = MasterKeys([new_master_key()])
# No point has a series, and no block a run: the server packs and shows none of them, so that it has nothing to do.
FILL: Final = (
    """INSERT INTO metric_hot (series_id, step, organization_id, t_ms, value)
    SELECT md5((i / 1000)::text)::uuid, i % 1000, md5('figures')::uuid, 1767225600000 + 1000::bigint * i, sin(i)
    FROM generate_series(0, 3999999) i""",
    """INSERT INTO metric_block (series_id, step0, organization_id, step1, n, t_min, t_max, v_min, v_max, step_min,
        step_max, v_sum, v_first, v_last, nonfinite, codec, bins, data)
    SELECT md5((i / 10)::text)::uuid, i % 10, md5('figures')::uuid, i % 10 + 4096, 4096, i, i + 1, 0, 1, 0, 1, sin(i),
        0, 1, 0, 1, sha512(i::text::bytea), (SELECT string_agg(sha512((i || '-' || part)::bytea), '')
            FROM generate_series(1, 24) part)
    FROM generate_series(0, 249999) i""",
    "VACUUM ANALYZE metric_hot",
    "VACUUM ANALYZE metric_block",
)
QUESTIONS: Final = (
    "query { projects { totalCount nodes { id name description createdBy { name } } } }",
    "query { experiments { nodes { id name path project { name } } } }",
    """query { runs(first: 20) { nodes { id name status startedAt
      params { key value } metricSummaries { key { name } last } createdBy { name } } } }""",
    "query { models { nodes { id name aliases { name } } } }",
)
ALONE: Final = {"MAESTRO_CACHE": "false", "MAESTRO_COMPACT_EVERY": "3600", "MAESTRO_WORKERS": "0"}
"""The server does nothing but answer, each time anew; the backups are made beside it."""


def measure() -> list[Figure]:
    """Fill a database with a gigabyte, dump and restore it in turn by PostgreSQL's programs and by ours."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        with database(Settings(data_dir=folder)) as url:
            asyncio.run(_fill(url))
            figures = asyncio.run(_turns(url, folder))
            with running(folder, MAESTRO_DATABASE_URL=url, **ALONE) as server:
                return [*figures, *asyncio.run(_felt(url, folder, server))]
    finally:
        shutil.rmtree(folder)


async def _fill(url: str) -> None:
    async with connected(url) as connection:
        for statement in FILL:
            await connection.execute(statement)


@dataclass
class _Turns:
    """The plain programs and ours, by turns."""

    url: str
    folder: Path
    programs: Programs
    made: Manifest | None = None

    async def measure(self) -> list[Figure]:
        """Return the figures of both sides, each a median, and their ratios."""
        async with connected(self.url) as connection:
            size = await connection.fetchval("SELECT pg_database_size(current_database())") / GB
        dumps = {
            f"pg_dump -Fd -j2 --compress={self.programs.compress}": ("-Fd", "-j2", f"-Z{self.programs.compress}"),
            "pg_dump -Fd -j2": ("-Fd", "-j2"),
            "pg_dump -Fc": ("-Fc",),
        }
        works = {name: partial(self.dump_plainly, *options) for name, options in dumps.items()}
        seconds = await _medians({**works, "ours": self.make})
        restored = await _medians({"plain": self.restore_plainly, "ours": self.restore})
        return [
            Figure("size of the database", size, "GB", at_least=1),
            *(Figure(f"plain {name}", seconds[name], "s") for name in dumps),
            Figure("our backup, with counts, checksums and digests", seconds["ours"], "s"),
            *(Figure(f"our backup to {name}", seconds["ours"] / seconds[name], "x", at_most=1.3) for name in dumps),
            Figure("pg_restore -j2 alone", restored["plain"], "s"),
            Figure("our restore, with the digests of the files", restored["ours"], "s"),
            Figure("our restore to pg_restore -j2", restored["ours"] / restored["plain"], "x", at_most=1.3),
        ]

    async def dump_plainly(self, *options: str) -> float:
        """Dump by pg_dump alone."""
        with tempfile.TemporaryDirectory(dir=self.folder) as target:
            return await _seconds(self.program("pg_dump", f"--file={target}/dump", *options, url=self.url))

    async def make(self) -> float:
        """Make a backup."""
        began = time.monotonic()
        self.made = (await _made(self.url, self.folder)).manifest
        return time.monotonic() - began

    async def restore_plainly(self) -> float:
        """Restore by pg_restore alone, from the same dump."""
        async with scratch_database(self.url, self.manifest) as url:
            place = self.folder / "backups" / file_of(self.manifest.backup_id, "dump")
            options = ("-j2", f"--dbname={name_of(url)}", str(place))
            return await _seconds(self.program("pg_restore", *options, url=url))

    async def restore(self) -> float:
        """Restore as a restore does, the digests of the files looked at before."""
        store = LocalStore(self.folder / "backups")
        async with scratch_database(self.url, self.manifest) as url:
            began = time.monotonic()
            async with opened(self.manifest, store=store, keys=KEYS, folder=self.folder / "opened") as source:
                await restore_into(source=source, url=url)
            return time.monotonic() - began

    @property
    def manifest(self) -> Manifest:
        """The backup that was made last."""
        if self.made is None:
            raise RuntimeError("There is no backup yet.")
        return self.made

    async def program(self, name: str, *options: str, url: str) -> None:
        """Run a program as somebody does by hand."""
        path = self.programs.path(name)
        process = await asyncio.create_subprocess_exec(path, *options, env=libpq_environment(url))
        if await process.wait():
            raise RuntimeError(f"{name} has failed.")


async def _turns(url: str, folder: Path) -> list[Figure]:
    async with connected(url) as connection:
        programs = await find_programs(connection.get_server_version().major)
    return await _Turns(url, folder, programs).measure()


async def _seconds(work: Coroutine[Any, Any, None]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def _medians(works: dict[str, Callable[[], Awaitable[float]]]) -> dict[str, float]:
    """Let each take its turn some times, and return the medians of the seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            seconds[name].append(await work())
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def _places(url: str, folder: Path) -> dict[str, Any]:
    store = LocalStore(folder / "backups")
    return {
        "installation": Installation(url, folder / "blobs", "figures"),
        "destination": Destination(store, KEYS, folder / "drafts"),
    }


async def _made(url: str, folder: Path) -> Made:
    return await make_backup(Order(uuid7()), **_places(url, folder))


async def _felt(url: str, folder: Path, server: RunningServer) -> list[Figure]:
    """Ask the server while nothing else is done, while a backup is made, and while it is verified."""
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        quiet = await _p95(client, asyncio.sleep(QUIET_S))
        making = asyncio.create_task(_made(url, folder))
        during = await _p95(client, making)
        backup_id = making.result().manifest.backup_id
        verifying = asyncio.create_task(_seconds(_verified(backup_id, url, folder)))
        later = await _p95(client, verifying)
    return [
        Figure("verification: digests, restore, every row compared, pg_amcheck", verifying.result(), "s"),
        Figure("p95 of the API while nothing else is done", quiet, "ms"),
        Figure("p95 of the API while a backup is made", during, "ms"),
        Figure("p95 while a backup is made to p95 without", during / quiet, "x", at_most=2),
        Figure("p95 of the API while a backup is verified", later, "ms"),
        Figure("p95 while a backup is verified to p95 without", later / quiet, "x", at_most=2),
    ]


async def _verified(backup_id: UUID, url: str, folder: Path) -> None:
    await verify_backup(backup_id, **_places(url, folder))


async def _p95(client: httpx.AsyncClient, work: Awaitable[Any]) -> float:
    """Ask one question after the other, with a pause between, until some work has ended."""
    going, taken = asyncio.ensure_future(work), []
    questions = cycle(QUESTIONS)
    while not going.done():
        began = time.monotonic()
        await ask(client, next(questions))
        taken.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(PAUSE_S)
    await going
    return statistics.quantiles(taken, n=20)[-1]
