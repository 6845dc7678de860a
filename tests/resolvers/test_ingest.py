"""The queue of batches when those who wait in it go away, or the database does."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST
from maestro.ids import Kind, uuid_of
from resolvers import ingest
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

LOCK = "SELECT id FROM run WHERE id = $1 FOR UPDATE"


@pytest.fixture
async def run(api: Api) -> UUID:
    """A run."""
    return uuid_of(Kind.Run, await new_run(api, await new_experiment(api, await new_project(api))))


def logging(api: Api, run: UUID, seq: int) -> "asyncio.Task[Any]":
    """Begin to log a batch of one point."""
    metrics = [{"key": "loss", "steps": [seq], "values": [0.5]}]
    given = {"writer_id": "w", "seq": seq, "metrics": metrics}
    return asyncio.create_task(ingest.log_batch(api.context(), run, given))


async def stored(api: Api) -> list[int]:
    """Which batches are stored."""
    return [row.seq for row in await api.runtime.db.fetch_sql("SELECT seq FROM ingest_batch ORDER BY seq")]


async def test_a_request_that_goes_away_takes_no_other_batch_with_it(api: Api, run: UUID) -> None:
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(LOCK, run)
        waiting = [logging(api, run, seq) for seq in range(6)]
        await asyncio.sleep(0.3)
        for task in waiting[:4]:
            task.cancel()
        gone = await asyncio.gather(*waiting[:4], return_exceptions=True)

    assert [type(one) for one in gone] == [asyncio.CancelledError] * 4
    assert [one.accepted for one in await asyncio.gather(*waiting[4:])] == [1, 1]
    assert await stored(api) == [0, 1, 2, 3, 4, 5]


async def test_a_batch_whose_transaction_was_lost_can_be_sent_again(api: Api, db: Database, run: UUID) -> None:
    # The owner's connection: others see and end nobody's but their own.
    async with db.transaction() as tx:
        await tx.fetch_sql(LOCK, run)
        lost = logging(api, run, 0)
        await asyncio.sleep(0.3)
        await tx.fetch_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(CONNECTION_LOST):
            await lost
    assert await stored(api) == []

    assert (await logging(api, run, 0)).accepted == 1
    assert (await logging(api, run, 0)).accepted == 0
    assert await stored(api) == [0]
