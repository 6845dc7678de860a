"""DBOS, behind the few words that are used of it: nothing else but `preparing` knows it.

One workflow stands for all jobs. It is given what the job is, as plain values, and calls back; its steps are what DBOS
keeps. Values are kept as JSON, never pickled.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos import error as dbos_error

from maestro.queue.preparing import silence
from maestro.queue.work import SHARED, SINGLE

VERSION: Final = "1"
"""The version of the jobs' code that workflows belong to. Pinned: a deployment goes on with what an earlier one began.
It is counted up when jobs that are half done could not go on by newer code, and strands them."""
NAME: Final = "maestro"
WORKFLOW: Final = "job"
POOL_SIZE: Final = 5
POLL_S: Final = 0.5
LOWEST_PRIORITY: Final = 2_000_000
"""DBOS starts what has the lowest number first; ours run the other way, from minus to plus a million."""
_BATCH: Final = 500

Cancelled = dbos_error.DBOSWorkflowCancelledError
"""Raised within a job that was cancelled, when it begins its next step or while it runs one."""
ACTIVE: Final = frozenset({"PENDING", "ENQUEUED", "DELAYED"})

Run = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def launch(url: str, *, executor_id: str, concurrency: int, run: Run) -> DBOS:
    """Begin to take work from the jobs database; `run` is called for each job on a loop of DBOS's own, in a thread.

    Blocks while it connects: call it by `asyncio.to_thread`, from whose thread no loop is seen that jobs would share.
    """
    silence()
    config: DBOSConfig = {
        "name": NAME,
        "system_database_url": url,
        "sys_db_pool_size": POOL_SIZE,
        "executor_id": executor_id,
        "application_version": VERSION,
        "serializer": DBOSPortableJSONSerializer(),
        "run_migrations": False,
        "log_level": "WARNING",
    }
    launched = DBOS(config=config)

    # Crashes are counted in the job's row, which knows a worker that has died from one that was stopped.
    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
    async def workflow(job: dict[str, Any]) -> dict[str, Any]:
        return await run(job)

    _register_queues(url, concurrency)
    DBOS.launch()
    return launched


def _register_queues(url: str, concurrency: int) -> None:
    # By a client: what is registered after the launch is looked for a second later.
    client = DBOSClient(system_database_url=url, system_database_pool_size=1, application_name=NAME)
    try:
        client.register_queue(SHARED, worker_concurrency=concurrency, polling_interval_sec=POLL_S)
        client.register_queue(SINGLE, global_concurrency=1, polling_interval_sec=POLL_S)
    finally:
        client.destroy()


def stop() -> None:
    """Take no more work and end what runs at once; it is unfinished, and goes on elsewhere. Blocks for some seconds."""
    DBOS.destroy()


def take_no_more(launched: DBOS) -> None:
    """Take no more work; what runs goes on."""
    for event in launched.background_thread_stop_events:
        event.set()


def enqueue(workflow_id: str, job: Mapping[str, Any], *, queue: str, priority: int) -> None:
    """Have a job run by some worker; nothing happens when the id is known already. Blocks."""
    DBOS.enqueue_workflow_with_options(
        {
            "workflow_name": WORKFLOW,
            "workflow_id": workflow_id,
            "queue_name": queue,
            "app_version": VERSION,
            "priority": min(max(LOWEST_PRIORITY // 2 - priority, 1), LOWEST_PRIORITY),
        },
        dict(job),
    )


def cancel(workflow_id: str) -> None:
    """Cancel a job, be it waiting or running; its running step is cancelled within about a second. Blocks."""
    DBOS.cancel_workflow(workflow_id)


async def step(name: str, function: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Within a job: return what a step has returned earlier, or run it, keep its result and return that."""

    async def call() -> dict[str, Any]:
        return await function()

    return await DBOS.run_step_async({"name": name, "preemptible": True}, call)


def recover(executor_id: str) -> None:
    """Give back to the queue what a worker that has died was running; does nothing when somebody has done so. Blocks.

    The one private call of DBOS that is made: by itself it recovers, at its start, what had the same executor id.
    """
    DBOS._recover_pending_workflows([executor_id])  # noqa: SLF001 -- see docs/adr/0038-jobs.md


def outcomes(workflow_ids: Collection[str]) -> dict[str, tuple[str, dict[str, Any] | None, datetime | None]]:
    """Return the states of workflows by their ids, with what those returned that have, and when they ended. Blocks."""
    found = DBOS.list_workflows(workflow_ids=list(workflow_ids), load_input=False)
    return {
        one.workflow_id: (one.status, cast("dict[str, Any] | None", one.output), _moment(one.completed_at))
        for one in found
    }


def forget(before: datetime) -> int:
    """Delete workflows that ended before a moment, and return how many those were. Blocks."""
    ended = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
    forgotten = 0
    while True:
        found = DBOS.list_workflows(
            status=ended, completed_before=before.isoformat(), limit=_BATCH, load_input=False, load_output=False
        )
        DBOS.delete_workflows([one.workflow_id for one in found])
        forgotten += len(found)
        if len(found) < _BATCH:
            return forgotten


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
