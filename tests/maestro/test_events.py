"""Changes that processes tell each other, also over a connection that breaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from maestro.db.engine import Database
from maestro.events import CHANNEL, Event, Events, publish

PATIENCE_S = 10


@pytest.fixture
async def events(db: Database) -> AsyncIterator[Events]:
    """The ear of a process."""
    found = Events(db)
    await found.start()
    yield found
    await found.stop()


async def tell(db: Database, *told: Event) -> None:
    """Commit a transaction that tells something."""
    async with db.transaction() as tx:
        await publish(tx, told)


async def deafened(db: Database) -> None:
    """End the server process that serves the listening connection."""
    rows = await db.fetch_sql(
        "SELECT pg_terminate_backend(pid, 5000) AS is_gone FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    assert [row.is_gone for row in rows] == [True]


async def test_a_subscriber_hears_of_its_topic_alone(db: Database, events: Events) -> None:
    async with events.subscribed("run:1") as heard:
        await tell(db, Event("run:2"), Event("run:1", {"change": "status"}))

        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", {"change": "status"})


async def test_details_too_long_for_a_notification_arrive_as_a_gap(db: Database, events: Events) -> None:
    async with events.subscribed("run:1") as heard:
        await tell(db, Event("run:1", {"keys": ["k" * 9000]}))

        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", is_gap=True)


async def test_a_subscriber_is_told_of_the_gap_when_the_listening_connection_was_lost(
    monkeypatch: pytest.MonkeyPatch, db: Database, events: Events
) -> None:
    monkeypatch.setattr("maestro.events.SOONEST_S", 1.0)
    async with events.subscribed("run:1") as heard:
        await deafened(db)
        await tell(db, Event("run:1", {"change": "unheard"}))

        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", is_gap=True)
        await tell(db, Event("run:1", {"change": "heard"}))
        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", {"change": "heard"})


async def test_listening_goes_on_after_the_server_refused_connections_for_a_while(db: Database, events: Events) -> None:
    async with events.subscribed("run:1") as heard:
        await db.fetch_sql("ALTER ROLE maestro NOLOGIN")
        try:
            await deafened(db)
            await asyncio.sleep(1.5)
        finally:
            await db.fetch_sql("ALTER ROLE maestro LOGIN")

        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", is_gap=True)
        await tell(db, Event("run:1", {"change": "heard"}))
        assert await asyncio.wait_for(anext(heard), PATIENCE_S) == Event("run:1", {"change": "heard"})


async def test_a_subscriber_that_does_not_keep_up_is_told_of_the_gap(db: Database, events: Events) -> None:
    async with events.subscribed("run:1") as heard:
        for start in range(0, 1200, 100):
            await tell(db, *(Event("run:1", {"i": i}) for i in range(start, start + 100)))
        await db.fetch_sql("SELECT pg_notify($1, $2)", CHANNEL, '{"t":"run:1","d":{"i":"last"}}')

        told: list[Event] = []
        while not told or told[-1].details != {"i": "last"}:
            told.append(await asyncio.wait_for(anext(heard), PATIENCE_S))
        assert [event.is_gap for event in told].count(True) == 1
        assert told[0].is_gap
