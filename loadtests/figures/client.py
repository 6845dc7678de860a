"""What it costs a training to log, in its own thread, while another one sends to a server beside it."""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx

from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, running
from maestro_client import Client, Run, run

CALLS: Final = 20_000
ROUNDS: Final = 5
RUNS: Final = 10
PATIENCE_S: Final = 60.0
COUNT: Final = "query ($id: ID!) { run(id: $id) { metricSummaries { count } } }"


def measure() -> list[Figure]:
    """Log three metrics at a time, as fast as a loop can, and count what was stored."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        with running(folder) as server:
            return _measure(server, Client(server.url, server.key, unsent=folder))
    finally:
        shutil.rmtree(folder)


def _measure(server: RunningServer, client: Client) -> list[Figure]:
    begun = [_begin(client) for _ in range(RUNS)]
    used = time.process_time()
    with run(client, project="Figures", experiment="client") as it:
        rounds = [_round(it, number) for number in range(ROUNDS)]
        it.flush(PATIENCE_S)
    used = time.process_time() - used
    _require_all(server, str(it.id))
    return [
        Figure("a call of log with three metrics", statistics.median(rounds) * 1e6 / CALLS, "µs", at_most=20),
        Figure("  with what the sending thread takes", used * 1e6 / CALLS / ROUNDS, "µs"),
        Figure("a run that begins, in the training's thread", statistics.median(begun) * 1e3, "ms", at_most=20),
    ]


def _begin(client: Client) -> float:
    started = time.perf_counter()
    it = run(client, project="Figures", experiment="client")
    took = time.perf_counter() - started
    it.end()
    return took


def _round(it: Run, number: int) -> float:
    started = time.thread_time()
    for step in range(number * CALLS, (number + 1) * CALLS):
        it.log({"loss": 1.0, "accuracy": 0.5, "lr": 0.01}, step=step)
    return time.thread_time() - started


def _require_all(server: RunningServer, run_id: str) -> None:
    headers = {"authorization": f"Bearer {server.key}"}
    body = {"query": COUNT, "variables": {"id": run_id}}
    answer = httpx.post(f"{server.url}/graphql", json=body, headers=headers, timeout=PATIENCE_S).json()
    stored = [int(series["count"]) for series in answer["data"]["run"]["metricSummaries"]]
    if stored != [CALLS * ROUNDS] * 3:
        raise RuntimeError(f"{CALLS * ROUNDS} calls were made, {stored} are stored.")
