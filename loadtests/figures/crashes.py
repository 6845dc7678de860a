"""What is lost when workers are killed while they back up and restore: nothing that was acknowledged may be."""

import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, command, environment, running
from maestro.postgres import attached

ROUNDS: Final = 30
LONGEST_S: Final = 2.5
"""A worker is killed within so long after a job has begun; a job takes about as long."""
PATIENCE_S: Final = 180.0
PAUSE_S: Final = 0.02
LIVE: Final = ("QUEUED", "RUNNING", "CANCELLING")
BACKUP: Final = "mutation { done: startBackup { id job { id } } }"
RESTORE: Final = "mutation ($id: ID!) { done: startRestore(backupId: $id) { id job { id } } }"
JOB: Final = "query ($id: ID!) { job(id: $id) { state crashes result error { code message } } }"
_DATABASES: Final = "SELECT datname FROM pg_database WHERE datname = 'maestro' OR datname LIKE 'maestro_before_%'"
WRITE: Final = """mutation ($name: String!) {
    done: createProject(input: { name: $name }) { __typename ... on ProjectSaved { project { id } } }
}"""


@dataclass
class Round:
    """One job whose worker was killed."""

    kind: str
    crashes: int
    lost: int
    seconds: float
    has_succeeded: bool


@dataclass
class Writer:
    """Writes one project after another through the API, and remembers those that were acknowledged."""

    url: str
    key: str
    acknowledged: list[str] = field(default_factory=list)
    number: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Write until `stopping` is set; what is refused or cut off was not acknowledged."""
        with httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=30) as http:
            while not self.stopping.is_set():
                self.number += 1
                name = f"Ledger {self.number}"
                answer = http.post("/graphql", json={"query": WRITE, "variables": {"name": name}})
                if (answer.json().get("data") or {}).get("done", {}).get("__typename") == "ProjectSaved":
                    self.acknowledged.append(name)
                time.sleep(PAUSE_S)


def measure() -> list[Figure]:
    """Kill workers at random moments of backups and restores, and look for every write that was acknowledged."""
    with tempfile.TemporaryDirectory(prefix="maestro-figures-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        command(folder, "seed")
        with running(folder, MAESTRO_WORKERS="0") as server, _writing(server) as writer:
            rounds = list(_rounds(folder, server, writer))
    restores = [one for one in rounds if one.kind == "restore"]
    return [
        Figure(
            f"workers killed with -9 during {len(rounds)} backups and restores",
            _crashes(rounds),
            "kills",
            at_least=20,
        ),
        Figure("  acknowledged writes that are lost", sum(one.lost for one in rounds), "writes", at_most=0),
        Figure("  of the writes that were acknowledged", len(writer.acknowledged), "writes"),
        Figure("  jobs that went on and succeeded", sum(one.has_succeeded for one in rounds), "jobs", at_least=30),
        Figure("  restores among them", len(restores), "jobs"),
        Figure("  longest job, with its kill", max(one.seconds for one in rounds), "s"),
    ]


def _crashes(rounds: list[Round]) -> int:
    return sum(one.crashes for one in rounds)


def _rounds(folder: Path, server: RunningServer, writer: Writer) -> Iterator[Round]:
    rng, backup = random.Random(20261129), ""
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {server.key}"}, timeout=30) as http:
        for number in range(ROUNDS):
            kind = "backup" if number % 2 == 0 else "restore"
            since, began = len(writer.acknowledged), time.monotonic()
            worker = _worker(folder)
            done = _asked(http, BACKUP if kind == "backup" else RESTORE, id=backup)["done"]
            _reached(http, done["job"]["id"], "RUNNING")
            time.sleep(rng.uniform(0.0, LONGEST_S))
            worker.kill()
            worker.wait()
            worker = _worker(folder)
            job = _ended(http, done["job"]["id"])
            worker.terminate()
            worker.wait()
            if kind == "backup":
                backup = done["id"]
            lost = _missing(folder, set(writer.acknowledged[since:]))
            yield Round(kind, job["crashes"], len(lost), time.monotonic() - began, job["state"] == "SUCCEEDED")


def _worker(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "app", "work"],
        env=environment(folder, {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _writing(server: RunningServer) -> Iterator[Writer]:
    writer = Writer(server.url, server.key)
    thread = threading.Thread(target=writer.run, name="writer")
    thread.start()
    try:
        yield writer
    finally:
        writer.stopping.set()
        thread.join()


def _asked(http: httpx.Client, query: str, **variables: Any) -> Any:
    """Return the data of an operation, which is sent again while the database is exchanged."""
    until = time.monotonic() + PATIENCE_S
    while True:
        content = http.post("/graphql", json={"query": query, "variables": variables}).json()
        if "errors" not in content:
            return content["data"]
        if content["errors"][0]["extensions"]["code"] not in ("RESTORING", "SERVICE_UNAVAILABLE"):
            raise RuntimeError(str(content["errors"]))
        if time.monotonic() > until:
            raise TimeoutError(str(content["errors"]))
        time.sleep(0.2)


def _reached(http: httpx.Client, job_id: str, state: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while _asked(http, JOB, id=job_id)["job"]["state"] != state and time.monotonic() < until:
        time.sleep(0.05)


def _ended(http: httpx.Client, job_id: str) -> Any:
    until = time.monotonic() + PATIENCE_S
    while (job := _asked(http, JOB, id=job_id)["job"])["state"] in LIVE:
        if time.monotonic() > until:
            raise TimeoutError(str(job))
        time.sleep(0.2)
    return job


def _missing(folder: Path, names: set[str]) -> set[str]:
    """Return those of some projects that neither the database in use has nor one that it has replaced."""
    return names - asyncio.run(_names(folder))


async def _names(folder: Path) -> set[str]:
    """Return the names of the projects in the database in use and in those that it has replaced."""
    found: set[str] = set()
    with attached(folder) as address:
        cluster = await asyncpg.connect(replace(address, database="postgres").url("postgresql"))
        databases = [row[0] for row in await cluster.fetch(_DATABASES)]
        for database in databases:
            # Those that were replaced are closed, but for this look.
            await cluster.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
            connection = await asyncpg.connect(replace(address, database=database).url("postgresql"))
            found |= {row[0] for row in await connection.fetch("SELECT name FROM project")}
            await connection.close()
            if database != address.database:
                await cluster.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await cluster.close()
    return found
