"""A server process of its own, started as people start it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

LINK = re.compile(r"(http://\S+?)/sign-in\?token=\S+")
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers, and how long that took from the start of its process."""

    url: str
    key: str
    process: psutil.Process
    ready_s: float

    @property
    def resident_mb(self) -> float:
        """The resident memory of the server process, without PostgreSQL's, in MB."""
        return float(self.process.memory_info().rss) / 1e6


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of commands that work on a data folder, with other settings by their variables."""
    unlimited = {f"MAESTRO_RATE_LIMIT_{bucket}": "off" for bucket in ("REQUESTS", "COST", "INGEST")}
    return {**os.environ, **unlimited, "MAESTRO_DATA_DIR": str(folder), **settings}


def command(folder: Path, *arguments: str, **settings: str) -> str:
    """Run `python -m app …` on a data folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=environment(folder, settings),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[RunningServer]:
    """Start a server on a data folder, and stop it at the end of the block."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0"],
        env=environment(folder, settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url, ready_s = _link(process, started)
        key: str = orjson.loads(command(folder, "key", "create", "--name", "figures", "--json", **settings))["key"]
        yield RunningServer(url, key, psutil.Process(process.pid), ready_s)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _link(process: "subprocess.Popen[str]", started: float) -> tuple[str, float]:
    for line in process.stdout or ():
        if found := LINK.search(line):
            return found[1], time.perf_counter() - started
    raise RuntimeError(f"The server ended with exit code {process.wait()} before it was ready.")
