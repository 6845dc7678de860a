"""What jobs and workers bear: databases that are away, renamed or lost, connections that are cut."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import make_url

from maestro.db.tables.enums import JobKind
from maestro.queue.address import jobs_url
from maestro.queue.retention import forget
from tests.fixtures.databases import Databases
from tests.fixtures.jobs_of_tests import notes
from tests.fixtures.worker import Queue, Workers, until


def name_of(queue: Queue) -> str:
    return str(make_url(queue.url).database)


async def reached(queue: Queue, name: str, number: int) -> None:
    async def look() -> bool:
        return len(notes(queue.folder, name)) >= number

    await until(look)


async def fence(databases: Databases, name: str) -> None:
    await databases.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await databases.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


async def test_a_job_goes_on_while_its_database_is_exchanged(
    queue: Queue, workers: Workers, databases: Databases
) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=3, hold=[0])
    await reached(queue, "steps", 1)
    await queue.db.close()
    await fence(databases, name := name_of(queue))
    await databases.run(f"ALTER DATABASE {name} RENAME TO {name}_before")
    (queue.folder / "go").touch()
    await reached(queue, "done", 1)
    await asyncio.sleep(1)
    await databases.run(f"ALTER DATABASE {name}_before RENAME TO {name}")
    await databases.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    ended = await queue.ended(job.id)

    assert (ended.state, ended.crashes, ended.completed) == ("SUCCEEDED", 0, 2)
    assert notes(queue.folder, "steps") == ["0", "1", "2"]
    assert "All steps are done." in await queue.events(job.id)


async def test_a_job_ends_though_its_database_was_made_anew(
    queue: Queue, workers: Workers, databases: Databases
) -> None:
    workers.start(queue.url)
    await queue.start(JobKind.IMPORT, steps=3, hold=[1])
    await reached(queue, "steps", 2)
    await queue.db.close()
    await databases.run(f"DROP DATABASE {name_of(queue)} WITH (FORCE)")
    await databases.run(f"CREATE DATABASE {name_of(queue)} TEMPLATE maestro STRATEGY FILE_COPY")
    (queue.folder / "go").touch()

    await reached(queue, "ended", 1)
    assert notes(queue.folder, "ended") == ["IMPORT SUCCEEDED None"]
    assert notes(queue.folder, "done") == ["0", "1", "2"]


async def test_a_worker_whose_connections_are_cut_keeps_its_jobs(
    queue: Queue, workers: Workers, databases: Databases
) -> None:
    for _ in range(2):
        workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=2, hold=[0])
    await reached(queue, "steps", 1)
    for name in (name_of(queue), make_url(jobs_url(queue.url)).database):
        await databases.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await asyncio.sleep(2)
    (queue.folder / "go").touch()

    assert (await queue.ended(job.id)).crashes == 0
    assert notes(queue.folder, "steps") == ["0", "1"]


async def test_an_end_that_was_never_written_is_written_later(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=1)
    await queue.ended(job.id)
    await asyncio.sleep(0.5)
    async with queue.db.transaction() as tx:
        await tx.fetch_sql(
            "UPDATE job SET state = 'RUNNING', result = NULL, ended_at = NULL, "
            "dispatched_at = now() - interval '1 min' WHERE id = $1",
            job.id,
        )

    ended = await queue.ended(job.id)
    assert (ended.state, ended.result) == ("SUCCEEDED", {"steps": [0]})
    assert notes(queue.folder, "steps") == ["0"]


async def test_what_the_queue_has_lost_is_handed_out_again(queue: Queue, workers: Workers) -> None:
    job = await queue.start(JobKind.IMPORT, steps=1)
    async with queue.db.transaction() as tx:
        await tx.fetch_sql("UPDATE job SET dispatched_at = now() - interval '1 min' WHERE id = $1", job.id)
    workers.start(queue.url)

    assert (await queue.ended(job.id)).state == "SUCCEEDED"
    assert "The queue did not know of it any more; it starts again." in await queue.events(job.id)


async def test_a_job_whose_worker_died_while_it_was_cancelled_is_cancelled(queue: Queue, workers: Workers) -> None:
    worker = workers.start(queue.url)
    job = await queue.start(JobKind.EXPORT)
    await reached(queue, "program", 1)
    worker.kill()
    await queue.cancel(job.id)
    workers.start(queue.url)

    assert (await queue.ended(job.id)).state == "CANCELLED"
    assert len(notes(queue.folder, "program")) == 1


async def test_only_jobs_that_ended_long_ago_are_forgotten(queue: Queue) -> None:
    old, new, live = [await queue.start(JobKind.IMPORT) for _ in range(3)]
    async with queue.db.transaction() as tx:
        for job, age in ((old, 100), (new, 10)):
            await tx.fetch_sql(
                "UPDATE job SET state = 'SUCCEEDED', ended_at = now() - make_interval(days => $2) WHERE id = $1",
                job.id,
                age,
            )
        await tx.fetch_sql(
            "INSERT INTO job_event (id, organization_id, job_id, message) SELECT id, organization_id, id, '' FROM job"
        )

    assert await forget(queue.db, datetime.now(UTC) - timedelta(days=90)) == 1
    assert {row.id for row in await queue.db.fetch_sql("SELECT id FROM job")} == {new.id, live.id}
    assert len(await queue.db.fetch_sql("SELECT id FROM job_event")) == 2
