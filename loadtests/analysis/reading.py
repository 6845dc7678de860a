"""The logs of a run as tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from loadtests.lines import Line, Load
from loadtests.sampling import FIELDS

STREAMED: Final = ("WS", "SSE")
TEXTS: Final = {"phase": str, "name": str, "via": str, "error": str, "cache": str}


@dataclass(frozen=True, slots=True)
class Run:
    """A run: what was run, its phases in order, and its logs. Moments are in seconds since the first phase began.

    `requests` has a line a request or event with `total_ms`, from when it was due; `machine` and `generator` have a
    line a second.
    """

    facts: dict[str, Any]
    phases: list[dict[str, Any]]
    requests: pd.DataFrame
    machine: pd.DataFrame
    generator: pd.DataFrame

    @property
    def asked(self) -> pd.DataFrame:
        """The requests, without events and without those to the bare application."""
        lines = self.requests
        return lines[~lines.via.isin(STREAMED) & (lines.name != "Bare")]

    @property
    def events(self) -> pd.DataFrame:
        """What was told to those who follow runs."""
        return self.requests[self.requests.via.isin(STREAMED)]

    @property
    def judged(self) -> dict[str, Any]:
        """The last phase that is judged."""
        found: dict[str, Any] = next(phase for phase in reversed(self.phases) if phase["is_judged"])
        return found

    def phase(self, name: str) -> dict[str, Any]:
        """Return the last phase of a name; KeyError for none."""
        found: dict[str, dict[str, Any]] = {phase["name"]: phase for phase in self.phases}
        return found[name]

    def during(self, lines: pd.DataFrame, phase: dict[str, Any]) -> pd.DataFrame:
        """Return the lines of a phase, by its name where they have one, else by their moments."""
        between = (lines["at"] >= phase["began"]) & (lines["at"] <= phase["ended"])
        return lines[between & (lines.phase == phase["name"])] if "phase" in lines else lines[between]


def read(folder: Path) -> Run:
    """Read the logs that a run has left in a folder; RuntimeError when they tell of no request."""
    facts = orjson.loads((folder / "run.json").read_bytes())
    phases = orjson.loads((folder / "phases.json").read_bytes())
    requests = _table(folder, "requests", list(Line._fields))
    if requests.empty:
        raise RuntimeError("The log has no request.")
    began = phases[0]["began"]
    for phase in phases:
        phase["began"] -= began
        phase["ended"] -= began
    requests = requests.astype(TEXTS)
    requests["total_ms"] = requests.ms + requests.late_ms
    machine, generator = _table(folder, "machine", list(FIELDS)), _table(folder, "generator", list(Load._fields))
    for table in (requests, machine, generator):
        table["at"] = table["at"].astype(float) - began
    return Run(facts, phases, requests, machine, generator)


def rates(table: pd.DataFrame, column: str) -> pd.Series:
    """Return how fast a counter grows, a second, at each moment of a table but the first."""
    values, moments = table[column].to_numpy(float), table["at"].to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.Series(np.diff(values) / np.diff(moments), index=moments[1:], name=column)


def grown(table: pd.DataFrame, column: str, phase: dict[str, Any]) -> float:
    """Return by how much a counter grew in a phase, between its samples interpolated; not a number for none."""
    known = table[["at", column]].dropna()
    if len(known) <= 1:
        return float("nan")
    ends = np.interp([phase["began"], phase["ended"]], known["at"], known[column])
    return float(ends[1] - ends[0])


def _table(folder: Path, name: str, columns: list[str]) -> pd.DataFrame:
    """Read a log, compressed or not; an empty one where there is none."""
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.exists():
            return pd.read_csv(path, keep_default_na=name != "requests")
    return pd.DataFrame(columns=pd.Index(columns), dtype=float)
