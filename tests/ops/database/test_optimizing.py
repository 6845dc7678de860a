"""Optimising: what needs it is vacuumed, analysed and rebuilt, nobody waits, and it may be cut off at any point."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from maestro.db.engine import Database
from maestro.errors import Conflict
from ops.database import indexes, optimizing
from ops.database.optimizing import ActionState, Optimized, Verb, optimize

FILL = """
CREATE TABLE worn (id int PRIMARY KEY, name text, n int DEFAULT 0) WITH (autovacuum_enabled = off);
INSERT INTO worn SELECT i, md5(i::text) FROM generate_series(1, 40000) i;
CREATE INDEX worn_name ON worn (name);
ANALYZE worn;
DELETE FROM worn WHERE id % 4 <> 0;
SELECT pg_stat_force_next_flush();
"""
NEW = """
CREATE TABLE fresh (id int) WITH (autovacuum_enabled = off);
INSERT INTO fresh SELECT generate_series(1, 2000);
SELECT pg_stat_force_next_flush();
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of tests are small, and nobody waits for ten seconds."""
    monkeypatch.setattr(indexes, "BLOATED_FROM", 100_000)
    monkeypatch.setattr(optimizing, "LOCK_TIMEOUT_S", 1)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Any]:
    """Another program's connection to the same database."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.fixture
async def worn(other: Any) -> Any:
    """The same, with a table that has been much written to."""
    await other.execute(FILL)
    # Each connection says by itself, from time to time, what it has done.
    await other.fetch("SELECT 1")
    return other


def told(done: Optimized) -> list[tuple[Verb, str, ActionState]]:
    return [(one.verb, one.subject, one.state) for one in done.actions]


async def until(asked: Callable[[], Awaitable[object]]) -> None:
    """Wait until something is so; ten seconds without it fail the test."""
    for _ in range(1_000):
        if await asked():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def locked(connection: Any) -> Callable[[], Awaitable[object]]:
    return lambda: connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")


async def broken(db: Database) -> set[str]:
    return {one.name for one in await indexes.read(db) if not one.is_valid}


async def test_dead_rows_are_removed_and_then_the_bloated_indexes_are_rebuilt(
    database_url: str, db: Database, worn: Any
) -> None:
    done = await optimize(database_url)
    assert told(done) == [
        (Verb.VACUUM, "worn", ActionState.DONE),
        (Verb.REINDEX, "worn_name", ActionState.DONE),
        (Verb.REINDEX, "worn_pkey", ActionState.DONE),
    ]
    assert done.bytes_gained > 1_000_000
    assert all(one.bytes_gained == (one.bytes_before or 0) - (one.bytes_after or 0) for one in done.actions[1:])
    assert told(await optimize(database_url)) == []
    assert await broken(db) == set()
    assert await worn.fetchval("SELECT count(*) FROM worn") == 10_000


async def test_a_table_that_was_never_analysed_is(database_url: str, db: Database, other: Any) -> None:
    await other.execute(NEW)
    await other.fetch("SELECT 1")
    done = await optimize(database_url)
    assert told(done) == [(Verb.ANALYZE, "fresh", ActionState.DONE)]
    (row,) = await db.fetch_sql("SELECT reltuples FROM pg_class WHERE relname = 'fresh'")
    assert row.reltuples == 2_000


async def test_a_dry_run_tells_what_would_be_done_and_does_nothing(database_url: str, worn: Any) -> None:
    before = await worn.fetchval("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'worn'")
    plan = await optimize(database_url, dry_run=True)
    assert plan.is_dry_run
    assert told(plan) == [(Verb.VACUUM, "worn", ActionState.PLANNED)]
    assert plan.actions[0].reason == "75% of its rows are dead."
    assert plan.bytes_gained == 0
    assert await worn.fetchval("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'worn'") == before


async def test_of_two_at_once_the_second_is_refused_and_the_lock_ends_with_the_first(
    database_url: str, worn: Any
) -> None:
    await worn.execute("BEGIN; LOCK TABLE worn IN SHARE UPDATE EXCLUSIVE MODE")
    first = asyncio.create_task(optimize(database_url))
    await until(locked(worn))
    with pytest.raises(Conflict):
        await optimize(database_url)
    await worn.execute("COMMIT")
    assert told(await first)[0] == (Verb.VACUUM, "worn", ActionState.DONE)
    assert told(await optimize(database_url)) == []


async def test_who_holds_a_lock_is_left_alone_and_the_rest_is_done(database_url: str, worn: Any) -> None:
    await worn.execute(NEW)
    await worn.execute("BEGIN; LOCK TABLE worn IN SHARE UPDATE EXCLUSIVE MODE")
    done = await optimize(database_url)
    await worn.execute("COMMIT")
    assert told(done) == [(Verb.VACUUM, "worn", ActionState.SKIPPED), (Verb.ANALYZE, "fresh", ActionState.DONE)]
    assert done.actions[0].message == "Somebody else was at it, or in a long transaction, for more than 1 seconds."


async def test_a_long_transaction_puts_a_rebuilding_off_and_what_it_left_is_removed_the_next_time(
    database_url: str, db: Database, worn: Any
) -> None:
    await worn.execute("VACUUM ANALYZE worn")
    await worn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM worn")
    done = await optimize(database_url)
    assert {state for _, _, state in told(done)} == {ActionState.SKIPPED}
    left = await broken(db)
    assert left
    assert all(name.startswith("worn_") and "_ccnew" in name for name in left)
    await worn.execute("COMMIT")
    done = await optimize(database_url)
    assert {subject for verb, subject, _ in told(done) if verb is Verb.DROP} == left
    assert {state for _, _, state in told(done)} == {ActionState.DONE}
    assert await broken(db) == set()


async def test_cut_off_in_the_middle_nothing_is_lost_and_the_next_one_finishes(
    database_url: str, db: Database, worn: Any
) -> None:
    await worn.execute("VACUUM ANALYZE worn")
    await worn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM worn")
    task = asyncio.create_task(optimize(database_url))
    await until(lambda: broken(db))
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 30
    await worn.execute("COMMIT")
    await until(lambda: worn.fetchval("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"))
    done = await optimize(database_url)
    assert {state for _, _, state in told(done)} == {ActionState.DONE}
    assert await broken(db) == set()
    assert await worn.fetchval("SELECT count(*) FROM worn") == 10_000


async def test_an_index_that_somebody_else_is_building_is_not_taken_for_a_leftover(
    database_url: str, db: Database, worn: Any
) -> None:
    await optimize(database_url)
    blocker = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await blocker.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM worn")
    building = asyncio.create_task(worn.execute("CREATE INDEX CONCURRENTLY mine_ccnew ON worn (n)"))
    await until(lambda: broken(db))
    assert told(await optimize(database_url)) == []
    await blocker.execute("COMMIT")
    await blocker.close()
    await building
    assert await broken(db) == set()


async def test_an_index_that_cannot_be_rebuilt_says_why(database_url: str, other: Any) -> None:
    await other.execute("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await other.execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON t (a)")
    done = await optimize(database_url)
    assert told(done) == [(Verb.REINDEX, "twice", ActionState.FAILED)]
    assert done.actions[0].message is not None
    assert done.actions[0].message.startswith("could not create unique index")


async def test_writers_go_on_while_it_works(database_url: str, worn: Any) -> None:
    # Whoever waits for a lock waits as long as a rebuilding takes, or the time after which it gives up.
    await worn.execute("SET lock_timeout = '700ms'")
    is_over = asyncio.Event()

    async def write() -> None:
        number = 1_000_000
        while not is_over.is_set():
            number += 1
            await worn.execute(f"INSERT INTO worn VALUES ({number}, 'x'); UPDATE worn SET n = n + 1 WHERE id = 4")
            await asyncio.sleep(0)

    writer = asyncio.create_task(write())
    assert {state for _, _, state in told(await optimize(database_url))} == {ActionState.DONE}
    is_over.set()
    await writer


async def test_it_tells_how_far_it_is(database_url: str, worn: Any) -> None:
    phases: list[tuple[str, int | None, int | None]] = []

    def tell(phase: str, completed: int | None = None, total: int | None = None, **_: str | None) -> None:
        phases.append((phase, completed, total))

    await optimize(database_url, progress=tell)
    assert phases == [
        ("Vacuum worn", 0, 1),
        ("Reindex worn_name", 1, 3),
        ("Reindex worn_pkey", 2, 3),
        ("Optimised", 3, 3),
    ]
