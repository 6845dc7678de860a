"""Logs of runs that never were, to be analysed."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from loadtests.lines import Line, Load
from loadtests.sampling import FIELDS

BEGAN = 1_800_000_000.0
FACTS: dict[str, Any] = {
    "title": "Test",
    "is_short": True,
    "options": {},
    "users": 4,
    "listeners": 0,
    "organizations": 2,
    "runs": 10,
    "seed": 1,
    "is_own_server": True,
    "settings": {},
    "at": "2026-11-29T12:00:00+00:00",
    "version": "1",
    "cores": 2,
    "python": "3.11.7",
    "locust": "2.47.0",
}


def line(at: float = 0.5, ms: float = 10, **values: Any) -> Line:
    """A good GET of a page that was not kept, so many seconds after the beginning, unless told otherwise."""
    usual: dict[str, Any] = {
        "phase": "hold",
        "name": "Runs",
        "via": "GET",
        "place": 0,
        "late_ms": 0,
        "status": 200,
        "error": "",
        "cache": "miss",
        "bytes": 100,
    }
    return Line(at=BEGAN + at, ms=ms, **{**usual, **values})


def phase(name: str, began: float, ended: float, **values: Any) -> dict[str, Any]:
    """A phase, judged unless told otherwise."""
    usual = {"rate": 10, "mix": "mixed", "is_judged": True, "seen": {"unsent": 0}}
    return {**usual, "name": name, "began": BEGAN + began, "ended": BEGAN + ended, **values}


def logged(
    folder: Path,
    scenario: str,
    lines: Iterable[Line],
    *,
    phases: list[dict[str, Any]] | None = None,
    machine: Iterable[Mapping[str, float]] = (),
    generator: Iterable[tuple[float, float, float]] = (),
) -> Path:
    """Write the logs of a run. A sample of the machine is by column; one of the generator: moment, seconds, lag."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_bytes(orjson.dumps({**FACTS, "scenario": scenario}))
    (folder / "phases.json").write_bytes(orjson.dumps(phases or [phase("hold", 0, 10)]))
    with (folder / "requests.csv").open("w", newline="") as file:
        csv.writer(file).writerows([Line._fields, *lines])
    with (folder / "machine.csv").open("w", newline="") as file:
        samples = csv.DictWriter(file, FIELDS)
        samples.writeheader()
        samples.writerows({**one, "at": BEGAN + one["at"]} for one in machine)
    with (folder / "generator.csv").open("w", newline="") as file:
        loads = [Load(BEGAN + at, cpu_s, lag, lag) for at, cpu_s, lag in generator]
        csv.writer(file).writerows([Load._fields, *loads])
    return folder


def busy(seconds: int, **cores: float) -> list[dict[str, float]]:
    """Samples of each second: processes use so many cores, `others` among them, and the machine all together."""
    total = sum(cores.values())
    ours = {name: used for name, used in cores.items() if name != "others"}
    return [
        {"at": at, **{f"{name}_cpu_s": at * used for name, used in ours.items()}, "machine_cpu_s": at * total}
        for at in range(seconds + 1)
    ]
