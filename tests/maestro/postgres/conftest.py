"""Real data folders, and real processes that own a server and can be killed."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from maestro.postgres import Address, EmbeddedPostgres, binaries
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock
from maestro.postgres.postmaster import Postmaster

HEAD = """
import json, os, sys, time
from pathlib import Path
from maestro.postgres import EmbeddedPostgres
folder = Path(sys.argv[1])
def tell(address):
    # Unbuffered: a signal in the middle of a flush would have the line written twice.
    os.write(1, (json.dumps([str(address.socket_folder), address.port, address.password]) + "\\n").encode())
"""
"""The head of every owner's script; a test may give the rest."""
OWN = """
with EmbeddedPostgres(folder) as address:
    tell(address)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Owner:
    """A process that runs a server, with what it has printed first."""

    process: subprocess.Popen[str]

    def address(self) -> Address:
        assert self.process.stdout is not None
        socket_folder, port, password = json.loads(self.process.stdout.readline())
        return Address(Path(socket_folder), port, password)

    def guardian(self) -> psutil.Process:
        return next(c for c in psutil.Process(self.process.pid).children() if "guardian.py" in " ".join(c.cmdline()))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def initialised(reachable_folder: Path) -> Path:
    """A data folder that a server has made and left."""
    folder = reachable_folder / "initialised"
    with EmbeddedPostgres(folder):
        pass
    return folder


@pytest.fixture
def empty(reachable_folder: Path) -> Iterator[Path]:
    """A data folder that does not exist yet."""
    parent = Path(tempfile.mkdtemp(dir=reachable_folder))
    parent.chmod(0o711)
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture
def folder(initialised: Path, empty: Path) -> Path:
    """A data folder with a database in it; a copy, since making one takes a second."""
    subprocess.run(["cp", "-a", initialised, empty], check=True)
    return empty


@pytest.fixture
def files(folder: Path) -> Files:
    return Files(folder / "postgres")


@pytest.fixture
def own() -> Iterator[Callable[[Path, str], Owner]]:
    """Start a process that runs `script` on a folder, as an owner of a server; killed after the test."""
    with ExitStack() as stack:

        def start(folder: Path, script: str = OWN) -> Owner:
            process = subprocess.Popen(
                [sys.executable, "-c", HEAD + script, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            stack.callback(wait_for_the_end_on, folder)
            stack.enter_context(process)
            stack.callback(process.kill)
            return Owner(process)

        yield start


def wait_for_the_end_on(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while (lock := FolderLock.try_acquire(folder / "postgres" / "lock")) is None:
        assert time.monotonic() < deadline, f"PostgreSQL outlives its owner on {folder}"
        time.sleep(0.02)
    lock.close()


@pytest.fixture
def query() -> Callable[[Address, str], str]:
    """Run SQL and return what psql prints, without its table."""

    def run(address: Address, sql: str) -> str:
        command = [str(binaries.program("psql")), "--no-psqlrc", "-qAtc", sql]
        printed: str = subprocess.check_output(command, env=address.libpq_environment(), text=True)
        return printed.strip()

    return run


@pytest.fixture
def processes(files: Files) -> Callable[[], list[psutil.Process]]:
    """All processes of the server that runs on `files` now."""

    def find() -> list[psutil.Process]:
        postmaster = Postmaster.read(files.data)
        assert postmaster is not None
        first = psutil.Process(postmaster.pid)
        return [first, *first.children(recursive=True)]

    return find
