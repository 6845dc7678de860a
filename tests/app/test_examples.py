"""The operations that GraphiQL opens with and those of the README, on the demo data."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from strawberry.types.execution import ExecutionResult

from maestro.clock import now
from maestro.db.engine import Database
from maestro.runtime import Runtime
from ops.demo.recording import load_recording
from ops.seeding.demo import Demo, load_demo
from resolvers.setup import ensure_owner
from schema import schema
from tests.fixtures.graphql import Api

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
async def demo(app: Starlette, runtime: Runtime, db: Database) -> None:
    """The demo's runs, models and files in the application's database, put there by its owner."""
    owner = await ensure_owner(runtime.db)
    given = Demo(recording=load_recording(), owner=owner, blobs=app.state.blobs, now=now())
    await load_demo(db, given, lambda _done, _total, _what: None)


async def first_event(api: Api, query: str, variables: dict[str, Any]) -> Any:
    stream = await schema.subscribe(query, variable_values=variables, context_value=api.context())
    async for event in stream:
        assert isinstance(event, ExecutionResult)
        assert event.errors is None
        return event.data
    raise AssertionError("the subscription ended without an event")


@pytest.mark.usefixtures("demo")
async def test_every_example_and_the_readme_answer_real_data(client: httpx.AsyncClient, api: Api) -> None:
    examples = (await client.get("/graphiql/examples.json")).json()
    answers: dict[str, Any] = {}
    for example in examples:
        assert "{{" not in example["variables"], f"no id was found for {example['title']}"
        variables = json.loads(example["variables"] or "{}")
        if "subscription" in example["query"]:
            data = await asyncio.wait_for(first_event(api, example["query"], variables), 10)
        else:
            answer = (await client.post("/graphql", json={"query": example["query"], "variables": variables})).json()
            assert "errors" not in answer, (example["title"], answer["errors"])
            data = answer["data"]
        answers[example["title"][:1]] = data
    assert answers["1"]["projects"]["totalCount"] == 4
    assert answers["2"]["runs"]["totalCount"] > 20
    assert len(answers["3"]["compareRuns"]["runs"]) == 3
    assert max(series["count"] for series in answers["4"]["runs"]["nodes"][0]["series"]) == 240_000
    assert answers["5"]["logBatch"]["points"] == 8
    assert answers["6"]["runUpdated"]["status"] == "RUNNING"
    assert answers["7"]["lineage"]["edges"]
    assert answers["8"]["startBackup"]["job"]["state"] == "QUEUED"
    assert answers["9"]["jobs"]["nodes"][0]["id"] == answers["8"]["startBackup"]["job"]["id"]
    assert answers["9"]["backups"]["nodes"][0]["label"] == "From GraphiQL"
    await the_readme_tells_the_truth(client)


async def the_readme_tells_the_truth(client: httpx.AsyncClient) -> None:
    text = README.read_text()
    body = re.search(r"-d '(\{.*?\})'\n```", text, re.DOTALL)
    answer = re.search(r"<!-- answer -->\n```json\n(.*?)```", text, re.DOTALL)
    query = re.search(r"```graphql\n(.*?)```", text, re.DOTALL)
    assert body
    assert answer
    assert query
    told, given = json.loads(answer[1]), (await client.post("/graphql", json=json.loads(body[1]))).json()
    # What remains is less here, since the key has asked for more before.
    told["extensions"]["cost"]["remaining"] = given["extensions"]["cost"]["remaining"]
    assert given == told
    best = (await client.post("/graphql", json={"query": query[1]})).json()
    assert len(best["data"]["runs"]["nodes"]) == 10
