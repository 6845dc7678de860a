"""A mixed load: dashboards that many people look at, runs that log, and now and then somebody who changes something."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import httpx

from loadtests.figures.asking import connected, posts
from loadtests.figures.freshness import ask
from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer

SECONDS: Final = 20.0
READERS: Final = 24
LOGGED_EVERY_S: Final = 1.0
CHANGED_EVERY_S: Final = 5.0
FIND: Final = """{ projects { nodes { id } } experiments { nodes { id } } runs(first: 30) { nodes { id } } }"""
HITS: Final = "{ cacheStats { answers { hits } } }"
LISTS: Final = (
    "query Projects { projects { totalCount nodes { id name description createdBy { name } } } }",
    "query Experiments { experiments { nodes { id name path project { name } } } }",
    """query Newest { runs(first: 20) { nodes { id name status startedAt
      params { key value } metricSummaries { key { name } last } createdBy { name } } } }""",
    "query Models { models { nodes { id name aliases { name } } } }",
)
ONE: Final = {
    "projects": """query Project($id: ID!) { project(id: $id) { name
      experiments { nodes { name } } metricKeys { name } } }""",
    "experiments": """query Experiment($id: ID!) { experiment(id: $id) { name metricKeys { name }
      aggregates(groupBy: {field: STATUS}) { value runCount }
      runs(first: 20) { totalCount nodes { name status } } } }""",
    "runs": """query Run($id: ID!) { run(id: $id) { name status notes params { key value }
      metricSummaries { key { name } last min max } } }""",
}
CHANGE: Final = 'mutation ($id: ID!) { updateRun(id: $id, input: {notes: "looked at"}) { __typename } }'
LOG: Final = """mutation ($run: ID!, $seq: BigInt!, $step: IntColumn!) { logBatch(input: {
  runId: $run, writerId: "mixed", seq: $seq, metrics: [{key: "mixed", steps: $step, values: [0.5]}]}) { points } }"""
NEW_RUN: Final = """mutation ($experiment: ID!) {
  createRun(input: {experimentId: $experiment}) { ... on RunSaved { run { id } } } }"""

Question = tuple[str, dict[str, Any]]


@dataclass
class Load:
    """What is asked for, and how often that was done."""

    questions: list[Question]
    run: str
    reads: int = 0
    writes: int = 0


async def measure(server: RunningServer) -> list[Figure]:
    """Read, log and change for a while; the server has the demo."""
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        load = await _load(client)
        before, until = await _hits(client), time.monotonic() + SECONDS
        readers = [await connected(server, _requests(server, load, Random(seed))) for seed in range(READERS)]
        await asyncio.gather(_log(client, load, until), _change(client, load, until))
        load.reads = sum(reader.ended() for reader in readers)
        hits = await _hits(client) - before
    return [
        Figure("mixed load: answers that were kept ones", 100 * hits / load.reads, "%", at_least=95),
        Figure("  answers a second", load.reads / SECONDS, "/s"),
        Figure("  writes a second", load.writes / SECONDS, "/s"),
        Figure("  different questions", len(load.questions), ""),
    ]


async def _load(client: httpx.AsyncClient) -> Load:
    found = await ask(client, FIND)
    questions: list[Question] = [(text, {}) for text in LISTS]
    questions += [(ONE[kind], {"id": node["id"]}) for kind in ONE for node in found[kind]["nodes"]]
    made = await ask(client, NEW_RUN, experiment=found["experiments"]["nodes"][0]["id"])
    return Load(questions, made["createRun"]["run"]["id"])


def _requests(server: RunningServer, load: Load, random: Random) -> Iterator[bytes]:
    """Yield what one reader asks for: some questions far more often than others."""
    written = [posts(server, text, **variables) for text, variables in load.questions]
    while True:
        yield written[int(len(written) * random.random() ** 3)]


async def _log(client: httpx.AsyncClient, load: Load, until: float) -> None:
    seq = 0
    while time.monotonic() < until:
        await ask(client, LOG, run=load.run, seq=seq, step=[seq])
        seq += 1
        load.writes += 1
        await asyncio.sleep(LOGGED_EVERY_S)


async def _change(client: httpx.AsyncClient, load: Load, until: float) -> None:
    while time.monotonic() < until:
        await asyncio.sleep(CHANGED_EVERY_S)
        await ask(client, CHANGE, id=load.run)
        load.writes += 1


async def _hits(client: httpx.AsyncClient) -> int:
    return int((await ask(client, HITS))["cacheStats"]["answers"]["hits"])
