"""How soon the server is ready, and how much memory it takes with the demo."""

import shutil
import tempfile
from pathlib import Path

import httpx

from loadtests.figures.results import Figure
from loadtests.figures.server import command, running

STARTS = 3
PAGES = 50


def measure() -> list[Figure]:
    """Seed the demo, start on its folder a few times, and read a while."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        starts = []
        for _ in range(STARTS):
            with running(folder) as server:
                starts.append(server.ready_s)
                idle = server.resident_mb
                _read(server.url, server.key)
                used = server.resident_mb
        return [
            Figure("ready after start on an existing folder", sorted(starts)[STARTS // 2], "s", at_most=3),
            Figure("resident memory after start", idle, "MB"),
            Figure(f"resident memory after {PAGES} rounds of the example queries", used, "MB", at_most=250),
        ]
    finally:
        shutil.rmtree(folder)


def _read(url: str, key: str) -> None:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
        queries = [
            {"query": example["query"], "variables": httpx.Response(200, text=example["variables"] or "{}").json()}
            for example in client.get("/graphiql/examples.json").raise_for_status().json()
            if example["query"].lstrip("# \n") and "subscription" not in example["query"]
        ]
        for _ in range(PAGES):
            for query in queries:
                client.post("/graphql", json=query).raise_for_status()
