"""The tables of a report, which both of its forms show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.analysis.numbers import UNKNOWN, number
from loadtests.analysis.verdict import verdicts
from loadtests.report.words import LIMITS, measures_told


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts: its title, what is said of it, its columns, its rows."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables_of(summary: dict[str, Any]) -> list[Table]:
    """Return the tables that have rows; the objectives come first."""
    found = [objectives(summary), measured(summary), phases(summary), operations(summary), errors(summary)]
    return [table for table in [*found, caches(summary)] if table.rows]


def objectives(summary: dict[str, Any]) -> Table:
    """Return the objectives with what was measured."""
    found = verdicts(summary["run"]["scenario"], summary["measures"])
    rows = [(one.objective.name, one.told, one.objective.goal, one.mark) for one in found]
    return Table("Objectives", "", ("objective", "measured", "goal", ""), rows)


def measured(summary: dict[str, Any]) -> Table:
    """Return what was measured."""
    note = "Of the phase that is judged, unless a line says otherwise."
    return Table("Measured", note, ("what", "value"), measures_told(summary))


def phases(summary: dict[str, Any]) -> Table:
    """Return the phases: what was due and answered, how long it took, who was busy, who was the limit."""
    rows = [_phase(phase) for phase in summary["phases"]]
    columns = (
        "phase", "s", "due/s", "sent/s", "errors", "not sent", "p50 ms", "p95 ms", "p99 ms", "server", "PostgreSQL",
        "generator", "others", "lag ms", "limit",
    )  # fmt: skip
    note = (
        "Times count from the moment a request was due, also while it waited for a free user; those that still waited "
        "at the end of a phase were never sent. Server, PostgreSQL, generator and other processes: cores in use. Lag: "
        "how late the generator's loop came to what was due, 95 of 100."
    )
    return Table("Phase by phase", note, columns, rows)


def _phase(phase: dict[str, Any]) -> tuple[str, ...]:
    due = "" if phase["due_rate"] is None else number(phase["due_rate"])
    times = (number(phase[f"p{percent}_ms"]) for percent in (50, 95, 99))
    server = phase["server"] if phase["bare"] != phase["bare"] or phase["bare"] < phase["server"] else phase["bare"]
    cores = (_cores(value) for value in (server, phase["postgres"], phase["generator"], phase["others"]))
    counts = (number(phase["errors"]), number(phase["unsent"]))
    name = f"{phase['name']} (judged)" if phase["is_judged"] else phase["name"]
    sent = (number(phase["seconds"]), due, number(phase["rate"]))
    return (name, *sent, *counts, *times, *cores, number(phase["lag_p95_ms"]), LIMITS[phase["limit"]])


def _cores(value: float | None) -> str:
    return UNKNOWN if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124


def operations(summary: dict[str, Any]) -> Table:
    """Return the operations of the phase that is judged."""
    rows = [
        (
            str(one["name"]),
            one["via"],
            number(one["requests"]),
            number(one["errors"]),
            *(number(one[f"{name}_ms"]) for name in ("p50", "p95", "p99", "max")),
            number(one["bytes"]),
        )
        for one in summary["operations"]
    ]
    columns = ("operation", "by", "count", "errors", "p50 ms", "p95 ms", "p99 ms", "max ms", "bytes")
    note = "Of the phase that is judged. By WS and SSE: from the sending of a point to its event."
    return Table("Operation by operation", note, columns, rows)


def errors(summary: dict[str, Any]) -> Table:
    """Return what went wrong."""
    rows = [
        (
            str(one["error"]),
            one["via"],
            str(one["status"] or "no answer"),
            number(one["count"]),
            one["operations"],
            f"{number(one['first_s'])} s",
            one["phases"],
        )
        for one in summary["errors"]
    ]
    columns = ("class", "by", "status", "count", "mostly", "first", "in phases")
    return Table("What went wrong", "", columns, rows)


def caches(summary: dict[str, Any]) -> Table:
    """Return how many answers were kept ones."""
    rows = [
        (str(one["name"]), number(one["answers"]), number(one["hits"]), number(one["rate"], "%"))
        for one in summary["caches"]
    ]
    note = "As Cache-Status tells; what is never kept is not counted. Each batch that is logged makes some stale."
    return Table("Answers that were kept", note, ("operation", "answers", "kept ones", "part"), rows)
