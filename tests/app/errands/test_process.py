"""The process that runs a server's errands: when it starts, what it bears, and that nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from starlette.applications import Starlette
from uuid_utils.compat import uuid7

from app.errands import ChildErrands
from app.errands.handover import handed_over
from maestro.db.engine import Database
from maestro.errands import ErrandKind, ErrandLost
from maestro.errors import NotFound
from maestro.settings import Settings
from maestro.vendor_errors import TimedOut
from tests.fixtures.silent import Silent, silent

ROOT = Path(__file__).parents[3]
START_S = 60.0
AT_ONCE_S = 5.0
DRIVERS = (
    *("aioboto3", "aiobotocore", "botocore", "motor", "pymongo", "aiomysql", "azure", "google.cloud", "gcloud"),
    *("snowflake", "mlflow", "pandas", "pyarrow"),
)
FOLDER_CONFIG = {"folder": "/data/files"}
PARENT = """
import asyncio, sys
import orjson
from app.errands import ChildErrands
from app.errands.handover import taken_over
from maestro.errands import ErrandKind

given = orjson.loads(sys.stdin.readline())

async def main():
    errands = ChildErrands(taken_over(given["settings"]), given["url"])
    task = asyncio.create_task(errands.run(ErrandKind.OBJECTS, given["asked"], timeout_s=60))
    while errands.pid is None:
        await asyncio.sleep(0.01)
    print(errands.pid, flush=True)
    await task

asyncio.run(main())
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with small bounds."""
    return Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path,),
        connector_concurrency=2,
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    )


@pytest.fixture
async def errands(settings: Settings, server_url: str) -> AsyncIterator[ChildErrands]:
    """The errands of a server, which have not been asked for anything."""
    made = ChildErrands(settings, server_url)
    yield made
    await made.close()


async def inserted(db: Database, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Make a connector in an organisation of its own, and return what an errand is told to list its objects."""
    organization, key = uuid7(), uuid7()
    async with db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO organization (id, slug, name) VALUES ($1, $2, 'O')", organization, key.hex)
        sql = "INSERT INTO connector (id, organization_id, kind, name, config) VALUES ($1, $2, $3, 'c', $4)"
        await tx.fetch_sql(sql, key, organization, kind, config)
    place = {"connector_id": str(key), "organization_id": str(organization)}
    return {**place, "prefix": "", "first": 10, "after": None}


@pytest.fixture
async def folder(db: Database, settings: Settings, tmp_path: Path) -> dict[str, Any]:
    """What an errand is told to list a folder with one file."""
    settings.data_dir.mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("a")
    return await inserted(db, "LOCAL", {"folder": str(tmp_path / "files")})


@pytest.fixture
async def nobody() -> AsyncIterator[Silent]:
    async with silent() as server:
        yield server


@pytest.fixture
async def slow(db: Database, nobody: Silent) -> dict[str, Any]:
    """What an errand is told to list a bucket whose server never answers."""
    address = f"http://127.0.0.1:{nobody.port}"
    return await inserted(db, "S3", {"bucket": "b", "endpointUrl": address, "region": "eu-west-1", "prefix": ""})


def list_of(errands: ChildErrands, asked: dict[str, Any], timeout_s: float = START_S) -> "asyncio.Task[dict[str, Any]]":
    return asyncio.create_task(errands.run(ErrandKind.OBJECTS, asked, timeout_s=timeout_s))


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def until_gone(pid: int, patience_s: float = 20.0) -> None:
    async with asyncio.timeout(patience_s):
        while not is_gone(pid):  # noqa: ASYNC110 -- nothing tells when another's child ends
            await asyncio.sleep(0.05)


def test_a_server_imports_no_driver() -> None:
    code = f"import sys, app.cli.serve; print([name for name in {DRIVERS!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=START_S, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


async def test_opening_a_server_starts_no_process(app: Starlette) -> None:
    assert isinstance(app.state.runtime.errands, ChildErrands)
    assert app.state.runtime.errands.pid is None
    assert [one for one in psutil.Process().children() if "errands" in one.cmdline()] == []


async def test_the_first_errand_starts_a_process_that_runs_the_next_ones_too(
    errands: ChildErrands, folder: dict[str, Any]
) -> None:
    first = await list_of(errands, folder)
    pid = errands.pid
    assert [one["key"] for one in first["items"]] == ["a"]
    assert pid is not None
    began = time.monotonic()
    answers = await asyncio.gather(*(list_of(errands, folder) for _ in range(20)))
    assert answers == [first] * 20
    assert (errands.pid, time.monotonic() - began < AT_ONCE_S) == (pid, True)
    with pytest.raises(NotFound, match="There is no such Connector"):
        await list_of(errands, {**folder, "organization_id": str(uuid7())})
    await errands.close()
    assert is_gone(pid)


async def test_errands_of_a_process_that_is_killed_end_and_the_next_one_starts_another(
    errands: ChildErrands, folder: dict[str, Any], *, slow: dict[str, Any], nobody: Silent
) -> None:
    waiting = [list_of(errands, slow) for _ in range(2)]
    await nobody.until(2, patience_s=START_S)
    pid = errands.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    for one in waiting:
        with pytest.raises(ErrandLost) as lost:
            await one
        assert lost.value.is_retryable
        assert lost.value.extensions["hint"].startswith("Try again")
    assert [one["key"] for one in (await list_of(errands, folder))["items"]] == ["a"]
    assert errands.pid not in (None, pid)


async def test_an_errand_that_nobody_waits_for_is_stopped_where_it_runs(
    errands: ChildErrands, slow: dict[str, Any], nobody: Silent
) -> None:
    waiting = list_of(errands, slow)
    await nobody.until(1, patience_s=START_S)
    waiting.cancel()
    await nobody.until(0, patience_s=AT_ONCE_S)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_errand_ends_after_its_time_and_no_more_run_at_a_time_than_may(
    errands: ChildErrands, slow: dict[str, Any], nobody: Silent
) -> None:
    waiting = [list_of(errands, slow) for _ in range(4)]
    await nobody.until(2, patience_s=START_S)
    for one in waiting[2:]:
        one.cancel()
    late = list_of(errands, slow, timeout_s=1)
    with pytest.raises(TimedOut) as timed_out:
        await late
    assert timed_out.value.details["timeoutSeconds"] == 1
    assert nobody.most == 2
    for one in waiting:
        one.cancel()
    await nobody.until(0, patience_s=AT_ONCE_S)


async def test_a_process_ends_that_has_had_nothing_to_do(
    settings: Settings, server_url: str, folder: dict[str, Any]
) -> None:
    brief = settings.model_copy(update={"errand_idle": settings.errand_idle / 3000})
    errands = ChildErrands(brief, server_url)
    await list_of(errands, folder)
    pid = errands.pid
    assert pid is not None
    await until_gone(pid)
    assert errands.pid is None
    assert [one["key"] for one in (await list_of(errands, folder))["items"]] == ["a"]
    await errands.close()


async def test_the_process_ends_with_a_server_that_is_killed(
    settings: Settings, server_url: str, *, slow: dict[str, Any], nobody: Silent
) -> None:
    given = orjson.dumps({"settings": handed_over(settings), "url": server_url, "asked": slow})
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(given + b"\n")
    pid = int(await parent.stdout.readline())
    await nobody.until(1, patience_s=START_S)
    parent.kill()
    await parent.wait()
    await nobody.until(0, patience_s=AT_ONCE_S)
    await until_gone(pid)
