"""What a second server process brings, and what it takes: answers a second, memory, and the start."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Final

import psutil

from loadtests.figures.asking import connected, posts
from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, command, running

CONNECTIONS: Final = 16
WARM_S: Final = 1.0
SECONDS: Final = 5.0
QUERY: Final = """query Newest { runs(first: 20) { nodes { id name status startedAt
  params { key value } metricSummaries { key { name } last } createdBy { name } } } }"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one server; memory that several processes share is divided among them."""

    queries: float
    cpu_ms: float
    memory_mb: float
    ready_s: float


def measure() -> list[Figure]:
    """Seed the demo, and ask servers with one and with two processes the same, none of which is kept."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        alone, pair = (_of(folder, processes) for processes in (1, 2))
    finally:
        shutil.rmtree(folder)
    return [
        Figure("queries a second, one process", alone.queries, "/s"),
        Figure("queries a second, two processes", pair.queries, "/s"),
        Figure("  times as many", pair.queries / alone.queries, "", at_least=1),
        Figure("CPU of a query, one process", alone.cpu_ms, "ms"),
        Figure("CPU of a query, two processes", pair.cpu_ms, "ms"),
        Figure("memory of one process", alone.memory_mb, "MB"),
        Figure("memory of two processes, with the two that keep them", pair.memory_mb, "MB", at_most=400),
        Figure("ready after start, one process", alone.ready_s, "s"),
        Figure("ready after start, two processes", pair.ready_s, "s", at_most=5),
    ]


def _of(folder: Path, processes: int) -> Measured:
    settings = {"MAESTRO_PROCESSES": str(processes), "MAESTRO_CACHE": "false", "MAESTRO_WORKERS": "0"}
    with running(folder, **settings) as server:
        before = _cpu_s(server)
        queries, answered = asyncio.run(_asked(server, posts(server, QUERY)))
        cpu_ms = (_cpu_s(server) - before) * 1e3 / answered
        memory = sum(float(one.memory_full_info().pss) for one in _processes(server)) / 1e6
        return Measured(queries, cpu_ms, memory, server.ready_s)


async def _asked(server: RunningServer, request: bytes) -> tuple[float, int]:
    """Return how many were answered in a second, and how many in all."""
    asking = [await connected(server, repeat(request)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(WARM_S)
    before = sum(one.answered for one in asking)
    await asyncio.sleep(SECONDS)
    counted = sum(one.answered for one in asking) - before
    return counted / SECONDS, sum(one.ended() for one in asking)


def _processes(server: RunningServer) -> list[psutil.Process]:
    """Return the processes of a server, without PostgreSQL's: what was forked has the same command line."""
    line = server.process.cmdline()
    return [server.process, *(one for one in server.process.children(recursive=True) if one.cmdline() == line)]


def _cpu_s(server: RunningServer) -> float:
    return sum(float(sum(one.cpu_times()[:2])) for one in _processes(server))
