"""Which operations a process answers within a window: how often, how fast, and what each costs."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from maestro.effort import Effort, watched_by
from ops.profiling.files import HTML, MARKDOWN, Found, json_file, text_file
from ops.profiling.pages import Column, Table, markdown, page
from ops.profiling.sampling import interval_for, sampled

MOST_NAMES: Final = 200
"""So many names are told apart: clients make them up."""
LONGEST_NAME: Final = 100
OTHERS: Final = "(others)"
MOST_TIMES: Final = 100_000
"""So many durations are kept of a name; of more, those that came first."""
MS: Final = 1e3


@dataclass(slots=True)
class _Figures:
    count: int = 0
    times_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    statements: int = 0
    sql_s: float = 0.0
    batches: int = 0

    def add(self, done: Effort, seconds: float) -> None:
        self.count += 1
        if len(self.times_s) < MOST_TIMES:
            self.times_s.append(seconds)
        self.cpu_s += done.cpu_seconds
        self.statements += done.statements
        self.sql_s += done.sql_seconds
        self.batches += done.batches


class Watched:
    """What was seen of operations, by their names; arguments and texts are never seen."""

    def __init__(self) -> None:
        self.figures: dict[str, _Figures] = defaultdict(_Figures)

    def ended(self, name: str, effort: Effort, *, seconds: float) -> None:
        """Count an operation."""
        known = name[:LONGEST_NAME]
        if known not in self.figures and len(self.figures) >= MOST_NAMES:
            known = OTHERS
        self.figures[known].add(effort, seconds)


async def operations_profile(seconds: float, *, process: str) -> Found:
    """Watch the operations that end in this process within some seconds; Conflict as of `cpu_profile`."""
    watched = Watched()
    with sampled(interval_for(seconds)) as samples, watched_by(watched):
        await asyncio.sleep(seconds)
    rows = rows_of(watched, samples.cpu_s)
    count = sum(row["count"] for row in rows)
    summary = {
        "seconds": round(samples.wall_s, 3),
        "operations": count,
        "per_second": round(count / samples.wall_s, 2) if samples.wall_s else 0.0,
        "cpu_s": round(samples.cpu_s, 4),
        "by_name": rows,
    }
    told = (
        f"{process}, {samples.wall_s:.1f} s: {count:,} operations, {summary['per_second']:,.1f} a second; the loop's "
        f"thread had the processor for {samples.cpu_s:.2f} s. Subscriptions are left out."
    )
    table = Table("By operation", _COLUMNS, rows)
    return Found(
        summary,
        [
            text_file("operations.html", page("Operations", told, [table]), HTML),
            text_file("operations.md", f"# Operations\n\n{told}\n\n{markdown(table)}", MARKDOWN),
            json_file("operations.json", summary),
        ],
    )


def rows_of(watched: Watched, cpu_s: float) -> list[dict[str, Any]]:
    """Return what was seen by name, what has cost the most first; `cpu_s` is what the thread has had in all."""
    rows = [
        {
            "name": name,
            "count": one.count,
            **{f"p{part}_ms": round(_percentile(sorted(one.times_s), part) * MS, 3) for part in (50, 95, 99)},
            "cpu_ms": round(one.cpu_s * MS, 2),
            "cpu_share": round(one.cpu_s / cpu_s, 4) if cpu_s else 0.0,
            "statements": round(one.statements / one.count, 2),
            "sql_ms": round(one.sql_s / one.count * MS, 3),
            "batches": round(one.batches / one.count, 2),
        }
        for name, one in watched.figures.items()
    ]
    return sorted(rows, key=lambda row: (-row["cpu_ms"], -row["count"], row["name"]))


def _percentile(times: list[float], part: int) -> float:
    """Return the value below which so many in a hundred lie, by the nearest rank."""
    return times[max(-(-len(times) * part // 100) - 1, 0)]


def _ms(value: float) -> str:
    return f"{value:,.1f}"


_COLUMNS: Final = (
    Column("name", "Operation"),
    Column("count", "Count", measure=lambda value: f"{value:,}"),
    Column("p50_ms", "p50 ms", measure=_ms),
    Column("p95_ms", "p95 ms", measure=_ms),
    Column("p99_ms", "p99 ms", measure=_ms),
    Column("cpu_share", "CPU", measure=lambda value: f"{value:.1%}", has_bar=True),
    Column("statements", "Statements each", measure=_ms),
    Column("sql_ms", "SQL ms each", measure=_ms),
    Column("batches", "Batches each", measure=_ms),
)
