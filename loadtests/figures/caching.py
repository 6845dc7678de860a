"""How many kept answers a core of the server gives, and how many of a mixed load are among them."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import orjson

from loadtests.figures import mixed
from loadtests.figures.asking import apart, connected, posts
from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, command, running

CONNECTIONS: Final = 32
SECONDS: Final = 5.0
ROUNDS: Final = 3
SMALL: Final = "query Names { projects(first: 5) { nodes { id name } } }"
PAGE: Final = """query Page { runs(first: 20) { nodes {
  id name status params { key value } metricSummaries { key { name } last } createdBy { name } } } }"""


def measure() -> list[Figure]:
    """Seed the demo, and ask the same and ever different queries, on a core for the server alone."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        with running(folder) as server, apart(server):
            return [*asyncio.run(_measure(server)), *asyncio.run(mixed.measure(server))]
    finally:
        shutil.rmtree(folder)


async def _measure(server: RunningServer) -> list[Figure]:
    post, _ = await best(server, partial(cycle, [posts(server, SMALL)]))
    leave(server, SMALL)
    get, beside = await best(server, partial(cycle, [by_hash(server, SMALL)]))
    page, _ = await best(server, partial(cycle, [posts(server, PAGE)]))
    return [
        Figure("kept answers to a small query by POST, a second of CPU", post, "/s"),
        Figure("kept answers to a small persisted query by GET, a second of CPU", get, "/s", at_least=5_000),
        Figure("  answered a second, beside the client and PostgreSQL", beside, "/s"),
        Figure("kept answers with 20 runs by POST, a second of CPU", page, "/s"),
    ]


async def best(server: RunningServer, requests: Callable[[], Iterator[bytes]]) -> tuple[float, float]:
    """Return the answers a second of the server's CPU and by the clock, of the median round."""
    rounds = sorted([await asked(server, requests) for _ in range(ROUNDS)])
    return rounds[len(rounds) // 2]


async def asked(server: RunningServer, requests: Callable[[], Iterator[bytes]]) -> tuple[float, float]:
    """Ask for some seconds over all connections; RuntimeError when something was answered wrongly."""
    connections = [await connected(server, requests()) for _ in range(CONNECTIONS)]
    before, started = cpu_s(server), time.perf_counter()
    counted = sum(one.answered for one in connections)
    await asyncio.sleep(SECONDS)
    spent, took = cpu_s(server) - before, time.perf_counter() - started
    answered = sum(one.answered for one in connections) - counted
    for connection in connections:
        connection.ended()
    return answered / spent, answered / took


def cpu_s(server: RunningServer) -> float:
    """Return the CPU time that the server process has used."""
    times = server.process.cpu_times()
    return times.user + times.system


def by_hash(server: RunningServer, query: str) -> bytes:
    """Return the bytes of a GET of a query by its hash."""
    extensions = quote(orjson.dumps(_persisted(query)))
    head = f"GET /graphql?extensions={extensions} HTTP/1.1\r\nhost: {urlsplit(server.url).netloc}\r\n"
    return f"{head}authorization: Bearer {server.key}\r\n\r\n".encode()


def leave(server: RunningServer, query: str) -> None:
    """Send a query with its hash once, by which it is known from then on."""
    body = {"query": query, "extensions": _persisted(query)}
    httpx.post(f"{server.url}/graphql", json=body, headers={"authorization": f"Bearer {server.key}"}).raise_for_status()


def _persisted(query: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(query.encode()).hexdigest()}}
