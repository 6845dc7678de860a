"""The server's own process, when others answer for it: it has the database, the workers and the terminal."""

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from app.processes.child import FAILED, tell_error
from app.processes.supervisor import READY, RENEW, STOP, STOP_S, Supervisor
from maestro.errors import StartupError
from maestro.settings import Settings

GLANCE_S: Final = 0.05
PATIENCE_S: Final = STOP_S + 5.0


class Supervised:
    """The supervisor of the server processes, as the server's own process sees it."""

    def __init__(self, pid: int, line: socket.socket, listeners: list[socket.socket]) -> None:
        self._pid, self._line, self._listeners = pid, line, listeners

    @contextmanager
    def serving(self, url: str) -> Iterator[None]:
        """Serve a database by the server's account for the length of a block, which begins when all are ready.

        StartupError when one of the processes ends before that.
        """
        self._line.sendall(url.encode())
        try:
            if self._line.recv(1) != READY:
                raise StartupError(
                    "A server process has ended before it was ready.", hint="Why that was stands in the log, above."
                )
            if not sys.stdin.isatty():
                # A terminal that is closed sends the same signal.
                signal.signal(signal.SIGHUP, lambda _signum, _frame: self.renew())
            yield
        finally:
            self._stop()

    def renew(self) -> None:
        """Have each process be replaced by a new one, one after the other."""
        self._line.sendall(RENEW)

    def wait(self) -> None:
        """Return when the supervisor has ended, which it does by itself when somebody kills it."""
        while self._line.recv(1):
            pass

    def end(self) -> None:
        """End the supervisor at once, and what it has started, if it is still there."""
        self._line.close()
        for one in self._listeners:
            one.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _stop(self) -> None:
        for one in self._listeners:
            one.close()
        with suppress(OSError):
            self._line.sendall(STOP)
        deadline = time.monotonic() + PATIENCE_S
        with suppress(ChildProcessError):
            while not os.waitpid(self._pid, os.WNOHANG)[0] and time.monotonic() < deadline:
                time.sleep(GLANCE_S)


@contextmanager
def supervised(settings: Settings, listeners: list[socket.socket]) -> Iterator[Supervised]:
    """Fork the supervisor, which waits for the database, for the length of a block.

    Nothing may be open yet but the port: what is forked has it too.
    """
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    # The collector need not look at what was imported, and so leaves its memory to be shared.
    gc.freeze()
    if (pid := os.fork()) == 0:
        ours.close()
        _become(Supervisor(settings, listeners, theirs))
    theirs.close()
    child = Supervised(pid, ours, listeners)
    try:
        yield child
    finally:
        child.end()


def _become(supervisor: Supervisor) -> None:
    """Be the supervisor, in a session of its own: Ctrl-C reaches the server's process, which then stops it."""
    code = FAILED
    try:
        os.setsid()
        # Systems that stop a service signal each of its processes; this one is told by the server's.
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        code = supervisor.run()
    finally:
        tell_error()
        os._exit(code)
