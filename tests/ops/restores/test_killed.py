"""Whoever exchanges databases is killed at every kind of instant: what is left is always one of the two, whole."""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from maestro.db.direct import named
from maestro.db.engine import OWNER_ROLE, Database
from maestro.db.rows import CONNECTION_LOST
from ops.restores.databases import set_open
from ops.restores.fence import undo_abandoned_fence
from ops.restores.swap import swap
from tests.fixtures.exchange import Cluster, cluster_of, read, write
from tests.fixtures.exchange_stem import LATER

PATIENCE_S = 10
ROOT = Path(__file__).parents[3]
KILLS = 20
AT_THE_END = 8
"""So many of them are among the last statements, which exchange the names."""
NEVER = 1_000_000
ADD = """INSERT INTO "user" (id, email, name) VALUES ($1, 'x', 'x')"""
WHICH = "SELECT name FROM organization WHERE slug = 'which'"


@dataclass
class Stem:
    """The process that exchanges databases, and dies."""

    process: asyncio.subprocess.Process

    async def exchange(self, **order: Any) -> dict[str, int]:
        """Let a child exchange databases until it dies, and return of what, or how many statements it took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        found: dict[str, int] = json.loads(line)
        return found


@pytest.fixture
async def stem() -> AsyncIterator[Stem]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.fixtures.exchange_stem",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    yield Stem(process)
    process.kill()
    await process.wait()


@dataclass
class Ledger:
    """Writes to the database in use, all the time, and notes what was acknowledged."""

    db: Database
    acknowledged: set[UUID] = field(default_factory=set)

    async def write(self) -> None:
        while True:
            key = uuid4()
            try:
                async with self.db.transaction() as tx:
                    await tx.fetch_sql(ADD, key)
            except CONNECTION_LOST:
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.add(key)
                await asyncio.sleep(0.002)


@asynccontextmanager
async def written(url: str) -> AsyncIterator[Ledger]:
    db = Database(url, pool_size=1, system_role=OWNER_ROLE)
    ledger = Ledger(db)
    task = asyncio.create_task(ledger.write())
    yield ledger
    assert not task.done(), task.exception()
    task.cancel()
    await asyncio.wait([task])
    await db.close()


@pytest.fixture
async def cluster(database_url: str) -> AsyncIterator[Cluster]:
    async with cluster_of(database_url) as cluster:
        await write(cluster.url, "INSERT INTO organization (id, slug, name) VALUES ($1, 'which', 'A')", uuid4())
        yield cluster


@dataclass
class Places:
    """Two databases, A and B, one of which is in use; they change places again and again."""

    cluster: Cluster
    stem: Stem
    in_use: str = "A"
    waiting: str = "B"
    coming: str = ""
    since: str | None = None

    async def change(self, number: int, *, statement: int, after_s: float = 0) -> dict[str, int]:
        """Let somebody exchange them who is killed at a statement, then look, and go on where they have stopped."""
        url, by = self.cluster.url, f"exchange-{number}"
        ended = await self.stem.exchange(
            url=url,
            coming=self.coming,
            by=by,
            restore=str(uuid4()),
            since=self.since,
            statement=statement,
            after_s=after_s,
        )
        undone = await undo_abandoned_fence(url)
        async with asyncio.timeout(PATIENCE_S):
            # The server may still be at the last statement of whoever was killed.
            while not (await self.cluster.found()).is_open:
                undone = await undo_abandoned_fence(url) or undone
        assert await read(url, WHICH) in (self.in_use, self.waiting)
        done = await swap(url, self.coming, by=by, keep_until=LATER)
        assert await read(url, WHICH) == self.waiting
        self.in_use, self.waiting = self.waiting, self.in_use
        self.coming, self.since = done.kept, done.at.isoformat()
        return {**ended, "undone": undone, "completed": done.unavailable_ms is None}


@pytest.fixture
async def places(cluster: Cluster, stem: Stem) -> Places:
    coming = f"{cluster.name}_coming"
    await write(await cluster.copy(coming), "UPDATE organization SET name = 'B' WHERE slug = 'which'")
    return Places(cluster, stem, coming=coming)


def instants(statements: int) -> Iterator[tuple[int, float]]:
    """Twenty statements, and how long after each one somebody is killed; the end is what matters most."""
    chance = random.Random(20261129)
    early = [1 + (statements - AT_THE_END) * part // (KILLS - AT_THE_END) for part in range(KILLS - AT_THE_END)]
    late = [statements - part for part in range(AT_THE_END)]
    for number in chance.sample([*early, *late], KILLS):
        yield number, chance.choice([0, 0, 0.0005, 0.002])


async def test_whoever_exchanges_is_killed_20_times_and_nothing_is_lost(cluster: Cluster, places: Places) -> None:
    async with written(cluster.url) as ledger:
        # The first time it is a little less: what is to come in is open.
        await places.change(-1, statement=NEVER)
        whole = await places.change(0, statement=NEVER)
        ends = [
            await places.change(number, statement=statement, after_s=after_s)
            for number, (statement, after_s) in enumerate(instants(whole["statements"]), 1)
        ]
    assert sum(end["signal"] == signal.SIGKILL for end in ends) >= KILLS - 3
    assert sum(end["undone"] for end in ends) >= KILLS // 4
    assert sum(end["completed"] for end in ends) >= 1
    await set_open(cluster.connection, places.coming, is_open=True)
    assert await cluster.names() == sorted([cluster.name, places.coming])
    urls = cluster.url, named(cluster.url, places.coming)
    there = {one for url in urls for one in await read(url, 'SELECT array_agg(id) FROM "user"')}
    assert len(ledger.acknowledged) > KILLS
    assert ledger.acknowledged - there == set()
