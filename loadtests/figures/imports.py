"""How long an MLflow server of a thousand runs takes to come in, the server's own work included.

How long the server needs for the same points when nobody makes anything of them is measured too: no import is quicker.
"""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import orjson
import psutil
from uuid_utils.compat import uuid7

from app.database import database
from connectors.local import LocalBlobs
from connectors.tracking.mlflow_histories import AT_ONCE, BULK, MOST_RUNS
from connectors.tracking.mlflow_source import open_mlflow
from loadtests.figures.results import Figure
from loadtests.figures.server import command
from maestro.db.engine import Database, Scope
from maestro.settings import Settings
from maestro.vendors import Mlflow
from ops.imports.mlflow import import_mlflow
from ops.imports.target import Report, Target, Wanted
from resolvers.setup import ensure_owner

PROGRAM: Final = "FIGURES_MLFLOW_PYTHON"
"""The variable that names the Python of an environment in which `mlflow` is installed whole."""
RUNS: Final = 1000
METRICS: Final = 20
STEPS: Final = 100
BEGAN_MS: Final = 1_767_225_600_000
PATIENCE_S: Final = 300.0
SEED: Final = 7
PROCESSES: Final = 4
"""So many does `mlflow server` start unless told otherwise."""
_TABLES: Final = """
import sys
from mlflow.server.handlers import initialize_backend_stores
initialize_backend_stores(sys.argv[1], sys.argv[1], "mlflow-artifacts:/")
"""
LARGEST: Final = 10**9


def measure() -> list[Figure]:
    """Fill the store of a server, fetch all of it, import it, and import it once more when nothing has changed."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "migrate")
        with _mlflow(folder) as (address, process), database(Settings(data_dir=folder)) as url:
            _fill(folder / "mlflow.db")
            fetched, fetched_s = asyncio.run(_fetch(address))
            theirs, ours = _busy_s(process), time.process_time()
            first, second = asyncio.run(_imports(url, folder, address))
            theirs, ours = _busy_s(process) - theirs, time.process_time() - ours
    finally:
        shutil.rmtree(folder)
    if fetched != RUNS * METRICS * STEPS:
        raise RuntimeError(f"{fetched:,} points were fetched.")
    return [
        Figure("import of 1,000 runs of 20 metrics with 100 points each", first, "s", at_most=60),
        Figure("the same points fetched from the MLflow server and thrown away", fetched_s, "s"),
        Figure("the import compared with that", first / fetched_s, "times"),
        Figure("the same once more, nothing changed", second, "s"),
        Figure("work of the MLflow server during both imports", theirs, "s"),
        Figure("work of ours during both imports", ours, "s"),
    ]


async def _fetch(address: str) -> tuple[int, float]:
    """Return how many points the server has told, and how long that took by its quickest call."""
    began, turns = time.monotonic(), asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S, trust_env=False) as http:
        told = await http.post("/api/2.0/mlflow/runs/search", json={"experiment_ids": ["1"], "max_results": RUNS})
        keys = [one["info"]["run_id"] for one in orjson.loads(told.content)["runs"]]

        async def points(metric: int, start: int) -> int:
            asked = {"run_id": keys[start : start + MOST_RUNS], "metric_key": f"metric-{metric}"}
            async with turns:
                answer = await http.get(BULK, params=asked)
            return answer.content.count(b'"step"')

        wanted = [points(metric, start) for start in range(0, RUNS, MOST_RUNS) for metric in range(METRICS)]
        return sum(await asyncio.gather(*wanted)), time.monotonic() - began


def _busy_s(process: psutil.Process) -> float:
    """Return for how long processors have worked for a process and its children."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


@contextmanager
def _mlflow(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run what `mlflow server` runs, in as many processes, with its rows in SQLite."""
    rows = f"sqlite:///{folder}/mlflow.db"
    settings = {
        "_MLFLOW_SERVER_FILE_STORE": rows,
        "_MLFLOW_SERVER_REGISTRY_STORE": rows,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{folder}/mlflow-files",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    python, port = os.environ.get(PROGRAM, sys.executable), "5577"
    given = {**os.environ, **settings}
    # As the command does: several processes that made the tables at the same time would be in each other's way.
    subprocess.run([python, "-c", _TABLES, rows], env=given, cwd=folder, check=True, timeout=PATIENCE_S)
    options = ["--host=127.0.0.1", f"--port={port}", f"--workers={PROCESSES}", "--log-level=error"]
    patient = f"--timeout-worker-healthcheck={PATIENCE_S:.0f}"
    with subprocess.Popen(
        [python, "-m", "uvicorn", *options, patient, "mlflow.server.fastapi_app:app"], env=given, cwd=folder
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _await(address, process)
            yield address, psutil.Process(process.pid)
        finally:
            process.terminate()


def _await(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    asked = {"max_results": 1}
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.post(f"{address}/api/2.0/mlflow/experiments/search", json=asked, timeout=60).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"The MLflow server does not start. Set {PROGRAM} to a Python that has mlflow.")


def _fill(place: Path) -> None:
    """Write runs with points straight into the store, which takes seconds instead of an hour."""
    chance = random.Random(SEED)
    runs = [UUID(int=chance.getrandbits(128)).hex for _ in range(RUNS)]
    with closing(sqlite3.connect(place)) as store, store:
        store.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, "
            "last_update_time) VALUES (1, 'figures', 'mlflow-artifacts:/1', 'active', ?, ?)",
            (BEGAN_MS, BEGAN_MS),
        )
        store.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
            "VALUES (?, ?, 'UNKNOWN', '', '', 'figures', 'FINISHED', ?, ?, '', 'active', ?, 1)",
            (
                (key, f"run-{i}", BEGAN_MS + i, BEGAN_MS + i + 1000, f"mlflow-artifacts:/1/{key}/artifacts")
                for i, key in enumerate(runs)
            ),
        )
        names = [f"metric-{i}" for i in range(METRICS)]
        store.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)",
            (
                (name, chance.random(), BEGAN_MS + 1000 * step, key, step)
                for key in runs
                for name in names
                for step in range(STEPS)
            ),
        )
        store.executemany(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, 0.5, ?, ?, 0, ?)",
            ((name, BEGAN_MS + 1000 * (STEPS - 1), STEPS - 1, key) for key in runs for name in names),
        )


async def _imports(url: str, folder: Path, address: str) -> tuple[float, float]:
    db = Database(url, pool_size=5)
    try:
        owner = await ensure_owner(db)
        project_id = uuid7()
        async with db.transaction() as tx:
            sql = "INSERT INTO project (id, organization_id, name, slug) VALUES ($1, $2, 'Figures', 'figures')"
            await tx.fetch_sql(sql, project_id, owner.organization_id)
        target = Target(
            db=db.within(Scope(owner.organization_id)),
            organization_id=owner.organization_id,
            project_id=project_id,
            actor_id=owner.user_id,
            blobs=LocalBlobs(folder / "blobs"),
            drafts=folder / "drafts",
            largest_file=LARGEST,
        )
        first, first_s = await _import(target, address)
        _, second_s = await _import(target, address)
    finally:
        await db.close()
    if (first.runs_created, first.points) != (RUNS, RUNS * METRICS * STEPS):
        raise RuntimeError(f"Not all has come: {first}")
    return first_s, second_s


async def _import(target: Target, address: str) -> tuple[Report, float]:
    began = time.monotonic()
    async with open_mlflow(Mlflow.model_validate({"trackingUri": address}), None) as source:
        report = await import_mlflow(source, target, Wanted())
    return report, time.monotonic() - began
