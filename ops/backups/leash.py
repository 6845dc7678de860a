"""The leash: a tiny process that runs a program and ends it, with all that it has started, when Maestro is gone.

Run as a script, isolated, on the standard library alone. It leads a process group of its own. Its standard input is a
pipe from Maestro: the end of it, which also comes when Maestro dies, means stop.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

NICENESS = 15
"""Whoever asks the server something goes first."""
PATIENCE_S = 2.0
"""For the program to end by itself, which lets it cancel what it runs on the database server."""


def main(command: list[str]) -> int:
    """Run a program to its end and return its exit code."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGTERM, lambda *_: None)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as program:
        threading.Thread(target=end_with_maestro, daemon=True).start()
        code = program.wait()
    return code if code >= 0 else 128 - code


def end_with_maestro() -> None:
    """Wait for the end of the pipe, then end the whole process group, this process with it."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
