"""Families of the processes themselves: what they use, how late they are, and which version they are of."""

import asyncio
import gc
import os
import platform
import resource
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

from maestro.telemetry.values import FAMILIES, SWITCH, Counter, Gauge, Histogram, Number
from maestro.version import VERSION

Role = Literal["server", "worker", "errands"]
"""What a process is for."""

PROCESSES: Final = Gauge("processes", "Living processes of this data folder, by what they are for.", ["role"])
STARTED: Final = Gauge(
    "process_start_time_seconds",
    "When the latest process of a role was started, in seconds since 1970.",
    ["role"],
    mode="livemax",
)
CPU: Final = Counter("process_cpu_seconds_total", "CPU time that processes have used.", ["role", "mode"])
RESIDENT: Final = Gauge("process_resident_memory_bytes", "Resident memory of processes.", ["role"])
OPEN_FILES: Final = Gauge("process_open_fds", "Open file descriptors of processes.", ["role"])
MOST_FILES: Final = Gauge("process_max_fds", "File descriptors that a process may have open.", ["role"], mode="livemax")
THREADS: Final = Gauge("process_threads", "Threads of processes.", ["role"])
TASKS: Final = Gauge("event_loop_tasks", "Tasks of event loops that have not ended.", ["role"])
LAG: Final = Histogram(
    "event_loop_lag_seconds",
    "How late event loops come back to what was due, looked at four times a second.",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
COLLECTIONS: Final = Counter("gc_collections_total", "Runs of the garbage collector.", ["role", "generation"])
COLLECTED: Final = Counter("gc_collected_objects_total", "Objects that the garbage collector has freed.", ["role"])
BUILD: Final = Gauge(
    "build_info", "The version that runs, and on what; always 1.", ["version", "python"], mode="livemax"
)
SETTING: Final = Gauge(
    "setting_value",
    "Settings that explain other values: durations in seconds, sizes in bytes, 0 for off.",
    ["setting"],
    mode="livemostrecent",
)
SERIES: Final = Gauge("metrics_series", "Combinations of labels that processes hold, all families together.")
CROWDED: Final = Counter(
    "metrics_crowded_total",
    "Values that were counted as `other`, since their family had no room for another combination of labels.",
    ["family"],
)

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_FILES: Final = Path("/proc/self/fd")


def source(role: Role) -> Callable[[], Iterator[Number]]:
    """Return what tells of this process from now on."""
    return partial(_read, role, time.time())


def _read(role: Role, started: float) -> Iterator[Number]:
    key = (role,)
    yield PROCESSES, key, 1.0
    yield STARTED, key, started
    yield BUILD, (VERSION, platform.python_version()), 1.0
    times = os.times()
    yield CPU, (role, "user"), times.user
    yield CPU, (role, "system"), times.system
    yield THREADS, key, float(threading.active_count())
    yield TASKS, key, float(len(asyncio.all_tasks()))
    yield MOST_FILES, key, float(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    # Linux alone tells these; the peak that other systems tell would never fall.
    if _STATM.exists():
        yield RESIDENT, key, float(int(_STATM.read_text().split()[1]) * _PAGE_BYTES)
        yield OPEN_FILES, key, float(sum(1 for _ in _FILES.iterdir()))
    yield from _collected(role)
    yield from _held()


def _collected(role: Role) -> Iterator[Number]:
    stats = gc.get_stats()
    for generation, one in enumerate(stats):
        yield COLLECTIONS, (role, str(generation)), float(one["collections"])
    yield COLLECTED, (role,), float(sum(one["collected"] for one in stats))


def _held() -> Iterator[Number]:
    held = sum(len(getattr(family, "values", ())) for family in FAMILIES.values())
    yield SERIES, (), float(held)
    for name, times in SWITCH.crowded.items():
        yield CROWDED, (name,), float(times)
