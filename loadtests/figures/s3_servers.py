"""Two servers of S3, of a folder that is full and one that is to be filled."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

KEY: Final = "AKIAFIGURES"
SECRET: Final = "a-secret-of-figures"  # noqa: S105 -- of servers that live as long as this
STEP_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers that speak S3, and what lies in the first one."""

    source: str
    target: str
    processes: tuple[psutil.Process, ...]

    @property
    def busy(self) -> float:
        """The seconds that both have had of processors."""
        return float(sum(one.cpu_times().user + one.cpu_times().system for one in self.processes))


@contextmanager
def servers(folder: Path) -> Iterator[Pair]:
    """Serve a folder that is full and one that is empty."""
    shutil.rmtree(folder / "target", ignore_errors=True)
    (folder / "target" / "b").mkdir(parents=True)
    with ExitStack() as stack:
        (source, one), (target, other) = (stack.enter_context(_serving(folder / name)) for name in ("source", "target"))
        yield Pair(source, target, (one, other))


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = ["rclone", "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    process = subprocess.Popen([*command, "--vfs-cache-mode", "off", "--log-level", "ERROR"])
    try:
        _until_it_answers(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(address: str) -> None:
    while True:
        try:
            urllib.request.urlopen(address)  # noqa: S310 -- an address of ours
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(STEP_S)
        else:
            return
