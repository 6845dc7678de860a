"""The pool: what a lost connection and a cancelled request leave behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from maestro.db.engine import Database, Transaction
from maestro.db.rows import CONNECTION_LOST

INSERT = "INSERT INTO organization (id, slug, name) VALUES (gen_random_uuid(), $1, $1)"


@pytest.fixture
async def lone(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection: what one request leaves on it, the next one meets."""
    database = Database(database_url, pool_size=1)
    yield database
    await database.close()


async def backend(database: Database) -> int:
    """The process of the server behind the pool's connection."""
    pid: int = (await database.fetch_sql("SELECT pg_backend_pid() AS pid"))[0].pid
    return pid


async def slugs(database: Database) -> list[str]:
    """What is committed."""
    return [row.slug for row in await database.fetch_sql("SELECT slug FROM organization ORDER BY slug")]


async def terminated(database: Database, pid: int) -> None:
    """End a server process and wait until its client has noticed."""
    await database.fetch_sql("SELECT pg_terminate_backend($1, 5000)", pid)
    await asyncio.sleep(0.1)


async def test_a_connection_that_the_server_closed_while_idle_is_replaced(lone: Database, db: Database) -> None:
    before = await backend(lone)

    await terminated(db, before)

    assert await backend(lone) != before


async def test_a_connection_lost_in_a_transaction_is_replaced_and_nothing_of_it_stays(
    lone: Database, db: Database
) -> None:
    async def request() -> None:
        async with lone.transaction() as tx:
            await tx.fetch_sql(INSERT, "lost")
            await terminated(db, (await tx.fetch_sql("SELECT pg_backend_pid() AS pid"))[0].pid)
            await tx.fetch_sql(INSERT, "more")

    with pytest.raises(CONNECTION_LOST):
        await request()

    async with lone.transaction() as tx:
        await tx.fetch_sql(INSERT, "kept")
    assert await slugs(lone) == ["kept"]


async def in_savepoint(tx: Transaction) -> None:
    async with tx.savepoint():
        await tx.fetch_sql(INSERT, "half")
        await tx.fetch_sql("SELECT pg_sleep(60)")


async def between_statements(tx: Transaction) -> None:
    await tx.fetch_sql(INSERT, "half")
    await asyncio.sleep(60)


async def in_statement(tx: Transaction) -> None:
    await tx.fetch_sql(INSERT, "half")
    await tx.fetch_sql("SELECT pg_sleep(60)")


async def reading(tx: Transaction) -> None:
    await tx.fetch_sql("SELECT pg_sleep(60)")


Work = Callable[[Transaction], Awaitable[None]]
Opened = Callable[[Database], AbstractAsyncContextManager[Transaction]]
REQUESTS: tuple[tuple[Opened, Work], ...] = (
    (Database.transaction, between_statements),
    (Database.transaction, in_statement),
    (Database.transaction, in_savepoint),
    (Database.snapshot, reading),
)


@pytest.mark.parametrize("how", REQUESTS)
async def test_a_cancelled_request_leaves_nothing_behind_and_its_connection_to_nobody(
    lone: Database, db: Database, how: tuple[Opened, Work]
) -> None:
    opened, work = how

    async def request() -> None:
        async with opened(lone) as tx:
            await work(tx)

    used = await backend(lone)
    task = asyncio.create_task(request())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await backend(lone) != used
    assert await slugs(lone) == []
    assert await db.fetch_sql("SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == []
