"""Whether an answer is ever older than what was written before it was asked for: two servers write and read at once."""

import asyncio
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from app.database import database
from loadtests.figures.results import Figure
from loadtests.figures.server import RunningServer, command, running
from maestro.settings import Settings

SECONDS: Final = 60.0
READERS: Final = 6
"""On each server."""
CREATE: Final = 'mutation { createProject(input: {name: "0"}) { ... on ProjectSaved { project { id } } } }'
RENAME: Final = """mutation ($id: ID!, $name: String!) {
  updateProject(id: $id, input: {name: $name}) { __typename } }"""
READ: Final = "query ($id: ID!) { project(id: $id) { name } projects { totalCount } }"
STATS: Final = "{ cacheStats { answers { hits } } }"


@dataclass
class Course:
    """A project whose name is the number of its last change, written by one server at a time."""

    project: str = ""
    written: int = 0
    reads: int = 0
    stale: int = 0


def measure() -> list[Figure]:
    """Write and read for a minute through two server processes on one database."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "migrate")
        with (
            database(Settings(data_dir=folder)) as url,
            running(folder, MAESTRO_DATABASE_URL=url) as one,
            running(folder, MAESTRO_DATABASE_URL=url) as other,
        ):
            return asyncio.run(_measure(one, other))
    finally:
        shutil.rmtree(folder)


async def _measure(*servers: RunningServer) -> list[Figure]:
    clients = [
        httpx.AsyncClient(base_url=one.url, headers={"authorization": f"Bearer {one.key}"}, timeout=60)
        for one in servers
    ]
    course, until = Course(), time.monotonic() + SECONDS
    course.project = (await ask(clients[0], CREATE))["createProject"]["project"]["id"]
    await asyncio.gather(
        _write(clients, course, until), *(_read(client, course, until) for client in clients for _ in range(READERS))
    )
    hits = sum([int((await ask(client, STATS))["cacheStats"]["answers"]["hits"]) for client in clients])
    for client in clients:
        await client.aclose()
    return [
        Figure("answers older than what was written before they were asked for", course.stale, "", at_most=0),
        Figure("  answers", course.reads, "", at_least=1),
        Figure("  of which were kept ones", hits, "", at_least=1),
        Figure("  writes, by two processes in turn", course.written, "", at_least=1),
    ]


async def _write(clients: list[httpx.AsyncClient], course: Course, until: float) -> None:
    while time.monotonic() < until:
        number = course.written + 1
        await ask(clients[number % 2], RENAME, id=course.project, name=str(number))
        # From here on everybody has to see it, whichever process they ask.
        course.written = number
        await asyncio.sleep(0.02)


async def _read(client: httpx.AsyncClient, course: Course, until: float) -> None:
    while time.monotonic() < until:
        least = course.written
        seen = int((await ask(client, READ, id=course.project))["project"]["name"])
        course.stale += seen < least
        course.reads += 1


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    """Ask, and return the data; RuntimeError with what went wrong."""
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return answer["data"]
