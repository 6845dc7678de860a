"""`python -m app job` and `schedule`: what they print, for people and for programs, and what they exit with."""

import asyncio
import io
import json
import queue
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from app.cli import job_watching, main
from app.cli.job_cards import Job
from app.cli.job_watching import Bar, Event, Lines
from app.cli.tables import span
from maestro.clock import now
from maestro.settings import Settings
from tests.fixtures.graphql import Api
from tests.schema.job_texts import add, change, job_id, rows

Run = Callable[..., Coroutine[Any, Any, Result]]
NIGHTLY = ("nightly", "--kind", "backup", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin")


@pytest.fixture
def run(settings: Settings, server_url: str) -> Run:
    """Runs a command beside the server of the test, on its database and data folder."""
    environment = {"MAESTRO_DATA_DIR": str(settings.data_dir), "MAESTRO_DATABASE_URL": server_url}

    async def invoke(*arguments: str) -> Result:
        runner = CliRunner()
        return await asyncio.to_thread(runner.invoke, main, arguments, env=environment, catch_exceptions=False)

    return invoke


async def printed(run: Run, *arguments: str) -> Any:
    """Run a command that must succeed and return what it prints as JSON."""
    done = await run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


async def new_job(api: Api, **values: Any) -> UUID:
    return await add(api, "job", **{"kind": "BACKUP", "created_by_id": api.viewer.actor_id, **values})


async def test_jobs_are_listed_and_narrowed(api: Api, run: Run) -> None:
    waiting = await new_job(api)
    failed = await new_job(api, kind="VERIFY", state="FAILED", error_code="X", error_message="Two tables [b] differ.")
    assert [one["id"] for one in (await printed(run, "job", "list"))["jobs"]] == [job_id(failed), job_id(waiting)]
    found = await printed(run, "job", "list", "--state", "failed", "--kind", "verify", "--limit", "5")
    assert [one["id"] for one in found["jobs"]] == [job_id(failed)]
    lines = (await run("job", "list")).stdout.splitlines()
    assert lines[1].split() == [failed.hex[-8:], "Verify", "failed", *lines[1].split()[3:]]
    assert lines[1].rstrip().endswith("X: Two tables [b] differ.")
    assert lines[2].rstrip().endswith("waits for a worker")
    assert "There are more" in (await run("job", "list", "--limit", "1")).stderr
    assert (await run("job", "list", "--state", "partial")).stderr == "There are no such jobs.\n"


async def test_a_job_is_shown_as_a_card_with_its_events(api: Api, run: Run) -> None:
    job = await new_job(
        api,
        state="RUNNING",
        input={"label": "before", "backup_id": None},
        phase="dumping",
        completed=2_000_000_000,
        total=4_000_000_000,
        unit="bytes",
        worker="w1",
        started_at=now(),
        attempt=2,
        crashes=1,
    )
    await change(api, job, "Checked the space", "Begun to dump")
    shown = (await run("job", "show", job.hex[-8:])).stdout
    facts = [line.strip("│ \n") for line in shown.splitlines()]
    assert facts[0].startswith("╭─ Backup  running ")
    assert f"id         {job_id(job)}" in facts
    assert "now        dumping, 2.0 GB of 4.0 GB, 50%" in facts
    assert "attempt    2, in which 1 worker died" in facts
    assert "input      label: before" in facts
    told = [line for line in facts if line.endswith(("Checked the space", "Begun to dump"))]
    assert [line.partition("  ")[2] for line in told] == ["Checked the space", "Begun to dump"]
    content = await printed(run, "job", "show", job_id(job))
    assert [one["message"] for one in content["events"]] == ["Checked the space", "Begun to dump"]


async def test_jobs_are_cancelled_and_tried_again(api: Api, run: Run) -> None:
    job = await new_job(api)
    done = await run("job", "cancel", job.hex[-8:])
    assert done.stdout == f"Backup {job.hex[-8:]} is cancelled.\n"
    assert (await printed(run, "job", "retry", job_id(job)))["attempt"] == 1
    assert [one["state"] for one in await rows(api, "job")] == ["QUEUED"]
    assert (await run("job", "retry", job.hex)).exit_code == 1
    (entry, _) = await api.runtime.db.fetch_sql("SELECT operation, actor_id FROM audit_entry WHERE is_allowed")
    assert (entry.operation, entry.actor_id) == ("cancelJob", api.viewer.actor_id)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("zzz", "There is no job whose id ends with 'zzz'."),
        ("0123456789abcdef0123456789abcdef", "There is no job whose id ends with"),
        ("run_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f", "There is no job whose id ends with"),
    ],
)
async def test_a_job_that_is_not_there_is_told(api: Api, run: Run, *, which: str, message: str) -> None:
    await new_job(api)
    for command in ("show", "watch", "cancel", "retry"):
        done = await run("job", command, which)
        assert (done.exit_code, message in done.stderr) == (1, True)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[str]]:
    """Waits until a command that follows a job has shown something more, and returns in which state the job was."""
    states: queue.Queue[str] = queue.Queue()

    class Noted(Lines):
        def update(self, job: Job, events: Sequence[Event]) -> None:
            super().update(job, events)
            states.put(job["state"])

    monkeypatch.setattr(job_watching, "Lines", Noted)
    return lambda: asyncio.to_thread(states.get, timeout=20)


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1), ("PARTIAL", 1)])
async def test_a_job_is_followed_to_its_end_without_a_terminal(
    api: Api, run: Run, shown: Callable[[], Awaitable[str]], *, state: str, code: int
) -> None:
    job = await new_job(api)
    watching = asyncio.create_task(run("job", "watch", job_id(job)))
    assert await shown() == "QUEUED"
    await change(api, job, "begun", state="RUNNING", phase="dumping", started_at=now())
    assert await shown() == "RUNNING"
    await change(api, job, completed=1, total=2, unit="tables")
    assert await shown() == "RUNNING"
    error = {"error_code": "X", "error_message": "It broke."} if state == "FAILED" else {}
    await change(api, job, "ended", state=state, ended_at=now(), **error)
    done = await asyncio.wait_for(watching, 20)
    lines = done.stdout.splitlines()
    assert lines[0] == "queued: waits for a worker"
    assert lines[2:4] == ["running: dumping", "running: dumping, 1 of 2 tables, 50%"]
    assert [line.partition("  ")[2] for line in (lines[1], lines[4])] == ["begun", "ended"]
    assert f"Backup {state.lower()} after " in lines[5]
    assert lines[6:] == (["  X: It broke."] if state == "FAILED" else [])
    assert done.exit_code == code


async def test_programs_follow_a_job_line_by_line(api: Api, run: Run) -> None:
    job = await new_job(api, state="SUCCEEDED")
    await change(api, job, "ended")
    done = await run("job", "watch", job_id(job), "--json")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["job"]["state"] == "SUCCEEDED"
    assert [one["message"] for one in json.loads(line)["events"]] == ["ended"]


def test_a_bar_moves_and_is_left_with_how_it_ended() -> None:
    job: dict[str, Any] = {
        "kind": "BASE_BACKUP",
        "state": "RUNNING",
        "startedAt": now().isoformat(),
        "endedAt": None,
        "error": None,
        "progress": {"phase": "copying", "completed": "3000000000", "total": 4_000_000_000, "unit": "bytes"},
    }
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    bar = Bar(terminal)
    event = {"at": now().isoformat(), "level": "WARNING", "message": "The store is slow", "details": {"s": 3}}
    bar.update(job, [event])
    bar.update({**job, "state": "SUCCEEDED", "endedAt": now().isoformat()}, [])
    bar.close()
    shown = terminal.file.getvalue()  # type: ignore[attr-defined] # it is a StringIO
    assert "warning: The store is slow  " in shown
    assert "Base backup" in shown
    assert " 75%" in shown
    assert "copying, 3.0 GB of 4.0 GB" in shown
    assert "✓ Base backup succeeded after" in shown


async def test_schedules_are_kept(api: Api, run: Run) -> None:
    given = ("--input", '{"label": "nightly"}', "--priority", "3", "--catch-up", "skip")
    added = await printed(run, "schedule", "add", *NIGHTLY, *given)
    assert (added["name"], added["kind"], added["timezone"], added["catchUp"], added["priority"]) == (
        "nightly",
        "BACKUP",
        "Europe/Berlin",
        "SKIP",
        3,
    )
    assert added["input"]["label"] == "nightly"
    assert (await run("schedule", "pause", "nightly")).stdout == "The schedule nightly is paused.\n"
    listed = (await run("schedule", "list")).stdout.splitlines()
    assert listed[1].split() == ["nightly", "Backup", "30", "2", "*", "*", "*", "Europe/Berlin", "never", "paused"]
    resumed = (await run("schedule", "resume", "nightly")).stdout
    assert resumed.startswith("The schedule nightly goes on: its next time is 20")
    assert (await printed(run, "schedule", "list"))["schedules"][0]["isPaused"] is False
    assert (await run("schedule", "remove", added["id"])).exit_code == 0
    assert (await run("schedule", "list")).stderr == "There are no schedules.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", *NIGHTLY[:-1], "Mars/Base"), "'Mars/Base' is no time zone."),
        (("add", "n", "--kind", "backup", "--cron", "61 * * * *"), "is no cron expression"),
        (("add", *NIGHTLY, "--input", "{"), "--input is no JSON"),
        (("add", *NIGHTLY, "--input", '{"lable": 1}'), "input holds 'lable', which nobody knows."),
        (("pause", "weekly"), "There is no schedule with the name 'weekly'."),
        (("add", *NIGHTLY), "There is already a JobSchedule with the name 'nightly'."),
    ],
)
async def test_what_is_wrong_with_a_schedule_is_told(
    api: Api, run: Run, *, arguments: tuple[str, ...], message: str
) -> None:
    await add(api, "job_schedule", name="nightly", kind="BACKUP", cron="@daily")
    before = await rows(api, "job_schedule")
    done = await run("schedule", *arguments)
    assert (done.exit_code, message in done.stderr) == (1, True), done.stderr
    assert await rows(api, "job_schedule") == before


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.25, "0.2 s"), (59, "59.0 s"), (60, "1 min"), (3725, "1 h 2 min"), (180_000, "2 d 2 h")]
)
def test_a_length_of_time_has_two_units(seconds: float, told: str) -> None:
    assert span(timedelta(seconds=seconds)) == told
