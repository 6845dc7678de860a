"""How processes of a server end: killed one by one, exchanged, killed with the server, and told to stop."""

import os
import re
import signal
import time
from contextlib import ExitStack
from typing import Final

import httpx
import psutil

from tests.app.conftest import Program, Server
from tests.app.test_processes import SETTINGS, SOCKETS, acknowledged, follow, new_key, new_run, next_told, socket_to
from tests.fixtures.documents import ROLE
from tests.fixtures.lines import line

PATIENCE_S: Final = 20


def replaced(server: Server, number: int, of: int) -> int:
    """The process that is ready after another one of the same number."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := process_of(server, number)) == of:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)
    return found


def process_of(server: Server, number: int) -> int:
    """The id of the process that was ready last with a number."""
    return int(re.findall(rf"Server process {number} is ready, as (\d+)\n", server.log())[-1])


def test_a_process_that_is_killed_is_followed_by_another_while_requests_go_on(program: Program) -> None:
    with program.serving(**SETTINGS) as server:
        key = new_key(program)
        first, second = process_of(server, 1), process_of(server, 2)
        with line(server.url, 2, key) as other, ExitStack() as held:
            sockets = [held.enter_context(socket_to(server, 1, key)) for _ in range(SOCKETS)]
            assert all(acknowledged(socket) for socket in sockets)
            os.kill(first, signal.SIGKILL)
            assert other.ask(ROLE) == {"viewer": {"role": "OWNER"}}
            assert replaced(server, 1, first) != first
            with line(server.url, 1, key) as again:
                assert again.ask(ROLE) == {"viewer": {"role": "OWNER"}}
            # What the one that was killed had open counts no more.
            assert acknowledged(held.enter_context(socket_to(server, 2, key)))
            assert process_of(server, 2) == second
        assert "Server process 1 has ended with exit code -9; the next one starts in 0.5 s" in server.log()

        # Of the server itself: who started it for the test does not pass this signal on.
        earlier = process_of(server, 1)
        os.kill(keeper_of(server).ppid(), signal.SIGHUP)
        assert replaced(server, 1, earlier) != replaced(server, 2, second)
        assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200

        pids = children_of(server)
        assert len(pids) >= 2
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        deadline = time.monotonic() + PATIENCE_S
        while (left := [pid for pid in pids if psutil.pid_exists(pid)]) or program.postgres():
            assert time.monotonic() < deadline, (left, program.postgres())
            time.sleep(0.02)


def keeper_of(server: Server) -> psutil.Process:
    keeper = psutil.Process(process_of(server, 2)).parent()
    assert keeper is not None
    return keeper


def children_of(server: Server) -> list[int]:
    """The server processes and who keeps them."""
    keeper = keeper_of(server)
    return [keeper.pid, *(child.pid for child in keeper.children())]


def test_a_signal_ends_streams_and_lets_requests_end_in_both_processes(program: Program) -> None:
    with program.serving(MAESTRO_PROCESSES="2") as server:
        key = new_key(program)
        pids = children_of(server)
        with line(server.url, 1, key) as one, line(server.url, 2, key) as two:
            run = new_run(one)
            streams = [follow(to, run) for to in (one, two)]
            assert [next_told(stream) for stream in streams] == [{"runUpdated": {"notes": ""}}] * 2
            assert server.stop(signal.SIGTERM) == 0
            assert [b"event: complete" in stream.read() for stream in streams] == [False, False]
        assert server.process.stdout is not None
        assert server.process.stdout.read().count("Stopped.") == 1
        assert [pid for pid in pids if psutil.pid_exists(pid)] == []
        assert program.postgres() == []
        log = server.log()
        assert "graceful shutdown exceeded" not in log
        assert "Traceback" not in log
        assert "has ended" not in log
