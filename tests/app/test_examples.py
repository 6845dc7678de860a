"""The operations that GraphiQL opens with and those of the README, on the demo data."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_operation_ast, parse
from starlette.applications import Starlette
from strawberry.types.execution import ExecutionResult

from maestro.clock import now
from maestro.db.engine import Database
from maestro.ids import Kind, uuid_of
from maestro.progress import untold
from maestro.runtime import Runtime
from ops.demo.recording import load_recording
from ops.profiling.asking import have_profiled
from ops.seeding.demo import Demo, load_demo
from resolvers.setup import ensure_owner
from schema import schema
from tests.fixtures.graphql import Api
from tests.fixtures.populating import SUMMARY

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, Any]:
    """Folders of the test may be connected to."""
    return {"local_connector_folders": (tmp_path,)}


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


async def sent(client: httpx.AsyncClient, title: str, operation: str | None = None) -> Any:
    """Send an operation of an example as GraphiQL does that was opened just now, and return its data."""
    examples = (await client.get("/graphiql/examples.json")).json()
    (example,) = [one for one in examples if one["title"].startswith(f"{title}.")]
    variables = json.loads(example["variables"] or "{}")
    if operation is not None:
        asked = get_operation_ast(parse(example["query"]), operation)
        assert asked is not None
        names = [one.variable.name.value for one in asked.variable_definitions or ()]
        variables = {name: variables[name] for name in names}
    assert "{{" not in json.dumps(variables), f"no id was found for {title}"
    body = {"query": example["query"], "variables": variables, "operationName": operation}
    answer = (await client.post("/graphql", json=body)).json()
    assert "errors" not in answer, (title, answer["errors"])
    return answer["data"]


async def test_stores_are_connected_and_synced_by_the_examples(
    client: httpx.AsyncClient, api: Api, tmp_path: Path
) -> None:
    await sent(client, "10", "Connect")
    (tmp_path / "archive").mkdir()
    assert (await sent(client, "10", "Test"))["testConnector"]["status"] == "HEALTHY"
    listed = (await sent(client, "10", "Connectors"))["connectors"]["nodes"]
    assert [(one["name"], one["status"]) for one in listed] == [("Archive", "HEALTHY"), ("Training", "UNTESTED")]
    assert [one["status"] for one in listed[0]["checks"]["nodes"]] == ["HEALTHY"]
    planned = (await sent(client, "11", "Plan"))["planSync"]
    assert (planned["state"], planned["job"]["state"]) == ("PLANNING", "QUEUED")
    async with api.runtime.db.transaction() as tx:
        # As the job leaves it.
        expires_at, made = (
            now() + timedelta(hours=1),
            "UPDATE sync_plan SET state = 'READY', summary = $1, expires_at = $2",
        )
        await tx.fetch_sql(made, SUMMARY, expires_at)
    (plan,) = (await sent(client, "11", "Plans"))["syncPlans"]["nodes"]
    assert (plan["state"], plan["source"]["name"], plan["target"]["name"]) == ("READY", "Training", "Archive")
    started = (await sent(client, "11", "Start"))["startSync"]
    (run,) = (await sent(client, "11", "Syncs"))["syncRuns"]["nodes"]
    assert (run["id"], run["job"]["id"], run["status"]) == (started["id"], started["job"]["id"], "QUEUED")


async def test_the_server_is_profiled_by_an_example(client: httpx.AsyncClient, api: Api) -> None:
    started = (await sent(client, "12", "Profile"))["startProfile"]
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE profile SET seconds = 0.3")
    await have_profiled(api.runtime.db, uuid_of(Kind.Profile, started["id"]), untold)
    (profile,) = (await sent(client, "12", "FlameGraph"))["profiles"]["nodes"]
    (picture,) = [one for one in profile["files"] if one["name"] == "cpu.svg"]
    assert (await client.get(picture["downloadUrl"])).text.startswith("<svg")


@pytest.mark.usefixtures("demo")
async def test_every_example_and_the_readme_answer_real_data(client: httpx.AsyncClient, api: Api) -> None:
    examples = (await client.get("/graphiql/examples.json")).json()
    assert [example["title"].partition(".")[0] for example in examples] == [str(number) for number in range(1, 13)]
    answers: dict[str, Any] = {}
    for example in examples[:9]:
        number = example["title"].partition(".")[0]
        if "subscription" in example["query"]:
            variables = json.loads(example["variables"])
            answers[number] = await asyncio.wait_for(first_event(api, example["query"], variables), 10)
        else:
            answers[number] = await sent(client, number)
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
