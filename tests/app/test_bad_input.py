"""Bad input over HTTP: each is answered by a code that says what is wrong and where, and changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.fixtures.artifacts import new_artifact, opened
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import finish, new_experiment, new_run

NOBODY = "0" * 32
SAVED = "__typename ... on NameTaken { code message field } ... on StaleVersion { code message current { id } }"
CREATE_PROJECT = (
    "mutation ($name: String!) { saved: createProject(input: {name: $name}) "
    "{ __typename ... on NameTaken { code message field } } }"
)
UPDATE_PROJECT = (
    "mutation ($id: ID!, $name: String, $v: Int) "
    f"{{ saved: updateProject(id: $id, input: {{name: $name}}, expectedVersion: $v) {{ {SAVED} }} }}"
)
LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { points isReplay } }"
FINISH = "mutation ($id: ID!, $status: RunStatus!) { finishRun(id: $id, status: $status) { id } }"
COMMIT = "mutation ($id: ID!, $digest: String) { commitArtifactVersion(id: $id, expectedDigest: $digest) { id } }"
RUNS = (
    "query ($id: ID!, $after: String, $first: Int, $text: String, $sort: [RunSort!]) { experiment(id: $id) "
    "{ runs(after: $after, first: $first, filterText: $text, sort: $sort) { nodes { id } pageInfo { endCursor } } } }"
)
METRIC = {"key": "loss", "steps": [1, 2], "values": [0.5, 0.25]}


@dataclass(frozen=True)
class World:
    """The objects that are there before anything goes wrong."""

    project: str
    experiment: str
    run: str
    ended: str
    version: str
    cursor: str

    def batch(self, *, seq: int = 2, run: str | None = None, **metric: Any) -> dict[str, Any]:
        """The variables of a batch of one series; seq 1 has been stored."""
        given = {"runId": run or self.run, "writerId": "w", "seq": seq, "metrics": [{**METRIC, **metric}]}
        return {"input": given}


@pytest.fixture
async def world(api: Api, client: httpx.AsyncClient) -> World:
    """A project with two runs, one of which has ended, and an open artifact version with a file."""
    project = await new_project(api)
    experiment = await new_experiment(api, project)
    run, ended = [await new_run(api, experiment) for _ in range(2)]
    await finish(api, ended)
    version = await opened(api, await new_artifact(api, project))
    await client.put(f"/artifacts/{version}/a.txt", content=b"a")
    runs = (await api(RUNS, id=experiment, first=1))["experiment"]["runs"]
    world = World(project, experiment, run, ended, version, runs["pageInfo"]["endCursor"])
    await api(LOG, **world.batch(seq=1))
    return world


Variables = Callable[[World], dict[str, Any]]
OPERATIONS: dict[str, tuple[str, Variables, str, dict[str, Any]]] = {
    "an unknown id": ("query ($id: ID!) { run(id: $id) { id } }", lambda _: {"id": f"run_{NOBODY}"}, "NOT_FOUND", {}),
    "an unknown id to change": (UPDATE_PROJECT, lambda _: {"id": f"project_{NOBODY}", "name": "x"}, "NOT_FOUND", {}),
    "an id of another type": (UPDATE_PROJECT, lambda w: {"id": w.run, "name": "x"}, "BAD_USER_INPUT", {"field": "id"}),
    "an id of nothing": (FINISH, lambda _: {"id": "run_\0", "status": "FAILED"}, "BAD_USER_INPUT", {"field": "id"}),
    "a cursor from a list that is sorted otherwise": (
        RUNS,
        lambda w: {"id": w.experiment, "after": w.cursor, "sort": [{"field": "NAME"}]},
        "BAD_USER_INPUT",
        {"field": "after"},
    ),
    "a cursor from a list that is filtered otherwise": (
        RUNS,
        lambda w: {"id": w.experiment, "after": w.cursor, "text": "number > 0"},
        "BAD_USER_INPUT",
        {"field": "after"},
    ),
    "a cursor from another type's list": (
        "query ($after: String) { projects(after: $after) { nodes { id } } }",
        lambda w: {"after": w.cursor},
        "BAD_USER_INPUT",
        {"field": "after"},
    ),
    "a page of 100,000": (
        RUNS,
        lambda w: {"id": w.experiment, "first": 100_000},
        "BAD_USER_INPUT",
        {"field": "first", "limit": 1000},
    ),
    "a filter with a typo in a field": (
        RUNS,
        lambda w: {"id": w.experiment, "text": "number > 0 AND statu = 'FAILED'"},
        "BAD_USER_INPUT",
        {"position": 15, "length": 5, "suggestion": "status"},
    ),
    "a filter with a typo in a value": (
        RUNS,
        lambda w: {"id": w.experiment, "text": "status = RUNING"},
        "BAD_USER_INPUT",
        {"position": 9, "length": 6, "suggestion": "RUNNING"},
    ),
    "a filter with a typo in a word": (
        RUNS,
        lambda w: {"id": w.experiment, "text": "number > 0 ADN number < 9"},
        "BAD_USER_INPUT",
        {"position": 11, "length": 3, "suggestion": "AND"},
    ),
    "a filter that is nested 3,000 deep": (
        RUNS,
        lambda w: {"id": w.experiment, "text": "(" * 3000},
        "BAD_USER_INPUT",
        {"position": 30},
    ),
    "a name that is taken": (CREATE_PROJECT, lambda _: {"name": "Vision"}, "NAME_TAKEN", {"field": "name"}),
    "a name of 10,000 letters beyond ASCII": (
        CREATE_PROJECT,
        lambda _: {"name": "ü" * 10_000},
        "BAD_USER_INPUT",
        {"field": "name", "limit": 200},
    ),
    "a name without a letter": (CREATE_PROJECT, lambda _: {"name": " \u3000 "}, "BAD_USER_INPUT", {"field": "name"}),
    "a name with a NUL": (CREATE_PROJECT, lambda _: {"name": "a\0b"}, "BAD_USER_INPUT", {"field": "name"}),
    "a version that is stale": (
        UPDATE_PROJECT,
        lambda w: {"id": w.project, "name": "New", "v": 7},
        "STALE_VERSION",
        {},
    ),
    "a version that is stale, to delete": (
        "mutation ($id: ID!) { deleteProject(id: $id, expectedVersion: 7) { id } }",
        lambda w: {"id": w.project},
        "STALE_VERSION",
        {"currentVersion": 1},
    ),
    "a value that is no number": (
        LOG,
        lambda w: w.batch(values=[1.0, "nan"]),
        "BAD_USER_INPUT",
        {"field": "metrics[0].values[1]"},
    ),
    "a value that is missing": (
        LOG,
        lambda w: w.batch(values=[1.0]),
        "BAD_USER_INPUT",
        {"field": "metrics[0].values[1]"},
    ),
    "a step that is none": (
        LOG,
        lambda w: w.batch(steps=[1, 2.5]),
        "BAD_USER_INPUT",
        {"field": "metrics[0].steps[1]"},
    ),
    "a metric's name of 10,000 letters": (
        LOG,
        lambda w: w.batch(key="k" * 10_000),
        "BAD_USER_INPUT",
        {"field": "metrics[0].key", "limit": 250},
    ),
    "21,000 points": (
        LOG,
        lambda w: w.batch(steps=list(range(21_000)), values=[1.0] * 21_000),
        "PAYLOAD_TOO_LARGE",
        {"field": "metrics", "limit": 20_000},
    ),
    "another batch under a seq that was stored": (
        LOG,
        lambda w: w.batch(seq=1, values=[0.5, 0.75]),
        "CONFLICT",
        {"field": "seq"},
    ),
    "a batch for a run that has ended": (LOG, lambda w: w.batch(run=w.ended), "CONFLICT", {"status": "FINISHED"}),
    "a second finish": (
        FINISH,
        lambda w: {"id": w.ended, "status": "FINISHED"},
        "CONFLICT",
        {"status": "FINISHED"},
    ),
    "a second finish as something else": (
        FINISH,
        lambda w: {"id": w.ended, "status": "FAILED"},
        "CONFLICT",
        {"status": "FINISHED"},
    ),
    "an artifact whose digest differs": (
        COMMIT,
        lambda w: {"id": w.version, "digest": "0" * 64},
        "DIGEST_MISMATCH",
        {"expected": "0" * 64},
    ),
    "a variable that is nested too deeply": (
        "query ($filter: RunFilter) { runs(filter: $filter) { nodes { id } } }",
        lambda _: {"filter": nested(400)},
        "OPERATION_TOO_COMPLEX",
        {"measure": "variableDepth", "limit": 100},
    ),
}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"not": value}
    return value


@pytest.mark.parametrize("case", OPERATIONS)
async def test_bad_input_is_answered_by_a_code_and_changes_nothing(
    api: Api, client: httpx.AsyncClient, world: World, *, case: str
) -> None:
    query, variables, code, details = OPERATIONS[case]
    before = await api.state()
    answer = await client.post("/graphql", json={"query": query, "variables": variables(world)})
    assert answer.status_code == 200
    told = outcome(answer.json())
    assert {name: told.get(name) for name in ("code", *details)} == {"code": code, **details}
    assert is_fit_to_show(told["message"])
    assert await api.state() == before


def outcome(answer: dict[str, Any]) -> dict[str, Any]:
    """The code with what is told beside it: an error's, or a payload's that a client has to decide about."""
    if "errors" not in answer:
        found: dict[str, Any] = answer["data"]["saved"]
        return found
    (error,) = answer["errors"]
    return {"message": error["message"], **error["extensions"]}


def is_fit_to_show(message: str) -> bool:
    internals = ("Traceback", "Error(", "asyncpg", "SELECT", ".py")
    return 0 < len(message) <= 300 and not any(word in message for word in internals)


@pytest.mark.parametrize(
    ("value", "advice"),
    [("NaN", True), ("Infinity", True), ("-Infinity", True), ("1e999", True), ("-1e999", True), ("0x10", False)],
)
async def test_a_number_that_json_has_not_is_refused_with_its_place(
    api: Api, client: httpx.AsyncClient, world: World, *, value: str, advice: bool
) -> None:
    before = await api.state()
    start = '{"query": "{ __typename }", "variables":\n{"x": '
    answer = await client.post("/graphql", content=f"{start}{value}}}}}", headers={"content-type": "application/json"})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["message"].startswith("The body is not JSON at line 2, column ")
    assert ("Write NaN and infinities as strings." in error["message"]) == advice
    assert await api.state() == before


async def test_an_infinite_literal_in_a_document_is_refused_with_its_place(
    api: Api, client: httpx.AsyncClient, world: World
) -> None:
    before = await api.state()
    metric = '{key: "loss", steps: [9], values: [1e999]}'
    batch = f'{{runId: "{world.run}", writerId: "w", seq: 2, metrics: [{metric}]}}'
    answer = await client.post("/graphql", json={"query": f"mutation {{ logBatch(input: {batch}) {{ points }} }}"})
    told = outcome(answer.json())
    assert (told["code"], told["field"]) == ("BAD_USER_INPUT", "metrics[0].values[0]")
    assert await api.state() == before


async def test_a_batch_that_is_sent_again_is_told_so_and_changes_nothing(
    api: Api, client: httpx.AsyncClient, world: World
) -> None:
    before = await api.state()
    answer = await client.post("/graphql", json={"query": LOG, "variables": world.batch(seq=1)})
    assert answer.json()["data"] == {"logBatch": {"points": 2, "isReplay": True}}
    assert await api.state() == before


async def test_steps_out_of_order_and_twice_are_sorted_and_the_last_value_counts(
    api: Api, client: httpx.AsyncClient, world: World
) -> None:
    batch = world.batch(key="mixed", steps=[3, 1, 2, 1], values=[0.3, 9.9, "NaN", 0.1])
    answer = await client.post("/graphql", json={"query": LOG, "variables": batch})
    assert answer.json()["data"] == {"logBatch": {"points": 4, "isReplay": False}}
    data = await api(
        'query ($id: ID!) { run(id: $id) { series(keys: ["mixed"]) '
        "{ count nonFiniteCount firstStep lastStep last points(first: 9) { step value } } } }",
        id=world.run,
    )
    (series,) = data["run"]["series"]
    assert (series["count"], series["nonFiniteCount"]) == (3, 1)
    assert (series["firstStep"], series["lastStep"], series["last"]) == (1, 3, 0.3)
    assert series["points"] == {"step": [1, 2, 3], "value": [0.1, None, 0.3]}
