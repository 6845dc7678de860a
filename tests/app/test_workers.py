"""The workers of a server, as processes: they begin and end with it, and are started again."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.app.conftest import Program, Server

PATIENCE_S = 30.0


def workers_of(program: Program) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[3:5] == ["work", "--child"] and process.cwd() == str(program.folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def is_at_work(server: Server, worker: psutil.Process) -> bool:
    """Whether a worker has told the log of its server that it takes jobs."""
    return re.search(rf"The worker \S+-{worker.pid}-\S+ takes jobs", server.log()) is not None


def test_a_worker_is_started_again_and_ends_with_its_server(program: Program) -> None:
    with program.launched(MAESTRO_WORKERS="1") as server:
        until(lambda: len(workers_of(program)) == 1)
        (first,) = workers_of(program)
        first.kill()
        until(lambda: workers_of(program) not in ([], [first]))
        (second,) = workers_of(program)
        until(lambda: is_at_work(server, second))
        assert "A worker has ended with exit code -9" in server.log()
        assert server.stop(signal.SIGTERM) == 0
        assert workers_of(program) == []
        assert "Traceback" not in server.log()


def test_workers_end_with_a_server_that_is_killed(program: Program) -> None:
    with program.launched(MAESTRO_WORKERS="2") as server:
        until(lambda: len(workers_of(program)) == 2)
        first, second = workers_of(program)
        until(lambda: is_at_work(server, first) and is_at_work(server, second))
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: workers_of(program) == [])


def test_a_worker_works_on_its_own(server: Server) -> None:
    program = server.program
    with subprocess.Popen(
        [sys.executable, "-m", "app", "work"],
        cwd=program.folder,
        env=program.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "takes jobs. Ctrl-C stops it." in process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_migrating_makes_the_jobs_database(program: Program) -> None:
    assert program.invoke("migrate").exit_code == 0
    shown = program.invoke("check", "--json")
    (database,) = [found for found in json.loads(shown.stdout)["checks"] if found["check"] == "Database"]
    assert database["message"] == "embedded PostgreSQL, migrations up to date, jobs database there"


@pytest.mark.parametrize("workers", ["-1", "many", "65"])
def test_a_number_of_workers_that_is_none_is_refused(program: Program, workers: str) -> None:
    shown = program.invoke("serve", "--port", "0", MAESTRO_WORKERS=workers)
    assert shown.exit_code == 1
    assert "MAESTRO_WORKERS" in shown.stderr
