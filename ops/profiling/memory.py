"""What a process allocates and keeps within a window, by lines, by files and by stacks."""

import asyncio
import gc
import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from maestro.errors import Conflict
from ops.profiling.cost import Cost, allocation_ns
from ops.profiling.files import HTML, SVG, Found, json_file, text_file
from ops.profiling.flame_graph import Picture, flame_graph
from ops.profiling.pages import Column, Table, page
from ops.profiling.places import module_of, short_path
from ops.profiling.stacks import Stack, merged, tree

DEEPEST: Final = 40
"""So many frames of each allocation are kept."""
MOST_LINES: Final = 50
_PAGES: Final = Path("/proc/self/statm")
_KIB: Final = 1024
_LOOP: Final = frozenset({"asyncio.runners", "asyncio.base_events", "asyncio.events"})
_OWN: Final = (
    tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__),
    tracemalloc.Filter(inclusive=False, filename_pattern="*/ops/profiling/*"),
    tracemalloc.Filter(inclusive=False, filename_pattern="<frozen importlib*"),
)


@dataclass(frozen=True, slots=True)
class _Seen:
    before: tracemalloc.Snapshot
    after: tracemalloc.Snapshot
    rss: tuple[int | None, int | None]
    peak: int
    traced_by: int
    """What tracing itself takes, in bytes."""
    cost: Cost


async def memory_profile(seconds: float, *, process: str) -> Found:
    """Trace the allocations of this process for some seconds, and tell what of them is still there.

    Conflict while somebody else traces them. It ends early when it is cancelled, and tracing always ends with it.
    """
    rss, before_ns = resident_bytes(), allocation_ns()
    with _traced():
        before = tracemalloc.take_snapshot()
        await asyncio.sleep(seconds)
        cost = Cost("the allocation of a small object", before_ns, allocation_ns())
        # What only waits for the collector is no growth.
        gc.collect()
        traced_by, (_, peak) = tracemalloc.get_tracemalloc_memory(), tracemalloc.get_traced_memory()
        seen = _Seen(before, tracemalloc.take_snapshot(), (rss, resident_bytes()), peak, traced_by, cost)
    return await asyncio.to_thread(_found, seen, seconds, process=process)


@contextmanager
def _traced() -> Iterator[None]:
    if tracemalloc.is_tracing():
        raise Conflict(
            "The allocations of this process are being traced already.",
            hint="Wait for the end of the other profile, or start the process without PYTHONTRACEMALLOC.",
        )
    tracemalloc.start(DEEPEST)
    try:
        yield
    finally:
        tracemalloc.stop()


def resident_bytes() -> int | None:
    """Return how much memory of the machine this process has; None where the system does not tell."""
    try:
        return int(_PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _found(seen: _Seen, seconds: float, *, process: str) -> Found:
    before, after = seen.before.filter_traces(_OWN), seen.after.filter_traces(_OWN)
    summary = {
        "seconds": seconds,
        "rss_before_bytes": seen.rss[0],
        "rss_after_bytes": seen.rss[1],
        "grown_bytes": sum(one.size_diff for one in after.compare_to(before, "filename")),
        "peak_traced_bytes": seen.peak,
        "lines": _grown(before, after, "lineno"),
        "files": _grown(before, after, "filename"),
        "overhead": {**seen.cost.plain, "traced_by_bytes": seen.traced_by},
    }
    stacks = merged((_stack(one.traceback), float(one.size)) for one in after.statistics("traceback"))
    told = _told(summary, process)
    picture = Picture(title="Memory that was allocated and kept", subtitle=told, measure=size)
    svg = flame_graph(tree(stacks, root="allocated"), picture)
    return Found(
        summary,
        [
            text_file("memory.svg", svg, SVG),
            text_file("memory.html", page("Memory that was allocated and kept", told, _tables(summary)), HTML),
            json_file("memory.json", summary),
            text_file("memory.txt", _text(summary, told)),
        ],
    )


def _grown(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, by: str) -> list[dict[str, Any]]:
    """Return where most has grown, by line or by file."""
    changes = sorted(after.compare_to(before, by), key=lambda one: -one.size_diff)[:MOST_LINES]
    return [
        {
            "place": _place(one.traceback[0]) if by == "lineno" else short_path(one.traceback[0].filename),
            "grown_bytes": one.size_diff,
            "bytes": one.size,
            "blocks": one.count_diff,
        }
        for one in changes
        if one.size_diff > 0
    ]


def _place(frame: tracemalloc.Frame) -> str:
    return f"{short_path(frame.filename)}:{frame.lineno}"


def _stack(traceback: tracemalloc.Traceback) -> Stack:
    """Return a stack by lines, from the event loop on; of one that is deeper than what was kept, its innermost part."""
    modules = [module_of(frame.filename) for frame in traceback]
    start = max((depth for depth, module in enumerate(modules, start=1) if module in _LOOP), default=0)
    lines = [f"{module}:{frame.lineno}" for module, frame in zip(modules, traceback, strict=True)]
    is_cut = not start and (traceback.total_nframe or 0) > len(lines)
    return (*(("(deeper stacks)",) if is_cut else ()), *lines[start:])


def _told(summary: dict[str, Any], process: str) -> str:
    before, after = summary["rss_before_bytes"], summary["rss_after_bytes"]
    resident = "" if before is None or after is None else f" The process had {size(before)}, then {size(after)}."
    tracing = size(summary["overhead"]["traced_by_bytes"])
    return (
        f"{process}, {summary['seconds']:g} s: {size(summary['grown_bytes'])} allocated and kept, "
        f"{size(summary['peak_traced_bytes'])} at most.{resident} To trace took {tracing}."
    )


def _tables(summary: dict[str, Any]) -> list[Table]:
    columns = (
        Column("place", "Where"),
        Column("grown_bytes", "Grown", measure=size, has_bar=True),
        Column("blocks", "Blocks", measure=lambda value: f"{value:,.0f}"),
    )
    return [Table("By line", columns, summary["lines"]), Table("By file", columns, summary["files"])]


def _text(summary: dict[str, Any], told: str) -> str:
    parts = [told, ""]
    for title, key in (("By line:", "lines"), ("By file:", "files")):
        parts.append(title)
        parts += [f"{size(one['grown_bytes']):>11}  {one['blocks']:>8,} blocks  {one['place']}" for one in summary[key]]
        parts.append("")
    parts.append(f"Python {sys.version_info.major}.{sys.version_info.minor}.")
    return "\n".join(parts) + "\n"


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("B", "KiB", "MiB"):
        if abs(count) < _KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIB
    return f"{count:.1f} GiB"
