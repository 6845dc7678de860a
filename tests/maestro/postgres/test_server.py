import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import Address, EmbeddedPostgres, attached
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock

Own = Callable[..., Any]
Processes = Callable[[], list[psutil.Process]]
Query = Callable[[Address, str], str]


def test_a_missing_folder_becomes_a_database(empty: Path, query: Query) -> None:
    with EmbeddedPostgres(empty) as address:
        assert query(address, "SELECT current_database() || ' of ' || current_user") == "maestro of maestro"
    assert sorted(path.name for path in (empty / "postgres").iterdir()) == [
        "data",
        "lock",
        "password",
        "postgresql.conf",
        "socket",
        "startup.log",
    ]


async def test_sqlalchemy_connects_by_the_url(folder: Path) -> None:
    with EmbeddedPostgres(folder) as address:
        engine = create_async_engine(address.url())
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT inet_server_addr()")) is None
        await engine.dispose()


def test_rows_outlive_a_restart(folder: Path, query: Query) -> None:
    server = EmbeddedPostgres(folder)
    query(server.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    with server as address:
        assert query(address, "SELECT answer FROM kept") == "42"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_under_root_postgresql_runs_as_another_account_without_its_groups(
    folder: Path, files: Files, processes: Processes
) -> None:
    with EmbeddedPostgres(folder):
        running = processes()
        owner = files.data.stat()
        assert owner.st_uid != 0
        assert accounts(running) == {(owner.st_uid,) * 3}
        assert "Groups:\t \n" in Path(f"/proc/{running[0].pid}/status").read_text()


def accounts(running: Iterable[psutil.Process]) -> set[tuple[int, ...]]:
    """The accounts of processes; a worker of autovacuum may end while it is looked at."""
    found: set[tuple[int, ...]] = set()
    for process in running:
        with suppress(psutil.NoSuchProcess):
            found.add(process.uids())
    return found


async def test_nobody_connects_without_the_password(folder: Path) -> None:
    with EmbeddedPostgres(folder) as address:
        for url in (address.url("postgresql"), address.tcp_url()):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(url.replace(address.password, "guess"))


def test_the_password_and_the_data_are_for_the_owner_alone(files: Files) -> None:
    assert stat.S_IMODE(files.password.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.socket.stat().st_mode) == 0o700


def test_a_removed_password_is_replaced_by_a_new_one(folder: Path, files: Files, query: Query) -> None:
    old = files.read_password()
    files.password.unlink()
    with EmbeddedPostgres(folder) as address:
        assert address.password not in {"", old}
        assert query(address, "SELECT 1") == "1"


def test_the_embedded_server_is_tuned(folder: Path, query: Query) -> None:
    expected = {
        "TimeZone": "UTC",
        "data_checksums": "on",
        "fsync": "on",
        "jit": "off",
        "max_connections": "60",
        "random_page_cost": "1.1",
        "server_encoding": "UTF8",
        "shared_preload_libraries": "pg_stat_statements",
    }
    names = ", ".join(f"'{name}'" for name in expected)
    with EmbeddedPostgres(folder) as address:
        printed = query(address, f"SELECT name || '=' || setting FROM pg_settings WHERE name IN ({names})")
    assert dict(line.split("=") for line in printed.splitlines()) == expected


def test_a_setting_of_the_operator_wins_over_ours(folder: Path, query: Query) -> None:
    server = EmbeddedPostgres(folder)
    query(server.start(), "ALTER SYSTEM SET work_mem = '12MB'")
    server.stop()
    with server as address:
        assert query(address, "SHOW work_mem") == "12MB"


def test_a_second_server_on_the_folder_is_refused_and_told_who_has_it(folder: Path, own: Own, query: Query) -> None:
    owner = own(folder)
    address = owner.address()
    with pytest.raises(EmbeddedDatabaseError, match=f"in use by another Maestro, process {owner.process.pid}"):
        EmbeddedPostgres(folder).start()
    assert query(address, "SELECT 1") == "1"


def test_an_attached_process_uses_the_running_server_and_leaves_it_running(
    folder: Path, own: Own, query: Query
) -> None:
    running = own(folder).address()
    with attached(folder) as address:
        assert address == running
    assert query(running, "SELECT 1") == "1"


def test_a_copy_of_a_running_folder_does_not_attach_to_the_original(folder: Path, own: Own, query: Query) -> None:
    running = own(folder).address()
    query(running, "CREATE TABLE written AS SELECT 'original' AS place")
    copy = folder.with_name("copy")
    subprocess.run(["cp", "-a", folder, copy], check=True)
    with attached(copy) as address:
        query(address, "UPDATE written SET place = 'copy'")
    assert query(running, "SELECT place FROM written") == "original"


def test_attaching_waits_for_a_server_that_is_still_starting(empty: Path, own: Own) -> None:
    owner = own(empty)
    while not (empty / "postgres" / "data.unfinished").exists():
        time.sleep(0.005)
    with attached(empty) as address:
        assert address == owner.address()


def test_attaching_without_a_server_starts_one_for_the_block(folder: Path, files: Files, query: Query) -> None:
    with attached(folder) as address:
        assert query(address, "SELECT 1") == "1"
    lock = FolderLock.try_acquire(files.lock)
    assert lock is not None
    lock.close()
    assert list(files.socket.iterdir()) == []


def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere_until_the_end(empty: Path, query: Query) -> None:
    with EmbeddedPostgres(empty / ("deep" * 12) / ("down" * 12)) as address:
        assert query(address, "SELECT 1") == "1"
        assert stat.S_IMODE(address.socket_folder.stat().st_mode) == 0o700
        assert not address.socket_folder.is_relative_to(empty)
    assert not address.socket_folder.exists()


def test_a_path_that_drivers_would_take_for_two_hosts_works(folder: Path, query: Query) -> None:
    odd = folder.rename(folder.with_name("it's, a: 'folder'"))
    with EmbeddedPostgres(odd) as address:
        assert query(address, "SELECT 1") == "1"


def test_a_folder_of_another_major_version_is_refused_with_the_way_to_migrate(folder: Path, files: Files) -> None:
    (files.data / "PG_VERSION").write_text("17\n")
    before = sorted(files.root.rglob("*"))
    with pytest.raises(EmbeddedDatabaseError, match=r"was made by PostgreSQL 17, .* brings PostgreSQL 18") as refusal:
        EmbeddedPostgres(folder).start()
    hint = str(refusal.value.hint)
    assert hint.index("pg_dump") < hint.index("move") < hint.index("pg_restore")
    assert sorted(files.root.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_a_folder_that_the_other_account_cannot_enter_is_refused_by_name_with_two_cures(empty: Path) -> None:
    closed = empty / "closed"
    closed.mkdir(parents=True, mode=0o700)
    with pytest.raises(EmbeddedDatabaseError, match=f"cannot enter {closed}, on the way to {closed}/mine") as refusal:
        EmbeddedPostgres(closed / "mine").start()
    hint = str(refusal.value.hint)
    assert "MAESTRO_DATA_DIR" in hint
    assert "MAESTRO_DATABASE_URL" in hint
    assert list(closed.iterdir()) == []


def test_a_data_folder_that_is_a_file_is_refused(empty: Path) -> None:
    empty.write_text("mine")
    with pytest.raises(EmbeddedDatabaseError, match="The data folder cannot be used"):
        EmbeddedPostgres(empty).start()
    assert empty.read_text() == "mine"


def test_a_server_that_does_not_start_says_why(folder: Path, files: Files) -> None:
    (files.data / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedDatabaseError, match="could not find the database system"):
        EmbeddedPostgres(folder).start()
    lock = FolderLock.try_acquire(files.lock)
    assert lock is not None
    lock.close()
