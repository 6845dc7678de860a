"""Workers as processes: they run jobs, die, are stopped, and take over from one another."""

import asyncio
import threading
import time
from pathlib import Path

import psutil
import pytest

from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind
from maestro.master_keys import vault_of
from maestro.queue import durable
from maestro.queue.worker import Means, Worker
from maestro.settings import Settings
from tests.fixtures.jobs_of_tests import notes
from tests.fixtures.worker import Queue, RunningWorker, Workers, until


async def reached(queue: Queue, name: str, number: int) -> None:
    """Wait until a job has noted so much."""

    async def look() -> bool:
        return len(notes(queue.folder, name)) >= number

    await until(look)


async def runner_of(queue: Queue, job: Row, *workers: RunningWorker) -> RunningWorker:
    """Which worker runs a job."""
    row = await queue.job(job.id)
    return next(worker for worker in workers if worker.id == row.worker)


async def test_a_job_runs_to_its_end(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=2)
    ended = await queue.ended(job.id)

    assert (ended.state, ended.result, ended.error_code) == ("SUCCEEDED", {"steps": [0, 1]}, None)
    assert (ended.phase, ended.completed, ended.total, ended.unit) == ("Stepping", 1, 10, "steps")
    assert ended.started_at is not None
    assert await queue.events(job.id) == ["Started.", "All steps are done.", "Succeeded."]
    await reached(queue, "ended", 1)
    assert notes(queue.folder, "ended") == ["IMPORT SUCCEEDED None"]


async def test_another_worker_goes_on_with_the_step_in_which_one_was_killed(queue: Queue, workers: Workers) -> None:
    both = [workers.start(queue.url), workers.start(queue.url)]
    job = await queue.start(JobKind.IMPORT, steps=5, hold=[3])
    await reached(queue, "steps", 4)
    (await runner_of(queue, job, *both)).kill()
    killed = time.monotonic()
    await reached(queue, "steps", 5)
    took_over_after = time.monotonic() - killed
    (queue.folder / "go").touch()
    ended = await queue.ended(job.id)

    assert took_over_after < 20
    assert notes(queue.folder, "steps") == ["0", "1", "2", "3", "3", "4"]
    assert (ended.state, ended.crashes, ended.attempt) == ("SUCCEEDED", 1, 1)
    assert "Its worker has died; another one goes on with it." in await queue.events(job.id)


async def test_the_next_start_goes_on_with_what_a_lonely_worker_left(queue: Queue, workers: Workers) -> None:
    worker = workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=2, hold=[1])
    await reached(queue, "steps", 2)
    worker.kill()
    (queue.folder / "go").touch()
    workers.start(queue.url)

    assert (await queue.ended(job.id)).state == "SUCCEEDED"
    assert notes(queue.folder, "steps") == ["0", "1", "1"]


async def test_a_running_step_is_cancelled_with_its_program(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.EXPORT)
    await reached(queue, "program", 1)
    asked = time.monotonic()
    assert (await queue.cancel(job.id)).state == "CANCELLING"
    ended = await queue.ended(job.id)

    assert time.monotonic() - asked < 20
    assert (ended.state, ended.error_code) == ("CANCELLED", None)
    assert not psutil.pid_exists(int(notes(queue.folder, "program")[0]))
    await reached(queue, "ended", 1)
    assert notes(queue.folder, "ended") == ["EXPORT CANCELLED None"]


async def test_a_waiting_job_is_cancelled_and_never_runs(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url, job_concurrency=1)
    first = await queue.start(JobKind.IMPORT, hold=[0])
    await reached(queue, "steps", 1)
    second = await queue.start(JobKind.IMPORT, steps=1)

    async def is_handed_out() -> bool:
        return (await queue.job(second.id)).dispatched_at is not None

    await until(is_handed_out)
    await queue.cancel(second.id)
    cancelled = await queue.ended(second.id)
    (queue.folder / "go").touch()

    assert (cancelled.state, cancelled.started_at) == ("CANCELLED", None)
    assert (await queue.ended(first.id)).state == "SUCCEEDED"
    assert notes(queue.folder, "steps") == ["0"]


async def test_a_cancelled_job_is_tried_again(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, hold=[0])
    await reached(queue, "steps", 1)
    await queue.cancel(job.id)
    await queue.ended(job.id)
    (queue.folder / "go").touch()
    await queue.retry(job.id)

    ended = await queue.ended(job.id)
    assert (ended.state, ended.attempt, ended.cancelled_by_id) == ("SUCCEEDED", 2, None)


async def test_what_fails_and_may_pass_is_tried_again_after_growing_pauses(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url, job_backoff=0.2)
    job = await queue.start(JobKind.STORAGE_SYNC, failures=2)
    ended = await queue.ended(job.id)
    first, second, third = map(float, notes(queue.folder, "tries"))

    assert (ended.state, ended.result) == ("SUCCEEDED", {"tries": 3})
    assert second - first >= 0.15
    assert third - second >= 0.3
    assert len([event for event in await queue.events(job.id) if "is tried again" in event]) == 2


async def test_what_does_not_pass_fails_after_so_many_tries(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url, job_attempts=2)
    ended = await queue.ended((await queue.start(JobKind.STORAGE_SYNC, failures=9)).id)

    assert (ended.state, ended.error_code, ended.is_retryable) == ("FAILED", "TRANSIENT_FAILURE", True)
    assert ended.error_message == "The store does not answer."
    assert len(notes(queue.folder, "tries")) == 2


async def test_what_fails_for_good_is_not_tried_again(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    ended = await queue.ended((await queue.start(JobKind.STORAGE_SYNC, failures=-1)).id)

    assert (ended.state, ended.error_code, ended.is_retryable) == ("FAILED", "BACKUP_REFUSED", False)
    assert len(notes(queue.folder, "tries")) == 1


async def test_a_job_that_kills_its_workers_is_given_up(queue: Queue, workers: Workers) -> None:
    for _ in range(3):
        workers.start(queue.url, job_crashes=1)
    job = await queue.start(JobKind.PURGE)
    ended = await queue.ended(job.id)

    assert (ended.state, ended.error_code, ended.crashes) == ("FAILED", "CRASHED_TOO_OFTEN", 2)
    assert ended.is_retryable
    assert len(notes(queue.folder, "deaths")) == 2
    await reached(queue, "ended", 1)
    assert notes(queue.folder, "ended") == ["PURGE FAILED CRASHED_TOO_OFTEN"]


async def test_a_stopped_worker_leaves_its_jobs_to_others(queue: Queue, workers: Workers) -> None:
    first = workers.start(queue.url)
    job = await queue.start(JobKind.IMPORT, steps=3, hold=[1])
    await reached(queue, "steps", 2)
    first.terminate()
    await asyncio.to_thread(first.process.wait, 20)
    left = await queue.job(job.id)
    (queue.folder / "go").touch()
    workers.start(queue.url)
    ended = await queue.ended(job.id)

    assert (left.state, left.worker) == ("QUEUED", None)
    assert (ended.state, ended.crashes) == ("SUCCEEDED", 0)
    assert notes(queue.folder, "steps") == ["0", "1", "1", "2"]


async def test_a_stopped_worker_ends_what_is_nearly_done(queue: Queue, workers: Workers) -> None:
    worker = workers.start(queue.url, job_drain=10)
    job = await queue.start(JobKind.IMPORT, hold=[0])
    await reached(queue, "steps", 1)
    worker.terminate()
    await asyncio.sleep(0.3)
    (queue.folder / "go").touch()
    await asyncio.to_thread(worker.process.wait, 20)

    assert (await queue.job(job.id)).state == "SUCCEEDED"


async def test_progress_never_runs_backwards_and_is_a_second_late_at_most(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    job = await queue.start(JobKind.SWEEP, seconds=2.5)
    seen: list[tuple[float, int]] = []
    while (row := await queue.job(job.id)).ended_at is None:
        seen.append((time.time(), row.completed or 0))
        await asyncio.sleep(0.02)
    told = [(float(at), int(number)) for at, number in map(str.split, notes(queue.folder, "counted"))]

    assert [number for _, number in seen] == sorted(number for _, number in seen)
    assert len({number for _, number in seen}) >= 4
    assert (await queue.job(job.id)).completed == told[-1][1]
    behind = [at for at, number in seen if number < max((known for then, known in told if then <= at - 1), default=0)]
    assert behind == []


async def test_of_waiting_jobs_the_more_urgent_ones_go_first(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url, job_concurrency=1)
    await queue.start(JobKind.IMPORT, hold=[0])
    await reached(queue, "steps", 1)
    jobs = [await queue.start(JobKind.IMPORT, priority=priority) for priority in (0, 5, -5)]

    async def are_handed_out() -> bool:
        return all([(await queue.job(job.id)).dispatched_at for job in jobs])

    await until(are_handed_out)
    (queue.folder / "go").touch()
    begun = [(await queue.ended(job.id)).started_at for job in jobs]
    assert begun[1] < begun[0] < begun[2]


async def test_jobs_of_the_installation_run_one_at_a_time(queue: Queue, workers: Workers) -> None:
    for _ in range(2):
        workers.start(queue.url)
    for job in [await queue.start(JobKind.BACKUP) for _ in range(3)]:
        assert (await queue.ended(job.id)).state == "SUCCEEDED"

    assert notes(queue.folder, "alone") == ["+", "-"] * 3


async def test_a_job_that_did_a_part_says_what_is_left(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    ended = await queue.ended((await queue.start(JobKind.OPTIMIZE)).id)

    assert (ended.state, ended.result, ended.error_code) == ("PARTIAL", {"done": 1}, "PARTLY_DONE")
    assert ended.error_message == "One of two stores was away."


async def test_a_job_of_no_known_kind_fails(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    ended = await queue.ended((await queue.start(JobKind.VERIFY)).id)

    assert (ended.state, ended.error_code) == ("FAILED", "SERVICE_UNAVAILABLE")


async def test_a_job_does_not_start_before_its_time(queue: Queue, workers: Workers) -> None:
    workers.start(queue.url)
    (moment,) = await queue.db.fetch_sql("SELECT now() + interval '1.5 s' AS then")
    job = await queue.start(JobKind.IMPORT, run_after=moment.then)
    assert (await queue.ended(job.id)).started_at >= moment.then


async def test_a_worker_that_is_orphaned_while_it_starts_ends_at_once(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library of the queue asks again and again for a database that is gone: here it waits until it is let go."""
    begun, let_go = threading.Event(), threading.Event()

    def launch(*_: object, **__: object) -> None:
        begun.set()
        let_go.wait()

    monkeypatch.setattr(durable, "launch", launch)
    settings = Settings(data_dir=tmp_path, _env_file=None)  # type: ignore[call-arg] # as pydantic reads it
    worker = Worker(Means(settings, queue.url, None, vault_of(settings), jobs={}))
    living = asyncio.create_task(worker.run())
    assert await asyncio.to_thread(begun.wait, 10)
    worker.stop(is_hurried=True)
    await asyncio.wait_for(living, 5)
    let_go.set()
