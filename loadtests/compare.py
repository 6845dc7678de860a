"""`python -m loadtests.compare A B`: two runs of one scenario beside each other, B to A, with a verdict.

Exits with 1 when B is worse: an objective is missed that A reached, or something costs more than may be by chance.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

from loadtests.analysis.numbers import number
from loadtests.report.words import TITLES

MORE_IS_BETTER: Final = frozenset(
    {"rate", "due_rate", "cache_hit_rate", "most_answered", "served_rate", "refused_rate"}
)
LESS_IS_BETTER: Final = frozenset({
    "p50_ms", "p95_ms", "p99_ms", "event_p95_ms", "server_cpu_ms", "postgres_cpu_ms", "recovery_s", "memory_mb",
    "memory_growth", "refused_cost", "refused_cpu_ms", "served_cpu_ms", "violations", "sockets_mb", "fanout_s",
    "ceiling_cpu_ms",
})  # fmt: skip
TOLERANCE: Final = 0.15
"""Runs of the same differ by so much."""
GROUND: Final = frozenset({"ceiling_cpu_ms"})
"""What tells of the machine and not of the server: where it differs, the runs cannot be compared by their times."""
WIDTH: Final = 120


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in both runs."""

    measure: str
    a: float
    b: float

    @property
    def ratio(self) -> float:
        """How B is to A; 1 when both are 0, infinite when A alone is."""
        if self.a:
            return self.b / self.a
        return 1.0 if not self.b else math.inf

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `alike`; nothing for what is neither good nor bad."""
        if self.measure in MORE_IS_BETTER:
            return _told(-self.ratio, -1)
        return _told(self.ratio, 1) if self.measure in LESS_IS_BETTER else ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and which objectives one reached and the other missed."""

    differences: list[Difference]
    lost: list[str]
    won: list[str]
    warnings: list[str]

    @property
    def is_worse(self) -> bool:
        """Whether B is worse than A, of what tells of the server."""
        return bool(self.lost) or any(one.verdict == "worse" for one in self.differences if one.measure not in GROUND)


def compared(a: dict[str, Any], b: dict[str, Any]) -> Comparison:
    """Compare the summaries of two runs; ValueError when they are of different scenarios."""
    scenarios = {one["run"]["scenario"] for one in (a, b)}
    if len(scenarios) > 1:
        raise ValueError(f"The runs are of different scenarios: {' and '.join(sorted(scenarios))}.")
    measured = [
        Difference(name, a["measures"][name], b["measures"][name])
        for name in TITLES
        if _is_known(a["measures"].get(name)) and _is_known(b["measures"].get(name))
    ]
    reached = [{one["measure"]: one["is_reached"] for one in summary["verdicts"]} for summary in (a, b)]
    lost = [name for name, is_reached in reached[0].items() if is_reached and not reached[1].get(name, True)]
    won = [name for name, is_reached in reached[0].items() if not is_reached and reached[1].get(name, False)]
    return Comparison(measured, lost, won, _warnings(a["run"], b["run"], measured))


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _told(ratio: float, alike: float) -> str:
    difference = ratio - alike
    if abs(difference) <= TOLERANCE:
        return "alike"
    return "worse" if difference > 0 else "better"


def _warnings(a: dict[str, Any], b: dict[str, Any], measured: list[Difference]) -> list[str]:
    names = ("is_short", "options", "users", "listeners", "organizations", "runs", "cores", "is_own_server")
    found = [f"{name} differs: {a[name]} and {b[name]}." for name in names if a.get(name) != b.get(name)]
    return found + [
        "The bare application cost another processor time as well: it is the machine that differs, not only the server."
        for one in measured
        if one.measure in GROUND and one.verdict != "alike"
    ]


@click.command()
@click.argument("a", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("b", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(a: Path, b: Path) -> None:
    """Compare the run in folder B with that in folder A."""
    try:
        found = compared(*(orjson.loads((folder / "summary.json").read_bytes()) for folder in (a, b)))
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    table = Table(box=None, pad_edge=False)
    for title in ("measure", "A", "B", "B to A", ""):
        table.add_column(title, justify="left" if title in ("measure", "") else "right")
    for one in found.differences:
        title, unit = TITLES[one.measure]
        table.add_row(title, number(one.a, unit), number(one.b, unit), f"{one.ratio:.2f} x", one.verdict)
    console = Console(highlight=False, width=WIDTH)
    console.print(table)
    for warning in found.warnings:
        console.print(f"Mind: {warning}")
    for title, names in (("missed by B alone", found.lost), ("reached by B alone", found.won)):
        if names:
            console.print(f"Objectives {title}: {', '.join(names)}.")
    console.print("B is worse." if found.is_worse else "B is no worse.")
    sys.exit(1 if found.is_worse else 0)


if __name__ == "__main__":
    main()
