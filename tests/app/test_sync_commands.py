"""`python -m app sync`: what is printed, for people and for programs."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from maestro.settings import Settings
from tests.fixtures.graphql import Api
from tests.fixtures.sync_jobs import Place
from tests.fixtures.syncs import LATE, write
from tests.fixtures.worker import Queue, Workers

Run = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, Any]:
    """Folders of the test may be connected to."""
    return {"local_connector_folders": (tmp_path,)}


@pytest.fixture
async def place(api: Api, queue: Queue, workers: Workers, tmp_path: Path) -> Place:  # noqa: PLR0917 -- fixtures
    """An installation with two folders, and a worker."""
    made = Place(api, queue, workers, tmp_path)
    made.source.mkdir()
    made.target.mkdir()
    await made.folders()
    made.work()
    return made


@pytest.fixture
def run(settings: Settings, server_url: str) -> Run:
    """Runs a command beside the server of the test, on its database and data folder."""
    environment = {"MAESTRO_DATA_DIR": str(settings.data_dir), "MAESTRO_DATABASE_URL": server_url}

    async def invoke(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment, catch_exceptions=False)

    return invoke


async def test_a_sync_is_planned_started_listed_and_shown(place: Place, run: Run) -> None:
    write(place.source, "data/new", b"123")
    write(place.source, "data/theirs", b"1")
    write(place.target, "theirs", b"22", at=LATE)
    write(place.source, "data/a", b"1")
    write(place.target, "a/b", b"2")
    planned = await run("sync", "plan", "Here", "There", "--from", "data", "--exclude", "*.tmp")
    assert planned.exit_code == 0, planned.stdout
    lines = planned.stdout.splitlines()
    assert [line.split()[0] for line in lines if " are copied" in line or " stay, " in line] == ["2", "1"]
    assert "carries it out, until " in lines[-1]
    plan = lines[-1].partition("sync start ")[2].split()[0].strip("`")
    (planned_line,) = (await run("sync", "plans", "--state", "ready")).stdout.splitlines()[1:]
    told = planned_line.split()
    assert (told[:4], told[-2:]) == ([plan, "Here", "There", "ready"], ["2", "1"])
    assert json.loads((await run("sync", "plans", "--json")).stdout)["plans"][0]["summary"]["add"]["count"] == 2
    started = await run("sync", "start", plan)
    assert started.exit_code == 1
    assert "PARTLY_DONE: 1 object could not be dealt with." in started.stdout
    assert "STORE_FAILED" in started.stdout
    (listed,) = json.loads((await run("sync", "list", "--json")).stdout)["syncs"]
    assert (listed["status"], listed["stats"]["added"], listed["stats"]["failed"]) == ("PARTIAL", 1, 1)
    line = (await run("sync", "list")).stdout.splitlines()[1].split()
    assert line[:4] == [listed["id"][-8:], "Here", "There", "partial"]
    shown = await run("sync", "show", listed["id"][-8:])
    assert shown.stdout.splitlines()[1].split() == ["id", listed["id"]]
    assert json.loads((await run("sync", "show", listed["id"], "--json")).stdout)["id"] == listed["id"]


async def test_what_is_not_there_is_told(place: Place, run: Run) -> None:
    del place
    for command in (("plan", "Nowhere", "There"), ("start", "ab"), ("show", "ab"), ("rollback", "ab")):
        done = await run("sync", *command)
        assert done.exit_code == 1
        assert "There is no " in done.stderr
    empty = await run("sync", "list")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "There are no syncs." in empty.stderr
    for options, told in (((), "There are no plans."), (("--state", "ready"), "There are no such plans.")):
        no_plans = await run("sync", "plans", *options)
        assert (no_plans.exit_code, no_plans.stdout) == (0, "")
        assert no_plans.stderr.startswith(told)
