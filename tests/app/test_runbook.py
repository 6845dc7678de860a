"""The runbook is followed from its first command to its last one, by the commands as they stand there."""

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.conftest import ROOT, START_S, Program, folder_in
from tests.fixtures.program import command

GUIDE = ROOT / "docs" / "guides" / "runbook.md"
PART = re.compile(r"^## (?P<title>.*?)\n|^ *```sh\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
STOPPED = "The database does not start, or its folder is damaged"
ELSEWHERE = "The machine is lost"
PLACES = {"/var/backups/maestro": "backups", "/media/safe": "safe"}
"""What stands for the folders of the page."""
LINK = re.compile(r"http\S+/sign-in\?token=\S+")


@dataclass(frozen=True)
class Block:
    """Commands of the page; those that begin a section may have to be carried out without a server, or elsewhere."""

    begins: str | None
    text: str


def blocks() -> Iterator[Block]:
    begins = None
    for part in PART.finditer(GUIDE.read_text(encoding="utf-8")):
        if part["title"] is not None:
            begins = part["title"]
        else:
            yield Block(begins, part["text"])
            begins = None


@dataclass(frozen=True)
class Shell:
    """A shell on a machine: its folder, where backups and what is safe lie, and what was exported before."""

    program: Program
    mounts: Path
    exported: dict[str, str]

    def run(self, text: str) -> str:
        """Carry out a block and return what it prints; every command has to succeed."""
        for place, name in PLACES.items():
            text = text.replace(place, str(self.mounts / name))
        text = text.replace(".venv/bin/python -m app", " ".join(command()))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{text}\nenv -0 > {self.program.folder / 'exported'}"],
            cwd=self.program.folder,
            env={**self.program.environment(MAESTRO_WORKERS="1"), **self.exported},
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * START_S,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        entries = (self.program.folder / "exported").read_text().split("\0")
        kept = (entry.partition("=") for entry in entries if entry.startswith("MAESTRO_BACKUP_STORE="))
        self.exported.update({name: value for name, _, value in kept})
        return done.stdout


@pytest.fixture
def mounts(reachable_folder: Path) -> Iterator[Path]:
    with folder_in(reachable_folder) as folder:
        for name in PLACES.values():
            (folder / name).mkdir()
        yield folder


def test_the_runbook_leads_where_it_says(reachable_folder: Path, mounts: Path) -> None:
    waiting = blocks()
    with folder_in(reachable_folder) as first, folder_in(reachable_folder) as second:
        machine = Shell(Program(first), mounts, {})
        assert machine.program.run("seed", "--scale", "20").returncode == 0
        machine.run(next(waiting).text)
        _, stopped = follow(machine, waiting, up_to=STOPPED)
        assert "The database is as it was at" in machine.run(stopped)
        _, lost = follow(machine, waiting, up_to=ELSEWHERE)

        other = Shell(Program(second), mounts, {})
        told = other.run(lost)
        assert "adopted" in told
        assert "Restored; requests were refused for" in told
        printed, _ = follow(other, waiting)
        assert LINK.search(printed) is not None
        # The first one has those of the organisation besides that was brought back beside the others.
        assert (runs(machine), runs(other)) == ("40", "20")


def follow(machine: Shell, waiting: Iterator[Block], *, up_to: str = "") -> tuple[str, str]:
    """Carry out blocks while a server runs, up to the one that begins a section; return what was printed, and that."""
    printed = ""
    with machine.program.serving(MAESTRO_WORKERS="1", **machine.exported) as server:
        for block in waiting:
            if block.begins == up_to:
                assert server.stop(signal.SIGTERM) == 0
                return printed, block.text
            printed += machine.run(block.text)
        assert server.stop(signal.SIGTERM) == 0
    return printed, ""


def runs(machine: Shell) -> str:
    return machine.run('.venv/bin/python -m app psql -- -At -c "SELECT count(*) FROM run"').strip()
