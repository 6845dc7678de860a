"""Rounds in which servers take turns: each operation for a moment at each server, counted in processor time."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests.peers import processors
from loadtests.peers.asking import Asking, asking
from loadtests.peers.ground import Ground
from loadtests.peers.operations import TITLES, leaves
from loadtests.peers.servers import SERVERS, started

WARM_S: Final = 1.0
LEAST: Final = 3
"""So many requests a turn has at least, and so many warm a server up at least."""
AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one server took for one operation in one round: milliseconds a request, as processor time and on the clock.

    `others` is the part of the machine's cores that neither server, database nor client used.
    """

    server: str
    operation: str
    round: int
    requests: int
    server_ms: float
    postgres_ms: float
    wall_ms: float
    others: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What an operation is answered by a server: how many bytes, and how many values."""

    bytes: int
    values: int


@dataclass(frozen=True, slots=True)
class Competitor:
    """A server that runs, with a connection to it."""

    name: str
    pid: int
    role: str
    asking: Asking
    connect: Callable[[], Any]


@contextmanager
def competing(names: list[str], ground: Ground, logs: Path) -> Iterator[list[Competitor]]:
    """Start servers, and stop all of them at the end of the block."""
    with ExitStack() as stack:
        found = []
        for name in names:
            server = SERVERS[name]
            running = stack.enter_context(started(server, ground, logs / f"{name}.log"))
            key = ground.key if server.is_ours else ""
            connect = partial(asking, running.url, key, server.dialect.bodies(ground))
            found.append(Competitor(name, running.pid, server.role, stack.enter_context(connect()), connect))
        yield found


def compared(competitors: list[Competitor]) -> dict[str, dict[str, Answered]]:
    """Return what each operation is answered by each server; RuntimeError where two do not say the same."""
    answered: dict[str, dict[str, Answered]] = {one.name: {} for one in competitors}
    for operation in TITLES:
        first: Any = None
        for one in competitors:
            neutral = SERVERS[one.name].dialect.neutral(one.asking.data(operation))
            first = neutral if first is None else first
            if neutral != first:
                raise RuntimeError(f"{operation}: {competitors[0].name} and {one.name} do not answer the same.")
            answered[one.name][operation] = Answered(len(one.asking.ask(operation)), leaves(neutral))
    return answered


def warm_up(competitors: list[Competitor], seconds: float = WARM_S) -> None:
    """Have each server compile, plan and keep what it can."""
    for one in competitors:
        for operation in TITLES:
            _asked(one.asking, operation, seconds)


def rounds(competitors: list[Competitor], ground: Ground, *, count: int, seconds: float) -> Iterator[Turn]:
    """Have servers take turns of some seconds an operation; who begins changes from round to round."""
    for number in range(count):
        for operation in TITLES:
            for place in range(len(competitors)):
                one = competitors[(place + number) % len(competitors)]
                yield _turn(one, operation, number=number, postmaster=ground.postmaster, seconds=seconds)


def _turn(one: Competitor, operation: str, *, number: int, postmaster: int, seconds: float) -> Turn:
    def spent() -> tuple[processors.Spent, processors.Spent]:
        return processors.server_threads(one.pid), processors.backends(postmaster, one.role)

    # The first request of a turn finds cold caches of the processor, which are the other servers' doing.
    one.asking.ask(operation)
    began, client_s, busy_s, before = time.perf_counter(), time.process_time(), processors.busy_s(), spent()
    times = _asked(one.asking, operation, seconds)
    server_s, postgres_s = (processors.between(a, b) for a, b in zip(before, spent(), strict=True))
    busy_s, client_s = processors.busy_s() - busy_s, time.process_time() - client_s
    all_s = (time.perf_counter() - began) * (psutil.cpu_count() or 1)
    return Turn(
        server=one.name,
        operation=operation,
        round=number,
        requests=len(times),
        server_ms=1000 * server_s / len(times),
        postgres_ms=1000 * postgres_s / len(times),
        wall_ms=1000 * statistics.median(times),
        others=max(0.0, busy_s - server_s - postgres_s - client_s) / all_s,
    )


def _asked(connection: Asking, operation: str, seconds: float) -> list[float]:
    """Ask for some seconds and return how long each answer took, in seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST or time.perf_counter() < end:
        began = time.perf_counter()
        connection.ask(operation)
        times.append(time.perf_counter() - began)
    return times


def throughput(competitors: list[Competitor], seconds: float) -> Mapping[str, dict[str, float]]:
    """Return how many requests a second each server answers on eight connections, client and database beside it."""
    return {one.name: {operation: _rate(one, operation, seconds) for operation in TITLES} for one in competitors}


def _rate(one: Competitor, operation: str, seconds: float) -> float:
    def ask(_: int) -> int:
        with one.connect() as connection:
            return len(_asked(connection, operation, seconds))

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = sum(pool.map(ask, range(AT_ONCE)))
    return answered / (time.perf_counter() - began)
