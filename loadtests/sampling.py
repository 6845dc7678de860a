"""What processes take of the machine, looked at each second: processor time, memory, files, threads, tasks."""

import csv
import os
import re
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

EVERY_S: Final = 1.0
TASKS: Final = re.compile(r"^maestro_event_loop_tasks(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
"""How a server's metrics tell of its tasks, where it has metrics."""
METRICS_EVERY: Final = 5
"""Metrics are asked for with every such sample only: to answer costs the server something."""
FIELDS: Final = (
    "at", "server_cpu_s", "postgres_cpu_s", "generator_cpu_s", "bare_cpu_s", "machine_cpu_s", "server_rss_bytes",
    "server_fds", "server_threads", "postgres_processes", "server_tasks",
)  # fmt: skip
"""Columns of a sample: `at` in seconds since 1970, processor times since the process began."""


class Sampler:
    """Writes a line a second about processes, by the names of their columns: server, generator, bare."""

    def __init__(self, path: Path, pids: Mapping[str, int], url: str | None) -> None:
        self._path = path
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._url = url
        self._ended = threading.Event()
        self._count = 0

    def add(self, name: str, pid: int) -> None:
        """Look at another process from now on."""
        self._processes[name] = psutil.Process(pid)

    def run(self) -> None:
        """Write until told to end."""
        with self._path.open("w", newline="") as file:
            lines = csv.DictWriter(file, FIELDS)
            lines.writeheader()
            while not self._ended.wait(EVERY_S):
                lines.writerow(self._sample())
                file.flush()

    def end(self) -> None:
        """Write no more."""
        self._ended.set()

    def _sample(self) -> dict[str, float]:
        sample: dict[str, float] = {"at": time.time(), "machine_cpu_s": _busy_s()}
        for name, process in list(self._processes.items()):
            with suppress(psutil.NoSuchProcess):
                sample[f"{name}_cpu_s"] = _cpu_s(process)
                if name == "server":
                    sample |= _inside(process)
        if self._url is not None and self._count % METRICS_EVERY == 0 and (tasks := _tasks(self._url)) is not None:
            sample["server_tasks"] = tasks
        self._count += 1
        return sample


@contextmanager
def sampled(path: Path, pids: Mapping[str, int], url: str | None = None) -> Iterator[Sampler]:
    """Sample for the length of a block; `url` is that of a server whose metrics may tell of its tasks."""
    sampler = Sampler(path, pids, url)
    thread = threading.Thread(target=sampler.run, daemon=True)
    thread.start()
    try:
        yield sampler
    finally:
        sampler.end()
        thread.join()


def _inside(server: psutil.Process) -> dict[str, float]:
    database = [one for one in server.children(recursive=True) if _is_postgres(one)]
    return {
        "server_rss_bytes": server.memory_info().rss,
        "server_fds": server.num_fds(),
        "server_threads": server.num_threads(),
        "postgres_processes": len(database),
        "postgres_cpu_s": _database_cpu_s(database),
    }


def _is_postgres(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.name() == "postgres"
    return False


def _database_cpu_s(processes: list[psutil.Process]) -> float:
    """Return the processor time of all of them, those that have ended meanwhile included."""
    spent = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            # Only the first process of PostgreSQL has children; what they took stands with it once they have ended.
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _tasks(url: str) -> float | None:
    request = urllib.request.Request(f"{url}/metrics")  # noqa: S310 -- the server of the test
    if key := os.environ.get("LOADTEST_METRICS_KEY"):
        request.add_header("Authorization", f"Bearer {key}")
    with suppress(OSError), urllib.request.urlopen(request, timeout=EVERY_S) as answer:  # noqa: S310
        found = TASKS.search(answer.read().decode())
        return float(found[1]) if found else None
    return None
