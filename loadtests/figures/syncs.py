"""Syncs between two servers of S3: many small objects and a large one, beside `aws s3 sync` and `rclone sync`.

Ours is measured from the mutation that plans to the end of the job that syncs, by a worker that has synced before; the
programs from the start of their process to its end, as nobody keeps them running. They get the priority of a worker,
which stands back behind its server. All of it is done some times in turn, and the quickest of each counts.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import httpx
import psutil

from app.worker import NICENESS
from loadtests.figures.results import Figure
from loadtests.figures.s3_servers import KEY, SECRET, Pair, servers
from loadtests.figures.server import RunningServer, running

SMALL: Final = 10_000
SMALL_BYTES: Final = 4 * 1024
LARGE_BYTES: Final = 1_000_000_000
ROUNDS: Final = 3
PATIENCE_S: Final = 1800.0
STEP_S: Final = 0.05
MB: Final = 1e6
SERVER: Final = {"MAESTRO_WORKERS": "1", "MAESTRO_COMPACT_EVERY": "3600"}


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """What a sync took: time, processor time of it, of both servers and of PostgreSQL in seconds, and memory in MB."""

    seconds: float
    busy: float
    servers: float
    database: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that syncs, and how it is told to."""

    name: str
    command: Callable[[Pair, str], list[str]]
    environment: dict[str, str]


def measure() -> list[Figure]:
    """Sync ten thousand small objects and one of a gigabyte, by each program that is found on the PATH."""
    if shutil.which("rclone") is None:
        click.echo("rclone is not on the PATH: its servers of S3 are what is synced, so that no sync is measured.")
        return []
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        with running(folder / "data", **SERVER) as server:
            _warm(folder / "warm", server)
            return [
                *_measured(folder / "small", server, fill=_small),
                *_measured(folder / "large", server, fill=_large),
            ]
    finally:
        shutil.rmtree(folder)


def _warm(folder: Path, server: RunningServer) -> None:
    """Let the worker sync one object, which makes it load the driver."""
    (folder / "source" / "b").mkdir(parents=True)
    (folder / "source" / "b" / "0").write_bytes(b"x")
    _ours(folder, server)


def _small(bucket: Path) -> str:
    # Without folders: the server that is synced fails now and then where two requests make the same one.
    bucket.mkdir(parents=True)
    for number in range(SMALL):
        (bucket / f"{number}").write_bytes(os.urandom(SMALL_BYTES))
    return f"{SMALL:,} objects of {SMALL_BYTES // 1024} KiB"


def _large(bucket: Path) -> str:
    bucket.mkdir(parents=True)
    with (bucket / "large").open("wb") as file:
        for _ in range(LARGE_BYTES // 1_000_000):
            file.write(os.urandom(1_000_000))
    return "an object of 1 GB"


def _measured(folder: Path, server: RunningServer, *, fill: Callable[[Path], str]) -> list[Figure]:
    what = fill(folder / "source" / "b")
    tools = _tools()
    programs: dict[str, list[Taken]] = {tool.name: [] for tool in tools}
    ours: list[Taken] = []
    turns = [*tools, None]
    for number in range(ROUNDS):
        # Each comes behind each other one: what a sync leaves to the disk slows down the next.
        for tool in (*turns[number % len(turns) :], *turns[: number % len(turns)]):
            _settle(folder)
            if tool is None:
                ours.append(_ours(folder, server))
            else:
                programs[tool.name].append(_by_program(folder, tool))
    best = {name: min(taken) for name, taken in programs.items()}
    busy = {"our worker": ours, **programs}
    quickest, mine = min(best.values()), min(ours)
    figures = [
        Figure(f"{what}: our sync, planned and carried out", mine.seconds, "s"),
        *(Figure(f"{what}: by {tool}", taken.seconds, "s") for tool, taken in best.items()),
        Figure(f"{what}: our sync to the quickest of these", mine.seconds / quickest.seconds, "x", at_most=1.0),
        *(
            Figure(f"{what}: processor time of {name}", min(one.busy for one in taken), "s")
            for name, taken in busy.items()
        ),
        *(
            Figure(f"{what}: both servers at work for {name}", min(one.servers for one in taken), "s")
            for name, taken in busy.items()
        ),
        Figure(f"{what}: PostgreSQL at work for ours", min(one.database for one in ours), "s"),
        Figure(f"{what}: memory that the worker takes for it", max(one.memory for one in ours), "MB", at_most=150),
    ]
    shutil.rmtree(folder)
    return figures


def _tools() -> list[Tool]:
    found = []
    if shutil.which("rclone"):
        found.append(Tool("rclone sync", _rclone, {}))
    if shutil.which("aws"):
        found.append(Tool("aws s3 sync, by way of a folder", _aws, _AWS))
    else:
        click.echo("aws is not on the PATH, so that `aws s3 sync` is not measured.")
    return found


def _rclone(pair: Pair, _: str) -> list[str]:
    def remote(address: str) -> str:
        told = f"provider=Rclone,endpoint='{address}',access_key_id={KEY},secret_access_key={SECRET}"
        return f":s3,{told},use_multipart_uploads=true:b"

    return ["rclone", "sync", remote(pair.source), remote(pair.target), "--transfers", "32", "--checkers", "32"]


_AWS: Final = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}


def _aws(pair: Pair, folder: str) -> list[str]:
    # It syncs within one server or with a folder; between two servers people run it twice.
    down = f"aws --endpoint-url {pair.source} s3 sync s3://b {folder} --only-show-errors"
    return ["sh", "-c", f"{down} && aws --endpoint-url {pair.target} s3 sync {folder} s3://b --only-show-errors"]


def _by_program(folder: Path, tool: Tool) -> Taken:
    with servers(folder) as pair, tempfile.TemporaryDirectory(dir=folder) as between:
        command = ["nice", "-n", str(NICENESS), *tool.command(pair, between)]
        began, served = time.perf_counter(), pair.busy
        process = subprocess.Popen(command, env={**os.environ, **tool.environment})
        _, status, used = os.wait4(process.pid, 0)
        took, served = time.perf_counter() - began, pair.busy - served
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    _require_same(folder)
    return Taken(took, used.ru_utime + used.ru_stime, served)


def _settle(folder: Path) -> None:
    """Remove what was brought there, and wait until the disk has nothing left to do."""
    shutil.rmtree(folder / "target", ignore_errors=True)
    os.sync()


def _ours(folder: Path, server: RunningServer) -> Taken:
    with servers(folder) as pair, httpx.Client(base_url=server.url, timeout=60) as client:
        client.headers["authorization"] = f"Bearer {server.key}"
        keys = [_connector(client, f"{folder.name} {address}", address) for address in (pair.source, pair.target)]
        with _watching(server) as most:
            began, before = time.perf_counter(), (_busy(server), pair.busy, _busy_database(server))
            plan = _ask(client, PLAN, source=keys[0], target=keys[1])["planSync"]
            _await(client, plan["job"]["id"])
            run = _ask(client, START, id=plan["id"])["startSync"]
            _await(client, run["job"]["id"])
            took, after = time.perf_counter() - began, (_busy(server), pair.busy, _busy_database(server))
    _require_same(folder)
    busy, served, stored = (now - then for now, then in zip(after, before, strict=True))
    return Taken(took, busy, served, stored, most() / MB)


PLAN: Final = """mutation Plan($source: ID!, $target: ID!) {
  planSync(input: {sourceId: $source, targetId: $target}) { id job { id } } }"""
START: Final = "mutation Start($id: ID!) { startSync(planId: $id) { id job { id } } }"
JOB: Final = "query Job($id: ID!) { job(id: $id) { state error { message } } }"
CREATE: Final = """mutation Create($name: String!, $url: String!) {
  createConnector(input: {name: $name, config: {s3: {bucket: "b", endpointUrl: $url, region: "us-east-1"}}}) {
    ... on ConnectorSaved { connector { id } } } }"""
SIGN_IN: Final = """mutation Secret($id: ID!, $secret: ConnectorSecretInput!) {
  setConnectorSecret(id: $id, secret: $secret) { __typename } }"""


def _connector(client: httpx.Client, name: str, address: str) -> str:
    key: str = _ask(client, CREATE, name=name, url=address)["createConnector"]["connector"]["id"]
    secret = {"s3": {"accessKeyId": KEY, "secretAccessKey": SECRET}}
    _ask(client, SIGN_IN, id=key, secret=secret)
    return key


def _ask(client: httpx.Client, query: str, **variables: Any) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return answer["data"]


def _await(client: httpx.Client, key: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = _ask(client, JOB, id=key)["job"]
        if job["state"] == "SUCCEEDED":
            return
        if job["state"] not in ("QUEUED", "RUNNING"):
            raise RuntimeError(job["error"])
        time.sleep(STEP_S)
    raise TimeoutError(key)


@contextmanager
def _watching(server: RunningServer) -> Iterator[Callable[[], float]]:
    """Watch by how many bytes the memory of the workers grows while the block runs."""
    workers = _workers(server)
    seen, is_over = [_resident(workers)], threading.Event()

    def look() -> None:
        while not is_over.wait(STEP_S):
            seen.append(_resident(workers))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: max(seen) - seen[0]
    finally:
        is_over.set()
        thread.join()


def _workers(server: RunningServer) -> list[psutil.Process]:
    found = []
    for one in server.process.children(recursive=True):
        with suppress(psutil.Error):  # a child that has just ended is none of them
            found += [one] if "work" in one.cmdline() else []
    return found


def _busy(server: RunningServer) -> float:
    """Return the seconds that the workers have had of processors."""
    return float(sum(one.cpu_times().user + one.cpu_times().system for one in _workers(server)))


def _busy_database(server: RunningServer) -> float:
    """Return the seconds that PostgreSQL has had of processors, what has ended of it included."""
    folder, total = server.process.environ()["MAESTRO_DATA_DIR"], 0.0
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.name() == "postgres" and any(folder in text for text in one.cmdline()):
                total += sum(one.cpu_times()[:4])
                total += sum(sum(child.cpu_times()[:2]) for child in one.children(recursive=True))
    return total


def _resident(processes: list[psutil.Process]) -> float:
    return float(sum(one.memory_info().rss for one in processes))


def _require_same(folder: Path) -> None:
    subprocess.run(["diff", "-rq", str(folder / "source" / "b"), str(folder / "target" / "b")], check=True)
