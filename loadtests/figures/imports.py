"""How long an MLflow server of a thousand runs takes to come in, the server's own work included."""

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
import psutil
from uuid_utils.compat import uuid7

from app.database import database
from connectors.local import LocalBlobs
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
PATIENCE_S: Final = 120.0
SEED: Final = 7
LARGEST: Final = 10**9


def measure() -> list[Figure]:
    """Fill the store of a server, import it, and import it once more when nothing has changed."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "migrate")
        with _mlflow(folder) as (address, process), database(Settings(data_dir=folder)) as url:
            _fill(folder / "mlflow.db")
            before = process.cpu_times().user
            first, second = asyncio.run(_imports(url, folder, address))
            busy_s = process.cpu_times().user - before
    finally:
        shutil.rmtree(folder)
    return [
        Figure("import of 1,000 runs of 20 metrics with 100 points each", first, "s", at_most=60),
        Figure("the same once more, nothing changed", second, "s"),
        Figure("work of the MLflow server meanwhile", busy_s, "s"),
    ]


@contextmanager
def _mlflow(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run what `mlflow server` runs, in one process, with its rows in SQLite."""
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
    options = ["-m", "uvicorn", "--host=127.0.0.1", f"--port={port}", "--log-level=error"]
    with subprocess.Popen(
        [python, *options, "mlflow.server.fastapi_app:app"], env={**os.environ, **settings}, cwd=folder
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
            # It makes its tables when it is first asked.
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
