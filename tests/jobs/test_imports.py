"""IMPORT by a worker that is killed in the middle: another one goes on, and nothing is there twice."""

import asyncio
from typing import Any
from uuid import uuid4

from uuid_utils.compat import uuid7

from maestro.db.tables.enums import JobKind, JobState
from maestro.queue import starting
from ops.imports.mlflow import FIRST_RUNS
from tests.connectors.tracking.contract import history, new_run
from tests.fixtures.mlflow_server import door, opened
from tests.fixtures.worker import Queue, Workers, until

RUNS = FIRST_RUNS + 2
"""More than are read at first, so that some are there and some are not when the worker dies."""


async def insert(queue: Queue, table: str, **values: Any) -> Any:
    row = {"id": uuid7(), "organization_id": queue.organization_id, **values}
    places = ", ".join(f"${i + 1}" for i in range(len(row)))
    async with queue.db.transaction() as tx:
        await tx.fetch_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
    return row["id"]


async def count(queue: Queue, sql: str) -> int:
    return int((await queue.db.fetch_sql(f"SELECT count(*) AS n FROM {sql}"))[0].n)


async def test_an_import_goes_on_after_a_power_cut(queue: Queue, workers: Workers, mlflow_uri: str) -> None:
    name = f"killed {uuid4()}"
    async with opened(mlflow_uri) as source:
        experiment_id = await source.ensure_experiment(name, {})
        runs = [new_run(experiment_id, name=f"r{number}") for number in range(RUNS)]
        await asyncio.gather(*(source.put_run(run, [history("loss", [3, 2, n])]) for n, run in enumerate(runs)))
    async with door(mlflow_uri) as held:
        project = await insert(queue, "project", name="p", slug="p")
        connector = await insert(queue, "connector", kind="MLFLOW", name="m", config={"trackingUri": held.uri})
        source_of_it = {
            "what": "MLFLOW",
            "connector_id": str(connector),
            "project_id": str(project),
            "experiments": [name],
        }
        # After the first runs the server does not answer for a while, so that the worker dies in the middle.
        held.answers = lambda _method, path: (
            (503, b"") if "get-history" in path and sum("get-history" in one for one in held.asked) > 1 else None
        )
        async with queue.db.transaction() as tx:
            job = await starting.start(
                tx,
                organization_id=queue.organization_id,
                kind=JobKind.IMPORT,
                input={"source": source_of_it},
                created_by_id=queue.user_id,
            )
        first = workers.start(queue.url, is_real=True)

        async def some() -> int:
            return await count(queue, "run")

        before = await until(some)
        first.kill()
        assert 0 < before < RUNS
        held.answers = lambda _method, _path: None
        workers.start(queue.url, is_real=True)
        done = await queue.ended(job.id)
    assert (done.state, done.error_message) == (JobState.SUCCEEDED, None)
    assert (done.result["runs_created"], done.result["runs_unchanged"]) == (RUNS - before, before)
    assert await count(queue, "run") == RUNS
    assert await count(queue, "metric_series") == RUNS
    numbers = await queue.db.fetch_sql("SELECT number, created_by_id FROM run ORDER BY number")
    assert [row.number for row in numbers] == list(range(1, RUNS + 1))
    assert {row.created_by_id for row in numbers} == {queue.user_id}
    points = await queue.db.fetch_sql("SELECT sum(n)::bigint AS n FROM metric_series")
    assert points[0].n == 3 * RUNS
    assert [row.last_run_number for row in await queue.db.fetch_sql("SELECT last_run_number FROM project")] == [RUNS]
