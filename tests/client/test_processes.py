"""Runs and the processes that they are in: signals, forks, ends that nobody has asked for."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from maestro_client import Client, Run, run
from tests.client.conftest import Server, points
from tests.rules.sources import ROOT

PROGRAM = """
    import os, signal, sys, time
    import maestro_client

    @maestro_client.track(project="Digits")
    def train(run):
        run.log({"loss": 1.0})
        run.flush()
        WHAT

    train()
"""


def program(server: Server, folder: Path, *, what: str, text: str = PROGRAM) -> "subprocess.CompletedProcess[str]":
    """Run a program that trains, in a process of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    env |= {"PYTHONPATH": str(ROOT / "client"), "MAESTRO_URL": server.url, "MAESTRO_API_KEY": server.key}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text).replace("WHAT", what)],
        cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


async def test_a_process_that_the_system_ends_ends_its_run_first(server: Server, tmp_path: Path) -> None:
    what = "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    done = await asyncio.to_thread(program, server, tmp_path, what=what)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    found = await server.run()
    assert (found["status"], points(found)) == ("KILLED", {"loss": [(0, 1.0)]})


async def test_a_signal_that_comes_while_a_run_ends_waits_for_the_end(server: Server, tmp_path: Path) -> None:
    what = "run.log({'loss': 2.0}); end = run.end\n"
    what += "    def ending(*given): run.end = end; os.kill(os.getpid(), signal.SIGTERM); end(*given)\n"
    what += "    run.end = ending"
    done = await asyncio.to_thread(program, server, tmp_path, what=what)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    found = await server.run()
    assert (found["status"], points(found)) == ("FINISHED", {"loss": [(0, 1.0), (1, 2.0)]})


async def test_a_process_that_was_forked_logs_nothing_and_ends_nothing(server: Server, tmp_path: Path) -> None:
    what = "child = os.fork()\n    if not child:\n        run.log({'loss': 2.0}); sys.exit(0)\n    os.waitpid(child, 0)"
    done = await asyncio.to_thread(program, server, tmp_path, what=what)
    assert done.returncode == 0, done.stderr
    found = await server.run()
    assert (found["status"], points(found)) == ("FINISHED", {"loss": [(0, 1.0)]})


UNENDED = """
    import maestro_client
    run = maestro_client.run(project="Digits")
    run.log({"loss": 1.0})
    WHAT
"""


@pytest.mark.parametrize(("what", "status"), [("pass", "FINISHED"), ("raise ValueError('bad')", "FAILED")])
async def test_a_run_that_nobody_ends_ends_with_the_process(
    *, server: Server, tmp_path: Path, what: str, status: str
) -> None:
    await asyncio.to_thread(program, server, tmp_path, what=what, text=UNENDED)
    found = await server.run()
    assert (found["status"], points(found)) == (status, {"loss": [(0, 1.0)]})


def test_a_key_is_shown_nowhere() -> None:
    client = Client("http://127.0.0.1:1", "mst_secret")
    assert [repr(client), repr(client.line()), str(vars(client))] == [
        "Client('http://127.0.0.1:1')",
        "Line('http://127.0.0.1:1')",
        str({**vars(client)}),
    ]
    assert "mst_secret" not in f"{client!r}{client.line()!r}{vars(client)}"


def test_a_run_is_shown_by_its_id(tmp_path: Path) -> None:
    begun: Run = run(Client("http://127.0.0.1:1", unsent=tmp_path))
    assert repr(begun) == "Run(id=None)"
    begun.abandon()
