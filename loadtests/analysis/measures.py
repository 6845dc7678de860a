"""The measures that objectives speak of, and those that are told beside them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from loadtests.analysis.errors import failures, hits
from loadtests.analysis.latency import percentile, percentiles, recovery_s
from loadtests.analysis.reading import Run, grown
from loadtests.slo import P95_MS

VIOLATION: Final = "VIOLATION"
END_SHARE: Final = 0.1
"""What is compared to see growth: the first and the last tenth of a phase, by their medians."""
MB: Final = 1e6
KB: Final = 1e3

Measures = dict[str, float]


def measures(run: Run) -> Measures:
    """Return every measure of a run by its name; those of its last judged phase, unless told otherwise."""
    special = SPECIAL.get(run.facts["scenario"])
    return {**_usual(run), **(special(run) if special else {})}


def _usual(run: Run) -> Measures:
    phase = run.judged
    lines, events = run.during(run.asked, phase), run.during(run.events, phase)
    kept = hits(run.asked)
    unsent = phase["seen"].get("unsent", 0)
    return {
        "requests": len(run.asked),
        "judged_requests": len(lines),
        "rate": len(lines) / (phase["ended"] - phase["began"]),
        **percentiles(lines.total_ms),
        "sent_p95_ms": percentile(lines.ms, 95),
        "errors": int((lines.error != "").sum() + (events.error != "").sum()) + unsent,
        "failures": failures(run.requests),
        "events": len(run.events),
        "event_p95_ms": percentile(events[events.error == ""].ms, 95),
        "cache_hit_rate": float(str(kept[-1]["rate"])) if kept else float("nan"),
        "server_cpu_ms": _cpu_ms(run, "server", phase),
        "postgres_cpu_ms": _cpu_ms(run, "postgres", phase),
    }


def _cpu_ms(run: Run, who: str, phase: dict[str, Any], *, lines: pd.DataFrame | None = None) -> float:
    """Return the processor time of a process a request of a phase."""
    count = len(run.during(run.asked if lines is None else lines, phase))
    return 1000 * grown(run.machine, f"{who}_cpu_s", phase) / count if count else float("nan")


def _baseline(run: Run) -> Measures:
    found = {"due_rate": float(run.judged["rate"] or 0)}
    try:
        ceiling = run.phase("ceiling")
    except KeyError:
        return found
    bare = run.requests[run.requests.name == "Bare"]
    count = len(run.during(bare, ceiling))
    return {
        **found,
        "ceiling_rate": count / (ceiling["ended"] - ceiling["began"]),
        "ceiling_cpu_ms": _cpu_ms(run, "bare", ceiling, lines=bare),
    }


def _spike(run: Run) -> Measures:
    spike = run.phase("spike")
    lines = run.during(run.asked, spike)
    return {
        "recovery_s": recovery_s(run.asked, spike["ended"], P95_MS),
        "spike_rate": len(lines) / (spike["ended"] - spike["began"]),
        "spike_p95_ms": percentile(lines.total_ms, 95),
        "spike_unsent": float(spike["seen"].get("unsent", 0)),
    }


def _stress(run: Run) -> Measures:
    answered = [
        len(lines[lines.error == ""]) / (phase["ended"] - phase["began"])
        for phase in run.phases
        if phase["name"].startswith("step") and len(lines := run.during(run.asked, phase))
    ]
    return {"most_answered": max(answered, default=float("nan"))}


def _endurance(run: Run) -> Measures:
    memory = _ends(run, "server_rss_bytes")
    found = {
        "memory_growth": 100 * (memory[1] / memory[0] - 1) if memory[0] else float("nan"),
        "memory_mb": memory[1] / MB,
    }
    for name, column in (("files", "server_fds"), ("threads", "server_threads"), ("tasks", "server_tasks")):
        ends = _ends(run, column)
        found[f"{name}_growth"] = ends[1] - ends[0]
    return found


def _ends(run: Run, column: str) -> tuple[float, float]:
    phase = run.judged
    edge = (phase["ended"] - phase["began"]) * END_SHARE
    known = run.machine.dropna(subset=[column])
    first = known[(known["at"] >= phase["began"]) & (known["at"] <= phase["began"] + edge)]
    last = known[(known["at"] >= phase["ended"] - edge) & (known["at"] <= phase["ended"])]
    return float(first[column].median()), float(last[column].median())


def _rate_limit(run: Run) -> Measures:
    served, refused, idle = run.phase("served"), run.phase("refused"), run.phase("idle")
    # What the server does when it is asked nothing belongs to neither.
    quiet = grown(run.machine, "server_cpu_s", idle) / (idle["ended"] - idle["began"])
    costs = [_cost(run, phase, quiet) for phase in (served, refused)]
    during = run.during(run.asked, refused)
    return {
        "served_cpu_ms": costs[0],
        "refused_cpu_ms": costs[1],
        "refused_cost": 100 * costs[1] / costs[0] if costs[0] else float("nan"),
        "served_rate": len(run.during(run.asked, served)) / (served["ended"] - served["began"]),
        "refused_rate": len(during) / (refused["ended"] - refused["began"]),
        "served_beyond": int((during.error == "").sum()),
        "served_postgres_cpu_ms": _cpu_ms(run, "postgres", served),
        "refused_postgres_cpu_ms": _cpu_ms(run, "postgres", refused),
    }


def _cost(run: Run, phase: dict[str, Any], quiet: float) -> float:
    lines = run.during(run.asked, phase)
    seconds = phase["ended"] - phase["began"]
    spent = grown(run.machine, "server_cpu_s", phase) - quiet * seconds
    return 1000 * spent / len(lines) if len(lines) else float("nan")


def _isolation(run: Run) -> Measures:
    # Each of them was looked through, events too.
    return {
        "violations": int((run.requests.error == VIOLATION).sum()),
        "trespasses": int(run.asked.name.str.endswith("another").sum()),
        "checked": len(run.requests),
    }


def _sockets(run: Run) -> Measures:
    before, idle = _memory(run, "before"), _memory(run, "idle")
    changes = run.events[run.events.name.str.startswith("Change")]
    told = changes[changes.error == ""]
    # Those that were refused take nothing.
    count = int((run.events[run.events.name == "Open"].error == "").sum())
    spent = grown(run.machine, "server_cpu_s", run.judged)
    return {
        "sockets": int((run.events.name == "Open").sum()),
        "sockets_mb": (idle - before) / MB,
        "socket_kb": (idle - before) / KB / count if count else float("nan"),
        "told_cpu_ms": 1000 * spent / len(told) if len(told) else float("nan"),
        "server_mb": idle / MB,
        "fanout_s": float(told.ms.groupby(told.name).max().median()) / 1000,
        "fanout_slowest_s": float(told.ms.max()) / 1000,
        "untold": int((changes.error != "").sum()),
    }


def _memory(run: Run, name: str) -> float:
    """Return the resident memory of the server at the end of a phase, in bytes."""
    during = run.during(run.machine, run.phase(name)).server_rss_bytes.dropna()
    return float(during.iloc[-1]) if len(during) else float("nan")


SPECIAL: Final[Mapping[str, Callable[[Run], Measures]]] = {
    "baseline": _baseline,
    "stress": _stress,
    "spike": _spike,
    "endurance": _endurance,
    "rate-limit": _rate_limit,
    "tenant-isolation": _isolation,
    "sockets": _sockets,
}
"""What is measured in one scenario alone."""
