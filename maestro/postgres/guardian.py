"""The guardian: a tiny process between the server and PostgreSQL that stops PostgreSQL when the server is gone.

Run as a script, isolated, on the standard library alone: it has to start in milliseconds. It lives in a session of
its own, so that Ctrl-C in the terminal reaches the server only, which drains its requests before it stops PostgreSQL.
Its standard input is a pipe from the server: a byte, or the end that comes when the server dies, means stop.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PATIENCE_S = (60.0, 10.0)
"""How long a fast shutdown may take, which writes a checkpoint, and then an immediate one, before the end is forced."""


def run(
    *,
    command: list[str],
    account: dict[str, Any],
    lock: int,
    server: int,
    socket_folder: str | None = None,
    patience_s: tuple[float, float] = PATIENCE_S,
) -> int:
    """Run PostgreSQL, or one of its programs, until it ends or the process `server` does; return its exit code.

    The open file `lock` is handed on, the temporary folder `socket_folder` is removed at the end.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler, not SIG_IGN, which PostgreSQL would inherit. The server alone decides when to stop.
        signal.signal(signum, lambda *_: None)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=(lock,),
        preexec_fn=stop_with_guardian,  # noqa: PLW1509 - safe, this process has one thread
        **account,
    ) as postgres:
        os.close(lock)
        watch(postgres, server)
        shut_down(postgres, *patience_s)
    if socket_folder:
        with contextlib.suppress(OSError):
            Path(socket_folder).rmdir()
    return postgres.returncode


def stop_with_guardian() -> None:
    """Have Linux shut PostgreSQL down should the guardian itself be killed.

    Runs between setuid and exec, since setuid clears the setting. The signal comes when the starting *thread* ends,
    which is why the server cannot do this by itself: its threads come and go.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def watch(postgres: subprocess.Popen[bytes], server: int) -> None:
    """Wait for the end of either, or for the order to stop.

    The parent's id is looked at as well: a process that the server has forked holds the pipe open after its death.
    """
    while postgres.poll() is None and os.getppid() == server:
        readable, _, _ = select.select([sys.stdin], [], [], 0.25)
        if readable:
            return


def shut_down(postgres: subprocess.Popen[bytes], fast_s: float, immediate_s: float) -> None:
    """End PostgreSQL, less and less gently until it has gone."""
    for signum, patience_s in ((signal.SIGINT, fast_s), (signal.SIGQUIT, immediate_s), (signal.SIGKILL, None)):
        postgres.send_signal(signum)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postgres.wait(patience_s)
            return


if __name__ == "__main__":
    sys.exit(run(**json.loads(sys.argv[1])))
