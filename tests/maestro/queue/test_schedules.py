"""Schedules: which of their times fire, and that each does so once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.db.rows import Row
from maestro.db.tables.enums import CatchUp, JobKind
from maestro.queue.schedules import MOST, fire, to_fire
from tests.fixtures.worker import Queue, Workers, until

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def scheduled(queue: Queue, **values: Any) -> UUID:
    given = {
        "id": uuid7(),
        "organization_id": queue.organization_id,
        "created_by_id": queue.user_id,
        "name": "often",
        "kind": JobKind.IMPORT.value,
        "cron": "* * * * * *",
        "input": {"folder": str(queue.folder)},
        "next_run_at": datetime.now(UTC),
        **values,
    }
    places = ", ".join(f"${i + 1}" for i in range(len(given)))
    async with queue.db.transaction() as tx:
        await tx.fetch_sql(f"INSERT INTO job_schedule ({', '.join(given)}) VALUES ({places})", *given.values())
    key: UUID = given["id"]
    return key


async def fired(queue: Queue) -> list[Row]:
    return await queue.db.fetch_sql("SELECT * FROM job WHERE schedule_id IS NOT NULL ORDER BY scheduled_for")


async def test_every_second_is_fired_once_by_three_workers(queue: Queue, workers: Workers) -> None:
    for _ in range(3):
        workers.start(queue.url)
    await scheduled(queue, catch_up=CatchUp.ALL)

    async def five() -> bool:
        return len(await fired(queue)) >= 5

    await until(five)
    times = [job.scheduled_for for job in await fired(queue)]
    assert [then - times[0] for then in times] == [timedelta(seconds=number) for number in range(len(times))]
    assert (await queue.ended((await fired(queue))[0].id)).state == "SUCCEEDED"


async def test_whoever_looks_at_the_same_time_fires_nothing_twice(queue: Queue) -> None:
    now = datetime.now(UTC)
    schedule = await scheduled(queue, next_run_at=now - timedelta(seconds=3), catch_up=CatchUp.ALL)
    counts = await asyncio.gather(*(fire(queue.db) for _ in range(4)))

    jobs = await fired(queue)
    assert sum(counts) == len(jobs)
    assert len({job.scheduled_for for job in jobs}) == len(jobs) >= 3
    assert {(job.kind, job.input["folder"], job.created_by_id) for job in jobs} == {
        ("IMPORT", str(queue.folder), queue.user_id)
    }
    (row,) = await queue.db.fetch_sql("SELECT * FROM job_schedule WHERE id = $1", schedule)
    assert row.last_run_at == jobs[-1].scheduled_for
    assert row.next_run_at > now


async def test_a_time_that_was_fired_already_is_not_fired_again(queue: Queue) -> None:
    schedule = await scheduled(queue, cron="0 0 1 1 *", next_run_at=datetime(2026, 1, 1, tzinfo=UTC))
    await fire(queue.db)
    async with queue.db.transaction() as tx:
        await tx.fetch_sql("UPDATE job_schedule SET next_run_at = '2026-01-01T00:00Z' WHERE id = $1", schedule)
    await fire(queue.db)

    assert len(await fired(queue)) == 1


async def test_a_schedule_that_is_paused_does_not_fire(queue: Queue) -> None:
    await scheduled(queue, is_paused=True)
    assert await fire(queue.db) == 0


async def test_what_was_missed_for_long_is_made_up_for_within_bounds(queue: Queue) -> None:
    await scheduled(queue, next_run_at=datetime.now(UTC) - timedelta(days=30), catch_up=CatchUp.ALL)
    assert await fire(queue.db) == MOST


async def test_a_schedule_that_cannot_be_read_any_more_stops(queue: Queue) -> None:
    schedule = await scheduled(queue, timezone="Mars/Olympus")
    assert await fire(queue.db) == 0
    (row,) = await queue.db.fetch_sql("SELECT next_run_at FROM job_schedule WHERE id = $1", schedule)
    assert row.next_run_at is None


@pytest.mark.parametrize(
    ("catch_up", "due", "wanted"),
    [
        (CatchUp.SKIP, [-7200, -3600], []),
        (CatchUp.SKIP, [-3600, -1, 0], [-1, 0]),
        (CatchUp.LAST, [-7200, -3600], [-3600]),
        (CatchUp.LAST, [-3600, -1, 0], [-1, 0]),
        (CatchUp.ALL, [-7200, -3600, 0], [-7200, -3600, 0]),
    ],
)
def test_missed_times_are_made_up_for_as_wanted(catch_up: CatchUp, due: list[int], wanted: list[int]) -> None:
    def at(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    assert to_fire([at(one) for one in due], NOON, catch_up) == [at(one) for one in wanted]
