"""The reference client of graphql-transport-ws against a real server."""

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.applications import Starlette

from tests.app.conftest import ROOT, Server
from tests.fixtures.graphql import Api, owners_key
from tests.fixtures.node import run_node
from tests.fixtures.sockets import Connections, listening
from tests.schema.metric_texts import log, metric, new_run

GUIDE: Final = ROOT / "docs" / "guides" / "subscriptions.md"
STEPS: Final = 30

CREATE_PROJECT = """mutation ($name: String!) {
  createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } }
}"""
CREATE_EXPERIMENT = """mutation ($project: ID!) {
  createExperiment(input: {projectId: $project, name: "x"}) { ... on ExperimentSaved { experiment { id } } }
}"""
CREATE_RUN = """mutation ($experiment: ID!) {
  createRun(input: {experimentId: $experiment}) { ... on RunSaved { run { id } } }
}"""


def run_of(server: Server, key: str, project: str) -> str:
    """Make a project with a run, and return the run's id."""

    def ask(query: str, **variables: str) -> str:
        answer = httpx.post(
            f"{server.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
        )
        return str(re.findall(r'"id":"(\w+)"', answer.text)[0])

    return ask(CREATE_RUN, experiment=ask(CREATE_EXPERIMENT, project=ask(CREATE_PROJECT, name=project)))


def test_the_reference_client_finds_what_it_expects(server: Server, key: str, clients: Path) -> None:
    script = clients / "subscriptions.js"
    done = run_node(script, server.url, key, run_of(server, key, "Reference")).splitlines()
    assert done == re.findall(r'^  async "(.+)"\(\)', script.read_text(), re.MULTILINE)


def test_the_guides_example_in_javascript_comes_back_after_breaks(server: Server, key: str, clients: Path) -> None:
    printed = run_node(clients / "guide.js", str(GUIDE), server.url, key, run_of(server, key, "Guide"))
    assert printed.split() == list(map(str, range(30)))


async def test_the_guides_example_in_python_comes_back_after_breaks(
    app: Starlette, api: Api, connections: Connections
) -> None:
    run, key = await new_run(api), await owners_key(api.runtime)
    steps: list[int] = []
    async with listening(app) as url, aclosing(example()["follow"](url, key, run)) as told:
        logging = asyncio.create_task(log_on(api, run, connections))
        async with asyncio.timeout(60):
            async for series in told:
                assert not series["isGap"]
                steps += series["steps"]
                if len(steps) == STEPS:
                    break
        await logging
    assert steps == list(range(STEPS))


def example() -> dict[str, Any]:
    """What the guide's example in Python defines."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "guide"}
    exec(found, names)  # noqa: S102 -- it is ours
    return names


async def log_on(api: Api, run: str, connections: Connections) -> None:
    """Log a run step by step once the first event has told that it is followed, and cut the connection now and then."""
    async with asyncio.timeout(10):
        while not connections.events:  # noqa: ASYNC110 -- what is looked at tells nobody when it changes
            await asyncio.sleep(0.01)
    for step in range(STEPS):
        if step % 10 == 5:
            connections[-1].transport.abort()
        await log(api, run, step, metric([step]))
