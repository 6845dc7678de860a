"""The workers of a server: processes that run its background jobs, started again when they end, ended with it.

Each has a pipe from the server as its standard input, whose end tells it that the server is gone, be it by `kill -9`.
It lives in a session of its own, so that Ctrl-C in the terminal reaches the server only, which then stops it.
"""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

logger = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-m", "app", "work", "--child")
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
HEALTHY_S: Final = 30.0
"""A worker that has lived for so long was no failure: the next one is started without a long pause."""
STOP_S: Final = 25.0
"""How long a worker may take to end by itself when the server stops; a little longer than it takes for its own part."""


class Workers:
    """So many worker processes, each with a thread that looks after it."""

    def __init__(self, number: int) -> None:
        self._threads = [threading.Thread(target=self._keep, daemon=True, name="worker") for _ in range(number)]
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start them; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have them leave what they run to others, and wait for their ends."""
        with self._lock:
            self._stopping.set()
            for process in self._processes:
                process.terminate()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while (process := self._launched()) is not None:
            started = time.monotonic()
            code = self._ended(process)
            if self._stopping.is_set():
                return
            pause_s = FIRST_PAUSE_S if time.monotonic() - started > HEALTHY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            logger.warning("A worker has ended with exit code %s; the next one starts in %.0f s", code, pause_s)
            self._stopping.wait(pause_s)

    def _launched(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._stopping.is_set():
                return None
            process = subprocess.Popen(
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            )
            self._processes.add(process)
            return process

    def _ended(self, process: "subprocess.Popen[bytes]") -> int:
        with process:
            self._wait(process)
        with self._lock:
            self._processes.discard(process)
        return process.returncode

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        # Not by `wait`, which would not see that the server stops.
        while process.poll() is None and not self._stopping.wait(0.2):
            pass
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def kept_alive(number: int) -> Iterator[Workers]:
    """Workers that are ended with the block; whoever holds them starts them."""
    kept = Workers(number)
    try:
        yield kept
    finally:
        kept.stop()
