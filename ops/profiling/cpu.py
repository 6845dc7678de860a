"""What the thread of a process's loop spends its time on: sampled, or each call counted."""

import asyncio
import cProfile
import io
import marshal
import pstats
import re
from collections.abc import Mapping
from typing import Any, Final

from pyinstrument.renderers import HTMLRenderer, SpeedscopeRenderer

from maestro.errors import Conflict
from maestro.profiles import CpuMode
from ops.profiling.cost import Cost, call_ns
from ops.profiling.files import BINARY, HTML, JSON, SVG, File, Found, json_file, text_file
from ops.profiling.flame_graph import Picture, flame_graph
from ops.profiling.places import module_of, short_path, without_paths
from ops.profiling.sampling import Samples, interval_for, sampled, session_of, stack_of
from ops.profiling.stacks import Stack, folded, leading, merged, tree, without_stem
from ops.profiling.threads import Threads, other_threads

MOST_FUNCTIONS: Final = 30
MICROSECONDS: Final = 1e6
MS: Final = 1e3
SOONEST_S: Final = 1e-3
_FONTS: Final = re.compile(r"https://fonts\.googleapis\.com/[^\"']*")
"""What the page of pyinstrument would fetch from elsewhere."""
_STORAGE: Final = """<head><script>try { localStorage; } catch (_) {
  Object.defineProperty(window, "localStorage", { value: { getItem: () => null, setItem() {}, removeItem() {} } });
}</script>"""
"""In a sandbox there is no storage, and the page keeps its options there."""
_Place = tuple[str, int, str]
"""The file, the line and the name of a function."""
_Stats = dict[_Place, tuple[Any, ...]]
"""By function: calls without recursion, all calls, seconds of its own, seconds in all, and its callers."""


async def cpu_profile(seconds: float, *, process: str, mode: str = CpuMode.SAMPLED) -> Found:
    """Look at the thread of the running loop for some seconds, in one of the modes of `CpuMode`.

    Conflict while it is profiled already. It has to be called on that thread, and ends early when it is cancelled.
    """
    return await (_sampled(seconds, process) if mode == CpuMode.SAMPLED else _each_call(seconds, process))


async def _sampled(seconds: float, process: str) -> Found:
    before = call_ns()
    with other_threads() as threads, sampled(interval_for(seconds)) as samples:
        await asyncio.sleep(seconds)
        cost = Cost("a call of a function", before, call_ns())
    return await asyncio.to_thread(_found, samples, threads, cost, process=process)


def _found(samples: Samples, threads: Threads, cost: Cost, *, process: str) -> Found:
    named = ((stack_of(stack), spent) for stack, _, spent in samples.taken)
    stacks = without_stem(merged((stack, spent) for stack, spent in named if not _is_own(stack)))
    busy = samples.cpu_s / samples.wall_s if samples.wall_s else 0.0
    summary = {
        "mode": CpuMode.SAMPLED.value,
        "seconds": round(samples.wall_s, 3),
        "cpu_s": round(samples.cpu_s, 4),
        "busy": round(busy, 4),
        "samples": len(samples.taken),
        "interval_ms": round(samples.interval_s * MS, 3),
        "functions": _functions(stacks),
        "other_threads": threads.plain,
        "overhead": cost.plain,
    }
    picture = Picture(
        title="CPU of the event loop",
        subtitle=f"{process}, {samples.wall_s:.1f} s: {samples.cpu_s:.2f} s on the processor ({busy:.0%} busy), "
        f"{len(samples.taken):,} samples. Waiting is left out. To look took its part: a call "
        f"took {cost.during_ns:.0f} ns instead of {cost.before_ns:.0f}.",
        measure=_seconds,
    )
    session = session_of(samples, description=f"Event loop of {process}")
    svg = flame_graph(tree(stacks, root="event loop"), picture)
    return Found(
        summary,
        [
            text_file("cpu.svg", svg, SVG),
            text_file("cpu.html", _alone(HTMLRenderer().render(session)), HTML),
            File("cpu.speedscope.json", JSON, SpeedscopeRenderer().render(session).encode()),
            text_file("cpu.folded.txt", folded(stacks, scale=MICROSECONDS)),
            json_file("cpu.json", summary),
        ],
    )


def _alone(page: str) -> str:
    """Return the page of pyinstrument so that it needs nobody, and bears the sandbox in which a link shows it."""
    return _FONTS.sub("data:text/css,", page).replace("<head>", _STORAGE, 1)


def _is_own(stack: Stack) -> bool:
    """Say whether a stack is that of looking itself."""
    return any(name.startswith("ops.profiling.cost:") for name in stack)


def _functions(stacks: dict[Stack, float]) -> list[dict[str, Any]]:
    return [
        {"function": name, "own_s": round(own, 5), "total_s": round(total, 5)}
        for name, own, total in leading(stacks, most=MOST_FUNCTIONS)
    ]


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * MS:.1f} ms" if value >= SOONEST_S else f"{value * MS:.2f} ms"


async def _each_call(seconds: float, process: str) -> Found:
    before, profile = call_ns(), cProfile.Profile()
    try:
        profile.enable()
    except ValueError as error:
        raise Conflict("This thread is being profiled already.", hint="Wait for the other profile's end.") from error
    try:
        await asyncio.sleep(seconds)
        cost = Cost("a call of a function", before, call_ns())
    finally:
        profile.disable()
    return await asyncio.to_thread(_counted, profile, seconds, cost, process=process)


def _counted(profile: cProfile.Profile, seconds: float, cost: Cost, *, process: str) -> Found:
    profile.create_stats()
    stats = _shortened(profile.stats)
    told = io.StringIO()
    told.write(f"{process}, {seconds:g} s. Waiting counts for the function that waits.\n")
    counts: Any = _Counts(stats)
    pstats.Stats(counts, stream=told).sort_stats("tottime").print_stats(MOST_FUNCTIONS)
    ranked = sorted(stats.items(), key=lambda one: -one[1][2])[:MOST_FUNCTIONS]
    summary = {
        "mode": CpuMode.EACH_CALL.value,
        "seconds": seconds,
        "calls": sum(calls for _, calls, *_ in stats.values()),
        "functions": [
            {"function": _told(place), "calls": calls, "own_s": round(own, 5), "total_s": round(total, 5)}
            for place, (_, calls, own, total, _) in ranked
        ],
        "overhead": cost.plain,
    }
    return Found(
        summary,
        [
            File("cpu.prof", BINARY, marshal.dumps(stats)),
            text_file("cpu.txt", told.getvalue()),
            json_file("cpu.json", summary),
        ],
    )


def _shortened(stats: Mapping[_Place, Any]) -> _Stats:
    """Return statistics of calls without paths of the machine."""
    return {
        _short(place): (*numbers, {_short(caller): one for caller, one in callers.items()})
        for place, (*numbers, callers) in stats.items()
    }


def _short(place: _Place) -> _Place:
    path, line, name = place
    return path if path == "~" else short_path(path), line, without_paths(name)


def _told(place: _Place) -> str:
    path, _, name = place
    return name if path == "~" else f"{module_of(path)}:{name}"


class _Counts:
    """Statistics in the form that `pstats` reads: it takes them away."""

    def __init__(self, stats: _Stats) -> None:
        self.stats = stats

    def create_stats(self) -> None:
        """Do nothing: they are there."""
