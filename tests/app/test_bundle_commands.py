"""`python -m app bundle`: a project goes into a file and comes out of it, whole or not at all."""

import asyncio
import hashlib
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from maestro.settings import Settings
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run
from tests.schema.metric_texts import log, metric

Run = Callable[..., Coroutine[Any, Any, Result]]
PROJECTS: Final = "{ projects(sort: [{field: NAME}]) { nodes { name slug runs { totalCount } } } }"
GUIDE: Final = Path(__file__).parents[2] / "docs" / "guides" / "bundles.md"
END_S: Final = 60


@pytest.fixture
async def vision(api: Api) -> str:
    """A project of that name, with a run that has points."""
    project = await new_project(api, "Vision")
    run = await new_run(api, await new_experiment(api, project))
    await log(api, run, 0, metric([0, 1], [0.5, 0.25]))
    return project


@pytest.fixture
def environment(settings: Settings, server_url: str) -> dict[str, str]:
    """What has a command work on the database and the data folder of the test."""
    return {"MAESTRO_DATA_DIR": str(settings.data_dir), "MAESTRO_DATABASE_URL": server_url}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs a command beside the server of the test."""

    async def invoke(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment, catch_exceptions=False)

    return invoke


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands are given."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """The bundles of a folder by their names, with drafts of them."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if ".zip" in one.name}


@pytest.mark.usefixtures("vision")
async def test_a_project_goes_into_a_file_and_a_new_one_comes_out_of_it(api: Api, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "vision.zip"
    written = await run("bundle", "export", "vision", "--to", str(file))
    assert written.exit_code == 0, written.stderr
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert written.stdout.splitlines()[0].startswith(f"Wrote {file}: ")
    assert written.stdout.splitlines()[0].endswith(", 1 runs, 2 points, 0 files.")
    assert written.stdout.splitlines()[1] == f"SHA-256 {digest}"
    assert "Exporting points" in written.stderr.splitlines()
    made = await run("bundle", "import", str(file), "--name", " Copy ", "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert (told["name"], told["points"], told["rows"]["run"]) == ("Copy", 2, 1)
    assert [(one["name"], one["runs"]["totalCount"]) for one in (await api(PROJECTS))["projects"]["nodes"]] == [
        ("Copy", 1),
        ("Vision", 1),
    ]
    again = await run("bundle", "export", told["projectId"], "--to", str(tmp_path / "again.zip"), "--json")
    assert json.loads(again.stdout)["points"] == 2
    audited = await api.runtime.db.fetch_sql(
        "SELECT operation, target_type, is_allowed FROM audit_entry WHERE operation LIKE '%portProject' ORDER BY seq"
    )
    assert [tuple(one) for one in audited] == [
        ("exportProject", "Project", True),
        ("importProject", "Project", True),
        ("exportProject", "Project", True),
    ]
    assert set(files(tmp_path)) == {"vision.zip", "again.zip"}


async def test_the_commands_of_the_guide_do_what_it_says(api: Api, run: Run, here: Path) -> None:
    await new_project(api, "Handwritten digits")
    commands = re.findall(r"^python -m app (bundle .*)$", GUIDE.read_text(), re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        done = await run(*shlex.split(command))
        assert done.exit_code == 0, done.stderr
    assert set(files(here)) == {"handwritten-digits.zip", "digits-may.zip"}
    names = [one["name"] for one in (await api(PROJECTS))["projects"]["nodes"]]
    assert names == ["Handwritten digits", "Handwritten digits, as of May"]


@pytest.mark.usefixtures("vision")
async def test_what_cannot_be_done_is_told_and_changes_nothing(api: Api, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "vision.zip"
    file.write_bytes(b"no bundle")
    before = files(tmp_path)
    for arguments, code, told in (
        (("export", "nowhere"), 1, "There is no project with the slug 'nowhere'."),
        (("export", "vision", "--to", str(file)), 1, "already."),
        (("export", "vision", "--to", str(tmp_path / "none" / "vision.zip")), 1, "cannot be written: No such file"),
        (("import", str(file)), 1, "This file is no bundle of a project"),
        (("import", str(tmp_path / "none.zip")), 2, "does not exist"),
        (("import", str(file), "--name", " "), 1, "Error:"),
    ):
        done = await run("bundle", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert told in " ".join(done.stderr.split())
    assert files(tmp_path) == before
    assert [one["name"] for one in (await api(PROJECTS))["projects"]["nodes"]] == ["Vision"]
    replaced = await run("bundle", "export", "vision", "--to", str(file), "--replace")
    assert replaced.exit_code == 0
    taken = await run("bundle", "import", str(file))
    assert (taken.exit_code, "Vision" in taken.stderr) == (1, True)
    named = await run("bundle", "import", str(file), "--name", "Other")
    assert "Made the project 'Other', project_" in named.stdout


@pytest.mark.usefixtures("vision")
async def test_ctrl_c_ends_an_export_and_an_import_and_nothing_is_left_of_them(
    api: Api, run: Run, environment: dict[str, str], *, tmp_path: Path
) -> None:
    file = tmp_path / "vision.zip"
    assert (await run("bundle", "export", "vision", "--to", str(file))).exit_code == 0
    commands = (("export", "vision", "--to", str(tmp_path / "other.zip")), ("import", str(file), "--name", "Other"))
    waiting = "SELECT count(*) AS n FROM pg_locks WHERE relation = 'metric_series'::regclass AND NOT granted"
    async with api.runtime.db.transaction() as tx:
        # Both have begun when they wait for this.
        await tx.fetch_sql("LOCK TABLE metric_series IN ACCESS EXCLUSIVE MODE")
        begun = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "bundle", *arguments),
                env={**os.environ, **environment},
                stderr=asyncio.subprocess.PIPE,
            )
            for arguments in commands
        ]
        try:
            async with asyncio.timeout(END_S):
                while (await api.runtime.db.fetch_sql(waiting))[0].n < len(begun):  # noqa: ASYNC110 -- it is others who wait
                    await asyncio.sleep(0.05)
            assert [name.startswith(".other.zip.") for name in files(tmp_path) if name != "vision.zip"] == [True]
            for process in begun:
                process.send_signal(signal.SIGINT)
            async with asyncio.timeout(END_S):
                told = [(await process.communicate())[1].decode().splitlines()[-1] for process in begun]
        finally:
            for process in begun:
                if process.returncode is None:
                    process.kill()
    assert [process.returncode for process in begun] == [130, 130]
    assert told == ["The export was ended; no file was written.", "The import was ended; no project was made."]
    assert list(files(tmp_path)) == ["vision.zip"]
    assert [one["name"] for one in (await api(PROJECTS))["projects"]["nodes"]] == ["Vision"]
