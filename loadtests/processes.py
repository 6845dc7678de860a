"""Processes of a load test, started as people start them and stopped whatever happens."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

LINK: Final = re.compile(r"(http://\S+?)(/sign-in\?token=\S+)?\s")
PATIENCE_S: Final = 30.0
RAISED: Final = {f"MAESTRO_RATE_LIMIT_{bucket}": "off" for bucket in ("REQUESTS", "COST", "INGEST")}
"""Limits that the load of a few keys would reach at once; the scenario of rate limits sets its own."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that answers at an address."""

    url: str
    pid: int


@contextmanager
def data_folder() -> Iterator[Path]:
    """Give a folder that is gone after the block; the account of the embedded PostgreSQL can reach what is in it."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-load-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command on a data folder, without the settings of whoever runs the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    # A worker that waits for jobs would be measured as well, and has nothing to do with the load.
    return {**kept, **RAISED, "MAESTRO_WORKERS": "0", "MAESTRO_DATA_DIR": str(folder / "data"), **settings}


@contextmanager
def serving(folder: Path, log: Path, settings: Mapping[str, str]) -> Iterator[Running]:
    """Run a server with an embedded PostgreSQL in a folder; what it logs goes to a file."""
    command = [sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", "0"]
    with answering(command, log, environment(folder, settings)) as running:
        yield running


@contextmanager
def answering(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run a command that prints its address once it listens; RuntimeError with its log when it ends before."""
    with log.open("a") as file, _ended(command, file, env) as process:
        for line in process.stdout or ():
            if found := LINK.search(line):
                yield Running(found[1], process.pid)
                return
        raise RuntimeError(f"{' '.join(command[1:4])} did not start: {log.read_text()[-2000:]}")


@contextmanager
def _ended(command: Sequence[str], log: IO[str], env: Mapping[str, str] | None) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
