"""PostgreSQL's programs: which fit, what they can, how they fail, and how they end."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from maestro.db.direct import name_of, named
from maestro.errors import PreflightFailed, ProgramFailed, Transient
from maestro.postgres import binaries
from maestro.settings import Settings
from ops.backups.processes import failure, run
from ops.backups.programs import GZIP, ZSTD, Programs, find_programs, folder_of
from ops.backups.servers import libpq_environment

SILENT = {"PATH": os.defpath}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def pretending(folder: Path, version: str, answer: str) -> Path:
    """A folder with programs that tell a version, and answer to everything else."""
    folder.mkdir()
    script = f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {version}" && exit 0\n{answer}\n'
    for name in ("pg_dump", "pg_restore"):
        written(folder / name, script)
    return folder


async def test_the_programs_of_the_servers_major_version_are_found(tmp_path: Path) -> None:
    found = await find_programs(int(binaries.major_version()))
    assert found.major == int(binaries.major_version())
    assert found.has("pg_restore")
    assert not found.has("nothing")
    older = pretending(tmp_path / "15", "15.4 (Debian 15.4-1)", "exit 1")
    assert (await find_programs(15, folder=older)).version == "15.4"
    with pytest.raises(PreflightFailed, match="no client programs of PostgreSQL 18") as raised:
        await find_programs(18, folder=older)
    assert f"{older} (15.4)" in raised.value.details["checks"][0]["result"]


async def test_zstd_is_taken_where_the_programs_were_built_with_it(tmp_path: Path) -> None:
    can = pretending(
        tmp_path / "can",
        "18.6",
        'echo "pg_dump: error: connection to server on socket x failed: No such file" >&2; exit 1',
    )
    cannot = pretending(tmp_path / "cannot", "18.6", 'echo "pg_dump: error: no support for ZSTD" >&2; exit 1')
    assert (await find_programs(18, folder=can)).compression == ZSTD
    assert (await find_programs(18, folder=cannot)).compression == GZIP
    assert Programs(tmp_path, "15.4", GZIP).compress == "1"
    assert Programs(tmp_path, "16.0", GZIP).compress == "gzip:1"


def test_the_embedded_server_has_the_programs_that_it_came_with(tmp_path: Path, settings: Settings) -> None:
    assert folder_of(settings) == binaries.folder()
    assert folder_of(settings.model_copy(update={"postgres_programs": tmp_path})) == tmp_path
    assert folder_of(Settings(database_url="postgresql://x@y/z", _env_file=None)) is None  # type: ignore[call-arg,arg-type]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('connection to server at "db", port 5432 failed: Connection refused', Transient),
        ("query failed: FATAL:  terminating connection due to administrator command", Transient),
        ("query failed: ERROR:  canceling statement due to lock timeout", Transient),
        ("could not write to output file: No space left on device", ProgramFailed),
        ('connection to server at "db" failed: FATAL:  password authentication failed for user "x"', ProgramFailed),
        ('connection to server at "db" failed: FATAL:  database "x" does not exist', Transient),
        ("permission denied for table run", ProgramFailed),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(said: str, kind: type[Exception]) -> None:
    assert type(failure("pg_dump", 1, [said])) is kind


async def test_a_failing_program_is_told_by_its_last_errors_without_the_rows_that_it_quotes(tmp_path: Path) -> None:
    script = written(
        tmp_path / "pg_restore",
        "#!/bin/sh\necho 'pg_restore: processing' >&2\n"
        "echo 'pg_restore: error: COPY failed for table \"t\": ERROR:  duplicate key' >&2\n"
        "echo 'DETAIL:  Key (email)=(secret@example.org) exists.' >&2\nexit 3\n",
    )
    heard: list[str] = []
    with pytest.raises(ProgramFailed, match='COPY failed for table "t": ERROR:  duplicate key') as raised:
        await run([script], environment=SILENT, told=heard.append)
    assert "secret" not in str(raised.value)
    assert raised.value.details == {"program": "pg_restore", "exitCode": 3}
    assert heard[0] == "pg_restore: processing"


async def test_a_program_yields_and_is_told_its_password_by_no_command_line(tmp_path: Path) -> None:
    script = written(tmp_path / "program", "#!/bin/sh\nnice; tr '\\0' ' ' < /proc/$$/cmdline; echo $PGPASSWORD\n")
    url = "postgresql+asyncpg://me:se%40cret@/db?host=%2Frun%2Fpg&port=5433"
    nice, told = (await run([script], environment=libpq_environment(url))).split("\n", 1)
    assert int(nice) >= 10
    assert told.count("se@cret") == 1
    assert told.endswith("se@cret\n")
    assert (name_of(url), name_of(named(url, "other"))) == ("db", "other")
    assert libpq_environment(url)["PGHOST"] == "/run/pg"


async def test_a_cancelled_program_is_gone_with_all_that_it_has_started(tmp_path: Path) -> None:
    stubborn = written(
        tmp_path / "stubborn", f"#!/bin/sh\ntrap '' TERM\nsleep 60 & echo {tmp_path} >&2; wait; sleep 60\n"
    )
    begun = asyncio.Event()
    running = asyncio.create_task(run([stubborn], environment=SILENT, told=lambda _: begun.set()))
    await begun.wait()
    family = psutil.Process().children(recursive=True)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 30
    assert [
        one.pid for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE and is_of(one, tmp_path)
    ] == []


def is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in part for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False


async def test_a_program_ends_with_the_process_that_has_started_it(tmp_path: Path) -> None:
    sleeper = written(tmp_path / "sleeper", "#!/bin/sh\necho begun >&2\nexec sleep 60\n")
    code = (
        "import asyncio, os, sys; from ops.backups.processes import run\n"
        f"asyncio.run(run([{str(sleeper)!r}], environment={SILENT!r}, told=lambda _: os.kill(os.getpid(), 9)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == -signal.SIGKILL
    async with asyncio.timeout(5):
        while await asyncio.to_thread(lambda: [one for one in psutil.process_iter() if is_of(one, tmp_path)]):
            pass
