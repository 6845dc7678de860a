"""Ingestion when the server is killed in the middle of it: what was acknowledged is there, and nothing twice."""

import asyncio
import random
import signal
from typing import Any

import httpx

from tests.app.conftest import Program, Server

CRASHES = 3
WRITERS = 4
POINTS = 50
LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { points } }"
PROJECT = 'mutation { createProject(input: {name: "crash"}) { ... on ProjectSaved { project { id } } } }'
EXPERIMENT = """mutation ($id: ID!) {
  createExperiment(input: {projectId: $id, name: "crash"}) { ... on ExperimentSaved { experiment { id } } } }"""
RUN = "mutation ($id: ID!) { createRun(input: {experimentId: $id}) { ... on RunSaved { run { id } } } }"
POINTS_OF = """query ($id: ID!, $after: String) { run(id: $id) { series {
  key { name } count last mean points(first: 10000, after: $after) { step value hasNextPage } } } }"""


class Writer:
    """Logs batch after batch, keeping the one whose answer did not come, to send it again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.next_seq = 0

    @property
    def batch(self) -> dict[str, Any]:
        steps = list(range(self.next_seq * POINTS, (self.next_seq + 1) * POINTS))
        metric = {"key": self.name, "steps": steps, "values": [float(step) for step in steps]}
        return {"writerId": self.name, "seq": self.next_seq, "metrics": [metric]}

    async def write(self, client: httpx.AsyncClient, run: str) -> None:
        while True:
            try:
                await ask(client, LOG, input={"runId": run, **self.batch})
            except httpx.TransportError:
                return
            self.next_seq += 1


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


def client_of(server: Server, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=30)


async def new_run(client: httpx.AsyncClient) -> str:
    project = (await ask(client, PROJECT))["createProject"]["project"]["id"]
    experiment = (await ask(client, EXPERIMENT, id=project))["createExperiment"]["experiment"]["id"]
    run: str = (await ask(client, RUN, id=experiment))["createRun"]["run"]["id"]
    return run


async def test_no_acknowledged_point_is_lost_or_doubled_when_the_server_is_killed(program: Program) -> None:
    key = program.run("key", "create", "--name", "writers").stdout.strip()
    writers, run = [Writer(f"w{number}") for number in range(WRITERS)], None
    for _ in range(CRASHES):
        with program.serving() as server:
            async with client_of(server, key) as client:
                run = run or await new_run(client)
                tasks = [asyncio.create_task(writer.write(client, run)) for writer in writers]
                await asyncio.sleep(random.uniform(0.3, 1.2))
                server.stop(signal.SIGKILL)
                await asyncio.gather(*tasks)
    assert run is not None
    assert all(writer.next_seq > 0 for writer in writers)
    with program.serving() as server:
        async with client_of(server, key) as client:
            for writer in writers:  # the batch whose answer never came may be stored or not; now it is
                await ask(client, LOG, input={"runId": run, **writer.batch})
            found = (await ask(client, POINTS_OF, id=run))["run"]["series"]
    expected = {writer.name: list(range((writer.next_seq + 1) * POINTS)) for writer in writers}
    assert {series["key"]["name"]: series["points"]["step"] for series in found} == expected
    for series in found:
        steps = expected[series["key"]["name"]]
        assert not series["points"]["hasNextPage"]
        assert series["points"]["value"] == [float(step) for step in steps]
        assert (series["count"], series["last"]) == (len(steps), float(steps[-1]))
