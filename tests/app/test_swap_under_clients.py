"""A database is exchanged under a server that goes on: nobody is told anything stale, and nothing is restarted."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from maestro.db.direct import connected, named
from maestro.db.engine import OWNER_ROLE, Database
from maestro.postgres import attached
from ops.restores.carrying import Carrying, Occasion
from ops.restores.databases import find
from ops.restores.fence import fenced, locked
from ops.restores.swap import Swapped, swap
from tests.app.conftest import Program, Server, migrated
from tests.fixtures.restores import shadowed
from tests.fixtures.sockets import connected as socket_of
from tests.fixtures.sockets import hear, tell

LATER = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_MS = 10_000
"""A swap takes some hundred milliseconds; who waits for something else waits for half a minute."""
CREATE = """
mutation ($name: String!, $key: String!) {
  createProject(input: {name: $name}, idempotencyKey: $key) { ... on ProjectSaved { project { id } } }
}"""
NAME = "query ($id: ID!) { project(id: $id) { name } }"
RENAME = """
mutation ($id: ID!, $name: String!) { updateProject(id: $id, input: {name: $name}) { __typename } }"""
RUN = """
mutation ($project: ID!) {
  createExperiment(input: {projectId: $project, name: "e"}) { ... on ExperimentSaved { experiment { id } } }
}"""
BEGIN = """
mutation ($experiment: ID!) {
  createRun(input: {experimentId: $experiment, name: "r"}) { ... on RunSaved { run { id } } }
}"""
FOLLOW = "subscription ($id: ID!) { runUpdated(id: $id) { name } }"
RENAME_RUN = "mutation ($id: ID!, $name: String!) { updateRun(id: $id, input: {name: $name}) { __typename } }"
CODES = {"RESTORING", "SERVICE_UNAVAILABLE"}


@dataclass
class Client:
    """Asks a server by GraphQL, and counts what it is told."""

    http: httpx.AsyncClient
    told: Counter[str] = field(default_factory=Counter)
    gaps_ms: list[float] = field(default_factory=list)
    """The times between two answers."""
    seen: list[str] = field(default_factory=list)
    """The names of a project that were read, in their order."""
    ledger: list[str] = field(default_factory=list)
    """The ids of projects whose making was acknowledged."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    is_over: bool = False

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post("/graphql", json={"query": query, "variables": variables})

    async def __call__(self, query: str, **variables: Any) -> Any:
        """Ask what must be answered."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def tried(self, query: str, **variables: Any) -> Any:
        """Ask once; None for what was not answered because of the exchange, which must have been told by its code."""
        response = await self.post(query, **variables)
        answer = response.json()
        if "errors" not in answer:
            return answer["data"]
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes <= CODES, answer
        assert codes != {"RESTORING"} or (response.status_code, response.headers["retry-after"]) == (503, "1")
        self.told.update(codes)
        return None

    @asynccontextmanager
    async def at_work(self, project: str) -> AsyncIterator[None]:
        """Write new projects and read the name of one, by several tasks, within the block and around it."""
        tasks = [
            asyncio.create_task(work)
            for work in (*(self._write() for _ in range(2)), *(self._read(project) for _ in range(3)))
        ]
        await asyncio.sleep(0.5)
        yield
        await asyncio.sleep(0.5)
        self.is_over = True
        await asyncio.gather(*tasks)

    async def _write(self) -> None:
        while not self.is_over:
            name = f"p{next(self.numbers)}"
            data = await self.tried(CREATE, name=name, key=name)
            if data is not None:
                self.ledger.append(data["createProject"]["project"]["id"])

    async def _read(self, project: str) -> None:
        last = time.perf_counter()
        while not self.is_over:
            data = await self.tried(NAME, id=project)
            if data is not None:
                self.seen.append(data["project"]["name"])
                self.gaps_ms.append((time.perf_counter() - last) * 1_000)
                last = time.perf_counter()


@pytest.fixture(scope="module")
def running(reachable_folder: Path, initialised: Path) -> Iterator[Server]:
    """A server on a database of its own."""
    with migrated(reachable_folder, initialised) as program, program.serving() as server:
        yield server


@pytest.fixture
def owner_url(running: Server) -> Any:
    """The URL by which the server's database is exchanged."""
    with attached(running.program.data) as address:
        yield address.url()


@pytest.fixture
def key(running: Server) -> str:
    made = running.program.invoke("key", "create", "--name", "tests")
    assert made.exit_code == 0
    return made.stdout.strip()


@pytest.fixture
async def client(running: Server, key: str) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False, timeout=30) as http:
        yield Client(http)


async def exchanged(url: str, coming: str) -> Swapped:
    occasion = Occasion(restore_id=uuid4())
    return await swap(url, coming, by=str(occasion.restore_id), keep_until=LATER, carry=Carrying(occasion))


async def project(client: Client, name: str) -> str:
    data = await client(CREATE, name=name, key=name)
    found: str = data["createProject"]["project"]["id"]
    return found


@asynccontextmanager
async def followed(server: Server, key: str, run: str) -> AsyncIterator[Any]:
    async with socket_of(server.url, key) as websocket:
        await tell(websocket, id="1", type="subscribe", payload={"query": FOLLOW, "variables": {"id": run}})

        async def name() -> str:
            message = await hear(websocket)
            assert message["type"] == "next", message
            found: str = message["payload"]["data"]["runUpdated"]["name"]
            return found

        yield name


async def after(told: str, name: Callable[[], Awaitable[str]]) -> str:
    """What is told next; a change may be told twice, by the first reading of all who follow and by its event."""
    following = await name()
    return await name() if following == told else following


async def test_a_swap_under_clients_is_short_and_nobody_is_told_anything_stale(
    running: Server, owner_url: str, *, key: str, client: Client
) -> None:
    kept = await project(client, "of the backup")
    experiment = (await client(RUN, project=kept))["createExperiment"]["experiment"]["id"]
    run = (await client(BEGIN, experiment=experiment))["createRun"]["run"]["id"]
    coming = await shadowed(owner_url, by="restore-1")
    await client(RENAME, id=kept, name="of now")

    async with followed(running, key, run) as name:
        assert await name() == "r"
        await client(RENAME_RUN, id=run, name="renamed")
        assert await name() == "renamed"
        async with client.at_work(kept):
            done = await exchanged(owner_url, coming)

        assert done.unavailable_ms is not None
        assert done.unavailable_ms < LONGEST_MS
        assert max(client.gaps_ms) < LONGEST_MS
        assert set(client.seen) == {"of now", "of the backup"}
        first = client.seen.index("of the backup")
        assert set(client.seen[first:]) == {"of the backup"}, "an answer of before came after one of after"
        # The subscription is told at once what the run is now, and goes on.
        assert await after("renamed", name) == "r"
        await client(RENAME_RUN, id=run, name="again")
        assert await name() == "again"
    assert await client(NAME, id=kept) == {"project": {"name": "of the backup"}}
    assert running.process.poll() is None
    assert "Unexpected error" not in running.log()
    await assert_nothing_is_lost(owner_url, done.kept, client.ledger)


async def assert_nothing_is_lost(url: str, kept: str, ledger: list[str]) -> None:
    """Every write that was acknowledged is in the database that it was made to: the one before, or the one after."""
    assert len(ledger) > 10
    async with connected(url, database="postgres") as cluster:
        await cluster.execute(f'ALTER DATABASE "{kept}" ALLOW_CONNECTIONS true')
    found: set[str] = set()
    for one in (url, named(url, kept)):
        db = Database(one, pool_size=1, system_role=OWNER_ROLE)
        found |= {f"project_{row.id.hex}" for row in await db.fetch_sql("SELECT id FROM project")}
        await db.close()
    assert set(ledger) - found == set()


async def test_while_a_database_is_closed_everybody_is_told_that_it_is_being_restored_and_when_to_come_again(
    running: Server, owner_url: str, *, key: str, client: Client
) -> None:
    name = "maestro"
    created = await project(client, "one")
    async with connected(owner_url, database="postgres") as cluster, locked(cluster, name):
        found = await find(cluster, name)
        assert found is not None
        async with fenced(cluster, found, by="restore-1"):
            await cluster.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            for _ in range(3):
                response = await client.post(NAME, id=created)
                error = response.json()["errors"][0]
                assert (response.status_code, response.headers["retry-after"]) == (503, "1")
                assert error["extensions"]["code"] == "RESTORING"
                assert error["extensions"]["retryAfterSeconds"] == 1
            probe = await client.http.get("/readyz")
            assert (probe.status_code, probe.headers["retry-after"]) == (503, "1")
            assert probe.json() == {
                "status": "restoring",
                "problem": "The database is being exchanged for a restored one.",
            }
            unknown = await client.http.get("/readyz", headers={"authorization": "Bearer mst_x"})
            assert unknown.status_code == 503
            alive = await client.http.get("/livez")
            assert alive.status_code == 200
            export = await client.http.get("/audit.jsonl")
            assert (export.status_code, export.headers["retry-after"]) == (503, "1")
    assert await client(NAME, id=created) == {"project": {"name": "one"}}
    assert (await client.http.get("/readyz")).status_code == 200


def test_whatever_starts_on_an_abandoned_fence_opens_the_database(program: Program) -> None:
    async def leave_closed(url: str) -> None:
        note = """maestro {"role":"FENCED","of":"maestro","by":"restore-1"}"""
        async with connected(url, database="postgres") as cluster:
            await cluster.execute("ALTER DATABASE maestro ALLOW_CONNECTIONS false")
            await cluster.execute(f"COMMENT ON DATABASE maestro IS '{note}'")

    with attached(program.data) as address:
        asyncio.run(leave_closed(address.url()))
        checked = program.invoke("check", "--json")
        assert checked.exit_code == 0, checked.stdout
        assert asyncio.run(reachable(address.url()))


async def reachable(url: str) -> bool:
    async with connected(url) as connection:
        found: bool = await connection.fetchval("SELECT true")
        return found
