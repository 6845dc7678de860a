import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import Address, EmbeddedPostgres, binaries
from maestro.postgres.account import account_for
from maestro.postgres.files import Files
from maestro.postgres.postmaster import Postmaster

Own = Callable[..., Any]
Processes = Callable[[], list[psutil.Process]]
Query = Callable[[Address, str], str]

FORK_TOO = """
with EmbeddedPostgres(folder) as address:
    if (forked := os.fork()) == 0:
        time.sleep(60)
        os._exit(0)
    tell(address)
    print(forked, flush=True)
    sys.stdin.read()
"""
DRAIN = """
with EmbeddedPostgres(folder) as address:
    try:
        tell(address)
        time.sleep(60)
    except KeyboardInterrupt:
        print("draining", flush=True)
        sys.stdin.readline()
print("stopped", flush=True)
"""


def server_log(files: Files) -> str:
    return "".join(path.read_text() for path in files.data.glob("log/*.log"))


def has_ended(processes: list[psutil.Process]) -> bool:
    return psutil.wait_procs(processes, timeout=10)[1] == []


def test_killing_the_owner_shuts_postgresql_down_in_order(
    folder: Path, files: Files, own: Own, *, processes: Processes, query: Query
) -> None:
    owner = own(folder)
    address = owner.address()
    busy = subprocess.Popen(
        [binaries.program("psql"), "-c", "SELECT pg_sleep(60)"],
        env=address.libpq_environment(),
        stderr=subprocess.PIPE,
    )
    while query(address, "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") == "0":
        time.sleep(0.02)
    running = [*processes(), owner.guardian()]
    ends_before = server_log(files).count("database system is shut down")
    owner.kill()
    assert has_ended(running)
    assert server_log(files).count("database system is shut down") == ends_before + 1
    assert not (files.data / "postmaster.pid").exists()
    assert b"terminating connection" in busy.communicate()[1]


def test_a_start_right_after_the_owner_was_killed_waits_for_the_end_of_the_old_server(
    folder: Path, own: Own, query: Query
) -> None:
    owner = own(folder)
    query(owner.address(), "CREATE TABLE kept AS SELECT 42 AS answer")
    owner.kill()
    with EmbeddedPostgres(folder) as address:
        assert query(address, "SELECT answer FROM kept") == "42"


def test_a_forked_process_that_holds_the_pipe_open_does_not_keep_postgresql_alive(
    folder: Path, own: Own, processes: Processes, *, query: Query
) -> None:
    owner = own(folder, FORK_TOO)
    owner.address()
    forked = psutil.Process(int(owner.process.stdout.readline()))
    running = processes()
    try:
        owner.kill()
        assert has_ended(running)
        assert forked.is_running()
        with EmbeddedPostgres(folder) as address:
            assert query(address, "SELECT 1") == "1"
    finally:
        forked.kill()


def test_nothing_is_lost_when_postgresql_and_its_owner_are_killed_at_once(
    folder: Path, files: Files, own: Own, *, processes: Processes, query: Query
) -> None:
    owner = own(folder)
    query(owner.address(), "CREATE TABLE kept AS SELECT 42 AS answer")
    guardian = owner.guardian()
    # PostgreSQL first: with either of the others gone it would begin to shut down in order.
    processes()[0].kill()
    guardian.kill()
    owner.process.kill()
    owner.process.wait()
    assert (files.data / "postmaster.pid").exists()
    with EmbeddedPostgres(folder) as address:
        assert query(address, "SELECT answer FROM kept") == "42"
        assert len(list(files.socket.glob(".s.PGSQL.*"))) == 2, "the socket and its lock, none of the crash's"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's parent-death signal")
def test_killing_the_guardian_shuts_postgresql_down(
    folder: Path, files: Files, own: Own, *, processes: Processes
) -> None:
    owner = own(folder)
    owner.address()
    running = processes()
    owner.guardian().kill()
    assert has_ended(running)
    assert not (files.data / "postmaster.pid").exists()


def test_ctrl_c_reaches_postgresql_only_after_the_owner_has_drained(
    folder: Path, own: Own, processes: Processes
) -> None:
    owner = own(folder, DRAIN)
    owner.address()
    running = processes()
    os.killpg(owner.process.pid, signal.SIGINT)
    assert owner.process.stdout.readline() == "draining\n"
    time.sleep(0.3)
    # The postmaster: its helpers come and go.
    assert running[0].is_running()
    rest, _ = owner.process.communicate("\n")
    assert rest == "stopped\n"
    assert has_ended(running)


def test_a_process_with_the_number_of_a_crashed_server_does_not_prevent_a_start(
    folder: Path, files: Files, query: Query
) -> None:
    account = account_for(files.data)
    with ExitStack() as stack:
        innocent = stack.enter_context(subprocess.Popen(["sleep", "60"], cwd="/", **account.process_options()))
        stack.callback(innocent.kill)
        pid_file = files.data / "postmaster.pid"
        pid_file.write_text(f"{innocent.pid}\n{files.data}\n1700000000\n5432\n\n127.0.0.1\n    123       456\nready\n")
        with EmbeddedPostgres(folder) as address:
            assert query(address, "SELECT 1") == "1"
        assert innocent.poll() is None


def test_a_server_started_by_hand_is_named_and_left_alone(folder: Path, files: Files) -> None:
    account = account_for(files.data)
    command = [
        str(binaries.program("postgres")),
        "-D",
        str(files.data),
        "-c",
        "listen_addresses=",
        "-k",
        str(files.socket),
    ]
    with ExitStack() as stack:
        by_hand = stack.enter_context(
            subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **account.process_options())
        )
        stack.callback(by_hand.send_signal, signal.SIGQUIT)
        while not ((postmaster := Postmaster.read(files.data)) and postmaster.accepts_connections()):
            time.sleep(0.01)
        with pytest.raises(EmbeddedDatabaseError, match=rf"did not start \(process {by_hand.pid}\)"):
            EmbeddedPostgres(folder).start()
        assert by_hand.poll() is None


@pytest.mark.parametrize("stage", ["PG_VERSION", "base/5/PG_VERSION"])
def test_a_folder_whose_making_was_killed_is_made_again(empty: Path, own: Own, stage: str, *, query: Query) -> None:
    unfinished = empty / "postgres" / "data.unfinished"
    owner = own(empty)
    while not (unfinished / stage).exists():
        time.sleep(0.002)
    owner.kill()
    assert not (empty / "postgres" / "data").exists()
    with EmbeddedPostgres(empty) as address:
        assert query(address, "SELECT current_database()") == "maestro"
    assert not unfinished.exists()
