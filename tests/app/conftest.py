"""The program as people start it: `python -m app` in a process of its own, on a data folder of its own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from app.cli import main
from tests.fixtures.program import command

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(http://\S+)/sign-in\?token=(\S+)")
READY = "Ctrl-C stops the server."
START_S = 90
STOP_S = 20


@dataclass(frozen=True)
class Program:
    """Runs commands in a folder, whose `.maestro` is their data folder."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / ".maestro"

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
        # A worker would take a second of every test that starts a server; those of jobs ask for some.
        return {**kept, "PYTHONPATH": str(ROOT), "MAESTRO_WORKERS": "0", **settings}

    def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, in a process of its own."""
        return subprocess.run(
            [*command(), *arguments],
            cwd=self.folder,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=START_S,
        )

    def invoke(self, *arguments: str, **settings: str) -> Result:
        """Run a command to its end in this process: to start one and import everything takes seconds."""
        unset = dict.fromkeys(name for name in os.environ if name.startswith("MAESTRO_"))
        environment = {**unset, "MAESTRO_DATA_DIR": str(self.data), "MAESTRO_WORKERS": "0", **settings}
        return CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)

    def serving(self, **settings: str) -> "AbstractContextManager[Server]":
        """A server that accepts connections; killed at the end if the test has not stopped it."""
        return self._serving(command(), settings)

    def launched(self, **settings: str) -> "AbstractContextManager[Server]":
        """The same, started as people do and not forked, which takes seconds longer: to look at the process itself."""
        return self._serving((sys.executable, "-m", "app"), settings)

    @contextmanager
    def _serving(self, start: Sequence[str], settings: Mapping[str, str]) -> "Iterator[Server]":
        with (
            (self.folder / "log").open("w") as log,
            subprocess.Popen(
                [*start, "serve", "--port", settings.get("MAESTRO_PORT", "0")],
                cwd=self.folder,
                env=self.environment(**settings),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            try:
                yield Server(self, process, read_until_ready(process))
            finally:
                process.kill()

    def postgres(self) -> list[psutil.Process]:
        """PostgreSQL's processes on this data folder."""
        return [process for process in psutil.process_iter() if is_postgres_in(process, self.data)]


def is_postgres_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()).is_relative_to(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
        return False


def read_until_ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    deadline = threading.Timer(START_S, process.kill)
    deadline.start()
    printed = ""
    for line in process.stdout:
        printed += line
        if READY in line:
            break
    deadline.cancel()
    assert READY in printed, f"the server did not start: {printed}"
    return printed


@dataclass(frozen=True)
class Server:
    """A running server, with what it has printed."""

    program: Program
    process: "subprocess.Popen[str]"
    printed: str

    @property
    def url(self) -> str:
        return self._link()[1]

    @property
    def token(self) -> str:
        return self._link()[2]

    def _link(self) -> re.Match[str]:
        found = LINK.search(self.printed)
        assert found is not None, self.printed
        return found

    def stop(self, signum: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(STOP_S)

    def log(self) -> str:
        return (self.program.folder / "log").read_text()


@contextmanager
def folder_in(reachable: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=reachable))
    folder.chmod(0o711)
    yield folder


@pytest.fixture(scope="session")
def server(reachable_folder: Path) -> Iterator[Server]:
    """A server that many tests share, on a data folder that it has made itself."""
    with folder_in(reachable_folder) as folder, Program(folder).serving() as running:
        yield running
        assert running.stop(signal.SIGTERM) == 0


@pytest.fixture(scope="session")
def key(server: Server) -> str:
    """An API key of the shared server."""
    made = server.program.invoke("key", "create", "--name", "tests")
    assert made.exit_code == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="session")
def initialised(reachable_folder: Path) -> Path:
    """A folder with a migrated database in it, to be copied: making one takes seconds."""
    with folder_in(reachable_folder) as folder:
        done = Program(folder).invoke("migrate")
        assert done.exit_code == 0, done.stderr
        return folder


@contextmanager
def migrated(reachable: Path, initialised: Path) -> Iterator[Program]:
    """The program on a migrated database of its own, without a server."""
    with folder_in(reachable) as folder:
        subprocess.run(["cp", "-a", initialised / ".maestro", folder / ".maestro"], check=True)
        yield Program(folder)


@pytest.fixture
def program(reachable_folder: Path, initialised: Path) -> Iterator[Program]:
    """The program on a migrated database of the test's own, without a server."""
    with migrated(reachable_folder, initialised) as program:
        yield program
