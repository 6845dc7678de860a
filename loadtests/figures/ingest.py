"""How many points a second `logBatch` takes over HTTP."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, running

POINTS: Final = 1000
SECONDS: Final = 8.0
WRITERS: Final = 4
LOG: Final = "mutation Log($input: LogBatchInput!) { logBatch(input: $input) { points isReplay } }"
PROJECT: Final = (
    "mutation ($name: String!) { createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } } }"
)
EXPERIMENT: Final = (
    'mutation ($project: ID!) { createExperiment(input: {projectId: $project, name: "ingest"}) '
    "{ ... on ExperimentSaved { experiment { id } } } }"
)
RUN: Final = (
    "mutation ($experiment: ID!) { createRun(input: {experimentId: $experiment}) { ... on RunSaved { run { id } } } }"
)
COUNT: Final = "query ($id: ID!) { run(id: $id) { metricSummaries { count } } }"

Shape = Callable[[int], list[dict[str, Any]]]


def one_series(seq: int) -> list[dict[str, Any]]:
    """1,000 points of one metric."""
    steps = range(seq * POINTS, (seq + 1) * POINTS)
    return [{"key": "loss", "steps": list(steps), "values": [1 / (1 + step) for step in steps]}]


def ten_series(seq: int) -> list[dict[str, Any]]:
    """100 points of each of ten metrics."""
    steps = range(seq * POINTS // 10, (seq + 1) * POINTS // 10)
    return [{"key": f"m{i}", "steps": list(steps), "values": [i / (1 + step) for step in steps]} for i in range(10)]


def measure() -> list[Figure]:
    """Log for a few seconds in both shapes, and count what was stored."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        with running(folder) as server:
            return asyncio.run(_measure(server))
    finally:
        shutil.rmtree(folder)


async def _measure(server: RunningServer) -> list[Figure]:
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
    limits = httpx.Limits(max_connections=WRITERS)
    async with httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60) as client:
        figures = []
        for name, shape in (("one metric", one_series), ("ten metrics of 100", ten_series)):
            rate, cpu = await _rate(client, server, shape)
            figures += [
                Figure(f"logBatch, 1,000 points a batch, {name}", rate, "points/s", at_least=50_000),
                Figure("  CPU of the server process a batch", cpu, "ms"),
            ]
        return figures


async def _rate(client: httpx.AsyncClient, server: RunningServer, shape: Shape) -> tuple[float, float]:
    runs = [await _new_run(client) for _ in range(WRITERS)]
    cpu, started = sum(server.process.cpu_times()[:2]), time.perf_counter()
    batches = await asyncio.gather(*(_write(client, run, shape, until=started + SECONDS) for run in runs))
    elapsed, used = time.perf_counter() - started, sum(server.process.cpu_times()[:2]) - cpu
    for run, sent in zip(runs, batches, strict=True):
        found = (await _ask(client, COUNT, {"id": run}))["run"]["metricSummaries"]
        stored = sum(int(series["count"]) for series in found)
        if stored != sent * POINTS:
            raise RuntimeError(f"{sent * POINTS} points were acknowledged, {stored} are stored.")
    return sum(batches) * POINTS / elapsed, used * 1000 / sum(batches)


async def _write(client: httpx.AsyncClient, run: str, shape: Shape, *, until: float) -> int:
    writer, seq = str(uuid4()), 0
    while time.perf_counter() < until:
        given = {"runId": run, "writerId": writer, "seq": seq, "metrics": shape(seq)}
        await _ask(client, LOG, {"input": given})
        seq += 1
    return seq


async def _new_run(client: httpx.AsyncClient) -> str:
    project = (await _ask(client, PROJECT, {"name": str(uuid4())}))["createProject"]["project"]["id"]
    experiment = (await _ask(client, EXPERIMENT, {"project": project}))["createExperiment"]["experiment"]["id"]
    run: str = (await _ask(client, RUN, {"experiment": experiment}))["createRun"]["run"]["id"]
    return run


async def _ask(client: httpx.AsyncClient, query: str, variables: dict[str, Any]) -> Any:
    body = orjson.dumps({"query": query, "variables": variables})
    answer = orjson.loads((await client.post("/graphql", content=body)).content)
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return answer["data"]
