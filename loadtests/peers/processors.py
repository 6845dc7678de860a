"""The processor time of a server and of the database's processes that work for it, as exactly as it is told."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_NS: Final = 1e9
PROC: Final = Path("/proc")
Spent = Mapping[str, float]
"""Processor time in seconds by the number of the thread."""


def server_threads(pid: int) -> Spent:
    """Return what the threads of a process and of its children have taken so far."""
    process = psutil.Process(pid)
    return _of_all([process, *process.children(recursive=True)])


def backends(postmaster: int, role: str) -> Spent:
    """Return what the connections of a role have taken so far."""
    found = []
    for one in psutil.Process(postmaster).children():
        with suppress(psutil.NoSuchProcess):
            if " ".join(one.cmdline()).startswith(f"postgres: {role} "):
                found.append(one)
    return _of_all(found)


def between(before: Spent, after: Spent) -> float:
    """Return what was taken meanwhile; what has ended in between, like an idle connection, counts for nothing."""
    return sum(spent - before.get(thread, 0.0) for thread, spent in after.items())


def postmaster_of(folder: Path) -> int:
    """Return the process that the others of the embedded PostgreSQL in a folder come from."""
    (file,) = folder.rglob("postmaster.pid")
    return int(file.read_text().split()[0])


def busy_s() -> float:
    """Return the processor time of the whole machine so far, in seconds."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _of_all(processes: Iterable[psutil.Process]) -> Spent:
    spent: dict[str, float] = {}
    for one in processes:
        try:
            for thread in (PROC / str(one.pid) / "task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    spent[thread.name] = int((thread / "schedstat").read_text().split()[0]) / _NS
        except OSError:
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                spent[str(one.pid)] = float(times.user + times.system)
    return spent
