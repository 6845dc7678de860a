import re
import tomllib
from pathlib import Path

import pytest

from tests.rules.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
VENDORS = re.findall(r"[a-z]+", EXTRAS["connectors"][0].partition("[")[2])
CONNECTORS = [*PROJECT["dependencies"], *(one for vendor in VENDORS for one in EXTRAS[vendor])]
LOADTESTS = [*(one for one in EXTRAS["loadtests"] if "maestro-ml" not in one), *EXTRAS["dataframes"]]
WANTED = {
    "run": PROJECT["dependencies"],
    "connectors": CONNECTORS,
    "loadtests": [*PROJECT["dependencies"], *LOADTESTS],
    "dev": [*CONNECTORS, *LOADTESTS, *EXTRAS["dev"]],
    "demo": [*CONNECTORS, *LOADTESTS, *EXTRAS["dev"], *EXTRAS["demo"]],
}
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)(\[.*?\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)
each_file = pytest.mark.parametrize("file", WANTED)


def normalised(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def entries(file: str) -> dict[str, str]:
    """Each pinned package with the text of its entry."""
    text = (ROOT / "requirements" / f"{file}.txt").read_text()
    starts = [*PIN.finditer(text)]
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {
        f"{normalised(start['name'])} {start['version']}": text[start.start() : end]
        for start, end in zip(starts, ends, strict=True)
    }


EMULATORS = sorted((ROOT / "requirements" / "emulators").glob("*.txt"))


@pytest.mark.parametrize("path", EMULATORS, ids=lambda path: path.stem)
def test_every_package_of_an_emulator_is_pinned_with_hashes(path: Path) -> None:
    pinned = entries(f"emulators/{path.stem}")
    assert [name for name, entry in pinned.items() if "--hash=sha256:" not in entry] == []
    wanted = re.sub(r"\[.*?\]", "", path.with_suffix(".in").read_text()).split()
    assert wanted
    assert [pin for pin in wanted if pin.replace("==", " ") not in pinned] == []


def test_every_requirement_file_is_one_that_the_rules_know() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == {*WANTED}


@each_file
def test_every_pinned_package_has_hashes(file: str) -> None:
    assert [name for name, entry in entries(file).items() if "--hash=sha256:" not in entry] == []


@each_file
def test_every_line_that_is_no_comment_belongs_to_a_pin(file: str) -> None:
    lines = (ROOT / "requirements" / f"{file}.txt").read_text().splitlines()
    known = re.compile(r"^\s*#|^ {4}--hash=sha256:[0-9a-f]{64}( \\)?$|^$")
    assert [line for line in lines if not known.search(line) and not PIN.match(line)] == []


@each_file
def test_every_dependency_of_the_project_is_pinned(file: str) -> None:
    pinned = {entry.split()[0] for entry in entries(file)}
    assert [name for name in map(normalised, WANTED[file]) if name not in pinned] == []


@each_file
def test_every_package_pinned_at_first_hand_is_a_dependency_of_the_project(file: str) -> None:
    direct = {name.split()[0] for name, entry in entries(file).items() if "maestro-ml" in entry}
    assert direct == set(map(normalised, WANTED[file]))


def test_the_files_pin_the_same_versions() -> None:
    run, loads, dev, demo = (set(entries(file)) for file in ("run", "loadtests", "dev", "demo"))
    assert run - loads == set()
    assert loads - dev == set()
    assert dev - demo == set()
