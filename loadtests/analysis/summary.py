"""A run in numbers: what a report shows, and what two reports are compared by."""

from typing import Any

from loadtests.analysis.errors import hits, taxonomy
from loadtests.analysis.latency import by_operation, percentiles
from loadtests.analysis.limits import limits
from loadtests.analysis.measures import measures
from loadtests.analysis.reading import Run
from loadtests.analysis.verdict import verdicts


def summarised(run: Run) -> dict[str, Any]:
    """Return what was run, every measure, the verdicts, and the tables of phases, operations, errors and caches."""
    measured = measures(run)
    found = verdicts(run.facts["scenario"], measured)
    return {
        "run": run.facts,
        "measures": measured,
        "verdicts": [
            {"measure": one.objective.measure, "is_reached": one.is_reached, "value": one.value} for one in found
        ],
        "is_reached": all(one.is_reached for one in found),
        "phases": [
            _phase(run, phase, found_limits) for phase, found_limits in zip(run.phases, limits(run), strict=True)
        ],
        "operations": by_operation(run.during(run.requests, run.judged)),
        "errors": taxonomy(run.requests),
        "caches": hits(run.asked),
    }


def _phase(run: Run, phase: dict[str, Any], limit: dict[str, Any]) -> dict[str, Any]:
    lines = run.during(run.requests, phase)
    lines = lines[~lines.via.isin(("WS", "SSE"))] if phase["mix"] != "sockets" else lines
    seconds = phase["ended"] - phase["began"]
    return {
        "name": phase["name"],
        "began": phase["began"],
        "seconds": seconds,
        "due_rate": phase["rate"],
        "rate": len(lines) / seconds,
        "errors": int((lines.error != "").sum()),
        "unsent": phase["seen"].get("unsent", 0),
        "is_judged": phase["is_judged"],
        **percentiles(lines.total_ms),
        **limit,
    }
