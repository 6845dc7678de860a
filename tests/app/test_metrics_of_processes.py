"""Metrics of a server with a worker and the process of its errands: one scrape tells what all of them have done."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.app.conftest import Program, Server, folder_in
from tests.fixtures.metrics import Scrape, read
from tests.fixtures.sync_jobs import CREATE, PLAN, START

PATIENCE_S = 30.0
TEST = "mutation ($id: ID!) { testConnector(id: $id) { status } }"
JOB = "query ($id: ID!) { job(id: $id) { state } }"


class Installation:
    """A server with a worker."""

    def __init__(self, server: Server, key: str, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.http = httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}, trust_env=False)

    def ask(self, query: str, **variables: Any) -> Any:
        content = self.http.post("/graphql", json={"query": query, "variables": variables}, timeout=30).json()
        assert "errors" not in content, content
        return content["data"]

    def scrape(self) -> Scrape:
        answer = httpx.get(f"{self.server.url}/metrics", trust_env=False)
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    def until(self, holds: Callable[[Scrape], bool]) -> Scrape:
        deadline = time.monotonic() + PATIENCE_S
        while not holds(told := self.scrape()):
            assert time.monotonic() < deadline, self.server.log()
            time.sleep(0.1)
        return told

    def connector(self, name: str) -> str:
        folder = self.folder / name
        folder.mkdir()
        made = self.ask(CREATE, name=name, config={"local": {"folder": str(folder)}})
        key: str = made["createConnector"]["connector"]["id"]
        return key

    def ended(self, job: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.ask(JOB, id=job)["job"]["state"] != "SUCCEEDED":
            assert time.monotonic() < deadline, self.server.log()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def installation(reachable_folder: Path, initialised: Path) -> Iterator[Installation]:
    with folder_in(reachable_folder) as folder:
        subprocess.run(["cp", "-a", initialised / ".maestro", folder / ".maestro"], check=True)
        program = Program(folder)
        (folder / "file").touch()
        settings = {
            "MAESTRO_WORKERS": "1",
            "MAESTRO_LOCAL_CONNECTOR_FOLDERS": str(folder),
            # Nothing can be put there, so that backups fail.
            "MAESTRO_BACKUP_STORE": str(folder / "file" / "backups"),
        }
        with program.serving(**settings) as server:
            key = program.invoke("key", "create", "--name", "tests").stdout.strip()
            made = Installation(server, key, folder)
            with made.http:
                yield made


def test_one_scrape_tells_of_the_server_and_of_its_worker(installation: Installation) -> None:
    names = ("maestro_processes", "maestro_process_resident_memory_bytes", "maestro_process_threads")
    told = installation.until(lambda told: all(told.value(name, role="worker") > 0 for name in names))
    assert all(told.value(name, role="server") > 0 for name in names)
    assert told.series("maestro_processes") == {("server",): 1, ("worker",): 1}


def test_a_sync_tells_its_objects_and_its_job_its_steps(installation: Installation) -> None:
    ends = {"sourceId": installation.connector("from"), "targetId": installation.connector("to")}
    for name, content in (("a", b"12"), ("b", b"345")):
        (installation.folder / "from" / name).write_bytes(content)
    before = installation.scrape()
    planned = installation.ask(PLAN, input=ends)["planSync"]
    installation.ended(planned["job"]["id"])
    run = installation.ask(START, id=planned["id"])["startSync"]
    installation.ended(run["job"]["id"])
    after = installation.until(
        lambda told: told.value("maestro_job_ends_total", kind="STORAGE_SYNC", state="SUCCEEDED") >= 1
    )
    assert after.since(before, "maestro_sync_objects_total") == {("add",): 2}
    assert after.since(before, "maestro_sync_bytes_total") == {(): 5}
    assert after.since(before, "maestro_job_attempts_total")["STORAGE_SYNC",] == 1
    assert after.since(before, "maestro_job_duration_seconds_count")["STORAGE_SYNC",] == 1
    assert after.since(before, "maestro_job_steps_total")["STORAGE_SYNC", "done"] >= 1
    assert after.value("maestro_jobs_running", kind="STORAGE_SYNC") == 0
    assert after.since(before, "maestro_connectors_opened_total") == {("LOCAL",): 4}


def test_a_step_that_fails_is_told_with_its_code(installation: Installation) -> None:
    before = installation.scrape()
    installation.ask("mutation { startBackup(input: {}) { id } }")
    name = "maestro_job_ends_total"
    after = installation.until(lambda told: told.value(name, kind="BACKUP", state="FAILED") == 1)
    assert sum(after.since(before, "maestro_job_step_failures_total").values()) >= 1
    assert after.since(before, "maestro_job_steps_total")["BACKUP", "failed"] == 1


def test_an_errand_is_told_by_the_server_and_by_the_process_that_runs_it(installation: Installation) -> None:
    before = installation.scrape()
    connector = installation.connector("tested")
    assert installation.ask(TEST, id=connector)["testConnector"]["status"] == "HEALTHY"
    after = installation.until(lambda told: bool(told.since(before, "maestro_connectors_opened_total")))
    assert after.since(before, "maestro_errands_total") == {("TEST", "answered"): 1}
    assert after.since(before, "maestro_errand_duration_seconds_count") == {("TEST",): 1}
    assert after.value("maestro_processes", role="errands") == 1


def test_the_receiver_of_the_log_tells_how_far_it_is(installation: Installation) -> None:
    told = installation.until(lambda told: told.value("maestro_wal_receiver_up") == 1)
    assert "maestro_wal_archive_lag_seconds" in told.names()


def test_what_a_killed_worker_has_counted_stays(installation: Installation) -> None:
    before = installation.until(
        lambda told: told.value("maestro_process_cpu_seconds_total", role="worker", mode="user") > 0
    )
    found = re.findall(r"The worker \S+-(\d+)-\S+ takes jobs", installation.server.log())
    process = psutil.Process(int(found[-1]))
    process.kill()
    gone = installation.until(lambda told: told.value("maestro_processes", role="worker") == 0)
    name = "maestro_process_cpu_seconds_total"
    assert gone.value(name, role="worker", mode="user") >= before.value(name, role="worker", mode="user")
    back = installation.until(lambda told: told.value("maestro_processes", role="worker") == 1)
    assert back.value(name, role="worker", mode="user") >= gone.value(name, role="worker", mode="user")
