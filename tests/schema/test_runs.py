"""Runs by GraphQL: creation, what people write on them, and the trash."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import CREATE_RUN, new_experiment, new_key, new_run, new_series

READ = """
query ($id: ID!) {
  run(id: $id) {
    number name externalId kind status statusReason notes config environment version
    startedAt endedAt durationMs heartbeatAt stopRequestedAt
    source { repo commit dirty entrypoint }
    tags { key value }
    params { key type value number text }
    parent { name } experiment { name } project { name } createdBy { name }
    children { nodes { name } } inputs { id } outputs { id }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateRunInput!, $version: Int) {
  updateRun(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on RunSaved { run { name externalId kind notes statusReason version tags { key value } } }
    ... on NameTaken { field }
    ... on StaleVersion { current { id ... on Run { name } } }
  }
}"""
DELETE = "mutation ($id: ID!, $version: Int) { deleteRun(id: $id, expectedVersion: $version) { deletedAt } }"
RESTORE = """
mutation ($id: ID!) {
  restoreRun(id: $id) { __typename ... on RunSaved { run { deletedAt } } ... on NameTaken { field } }
}"""
SOME_TIME = "2026-01-31T12:00:00.000000Z"


@pytest.fixture
async def experiment(api: Api) -> str:
    return await new_experiment(api, await new_project(api))


async def test_a_run_is_created_with_all_it_is_given(api: Api, experiment: str) -> None:
    parent = await new_run(api, experiment)
    given = {
        "name": "sweep",
        "externalId": "job-1",
        "kind": "TUNING",
        "notes": "Why",
        "config": {"layers": [1, 2.5, None]},
        "environment": {"python": "3.11"},
        "startedAt": SOME_TIME,
    }
    source = {"repo": "https://example.org/r", "commit": "abc", "dirty": False, "entrypoint": "train.py"}
    run = await new_run(
        api, experiment, **given, source=source, parentId=parent, tags={"b": "2", "a": "1"}, params={"lr": 0.1}
    )
    assert (await api(READ, id=run))["run"] == {
        **given,
        "number": 2,
        "status": "RUNNING",
        "statusReason": None,
        "version": 1,
        "endedAt": None,
        "durationMs": None,
        "heartbeatAt": None,
        "stopRequestedAt": None,
        "source": source,
        "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
        "params": [{"key": "lr", "type": "FLOAT", "value": 0.1, "number": 0.1, "text": "0.1"}],
        "parent": {"name": "run-1"},
        "experiment": {"name": "Ablations"},
        "project": {"name": "Vision"},
        "createdBy": {"name": "Owner"},
        "children": {"nodes": []},
        "inputs": [],
        "outputs": [],
    }
    assert (await api(READ, id=parent))["run"]["children"] == {"nodes": [{"name": "sweep"}]}


async def test_runs_are_numbered_and_named_within_their_project(api: Api, experiment: str) -> None:
    second = await new_experiment(api, await new_project(api, "Speech"))
    for place in (experiment, second, experiment):
        await new_run(api, place)
    data = await api("{ runs { nodes { name number source { repo } } } }")
    assert [(run["name"], run["number"]) for run in data["runs"]["nodes"]] == [("run-2", 2), ("run-1", 1), ("run-1", 1)]


async def test_a_scheduled_run_has_not_started(api: Api, experiment: str) -> None:
    run = (await api(READ, id=await new_run(api, experiment, status="SCHEDULED")))["run"]
    assert (run["status"], run["startedAt"]) == ("SCHEDULED", None)


async def test_an_external_id_is_unique_in_its_project_and_free_after_deletion(api: Api, experiment: str) -> None:
    first = await new_run(api, experiment, externalId="x")
    state = await api.state()
    data = await api(CREATE_RUN, input={"experimentId": experiment, "externalId": "x"})
    assert data["createRun"]["__typename"] == "NameTaken"
    assert data["createRun"]["field"] == "externalId"
    assert await api.state() == state
    await api(DELETE, id=first)
    second = await new_run(api, experiment, externalId="x")
    assert (await api(RESTORE, id=first))["restoreRun"] == {"__typename": "NameTaken", "field": "externalId"}
    await api(UPDATE, id=second, input={"externalId": None})
    assert (await api(RESTORE, id=first))["restoreRun"]["run"] == {"deletedAt": None}


async def test_creating_again_under_a_key_makes_no_second_run(api: Api, experiment: str) -> None:
    given = {"experimentId": experiment, "params": [{"key": "lr", "value": 1}]}
    first = await api(CREATE_RUN, input=given, key="k")
    state = await api.state()
    assert await api(CREATE_RUN, input=given, key="k") == first
    (error,) = await api.errors(CREATE_RUN, input={**given, "name": "other"}, key="k")
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == state


async def test_a_parent_is_in_the_same_project(api: Api, experiment: str) -> None:
    elsewhere = await new_experiment(api, await new_project(api, "Speech"))
    parent = await new_run(api, elsewhere)
    state = await api.state()
    (error,) = await api.errors(CREATE_RUN, input={"experimentId": experiment, "parentId": parent})
    assert error["extensions"]["field"] == "parentId"
    assert await api.state() == state


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"name": "x" * 10_000}, "name", "BAD_USER_INPUT"),
        ({"externalId": " "}, "externalId", "BAD_USER_INPUT"),
        ({"status": "FINISHED"}, "status", "BAD_USER_INPUT"),
        ({"status": "SCHEDULED", "startedAt": SOME_TIME}, "startedAt", "BAD_USER_INPUT"),
        ({"config": [1]}, "config", "BAD_USER_INPUT"),
        ({"config": {"a": "\0"}}, "config", "BAD_USER_INPUT"),
        ({"environment": {"a": float("inf")}}, "environment", "BAD_USER_INPUT"),
        ({"config": {str(n): "x" * 1000 for n in range(1000)}}, "config", "PAYLOAD_TOO_LARGE"),
        ({"params": [{"key": "a", "value": 1}, {"key": "a", "value": 2}]}, "params", "BAD_USER_INPUT"),
        ({"params": [{"key": " ", "value": 1}]}, "params", "BAD_USER_INPUT"),
        ({"params": [{"key": "k" * 251, "value": 1}]}, "params.key", "BAD_USER_INPUT"),
        ({"params": [{"key": "a", "value": float("nan")}]}, "params.a", "BAD_USER_INPUT"),
        ({"params": [{"key": "a", "value": [float("-inf")]}]}, "params.a", "BAD_USER_INPUT"),
        ({"params": [{"key": "a", "value": 2**63}]}, "params.a", "BAD_USER_INPUT"),
        ({"params": [{"key": "a", "value": 2**70}]}, "params.a", "BAD_USER_INPUT"),
        ({"params": [{"key": "a", "value": "x" * 100_001}]}, "params.a", "BAD_USER_INPUT"),
        ({"params": [{"key": str(n), "value": n} for n in range(2001)]}, "params", "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_bad_input_is_refused_by_its_field(
    api: Api, experiment: str, *, given: dict[str, Any], field: str, code: str
) -> None:
    state = await api.state()
    (error,) = await api.errors(CREATE_RUN, input={"experimentId": experiment, **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == (code, field)
    assert await api.state() == state


async def test_an_update_replaces_the_tags_and_keeps_the_rest(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, tags={"old": "1"}, notes="Kept", externalId="x")
    data = await api(UPDATE, id=run, input={"name": "new", "kind": "OTHER", "tags": [{"key": "a"}]}, version=1)
    assert data["updateRun"]["run"] == {
        "name": "new",
        "externalId": "x",
        "kind": "OTHER",
        "notes": "Kept",
        "statusReason": None,
        "version": 2,
        "tags": [{"key": "a", "value": ""}],
    }


async def test_a_stale_version_changes_nothing(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    await api(UPDATE, id=run, input={"name": "first"})
    state = await api.state()
    data = await api(UPDATE, id=run, input={"name": "second"}, version=1)
    assert data["updateRun"] == {"__typename": "StaleVersion", "current": {"id": run, "name": "first"}}
    (error,) = await api.errors(DELETE, id=run, version=1)
    assert error["extensions"]["code"] == "STALE_VERSION"
    (error,) = await api.errors(UPDATE, id=run, input={"name": None})
    assert error["extensions"]["field"] == "name"
    assert await api.state() == state


async def test_a_deleted_run_is_listed_in_the_trash_alone(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    await api(DELETE, id=run)
    both = "{ runs { nodes { id } } trash: runs(inTrash: true) { nodes { id } } }"
    assert await api(both) == {"runs": {"nodes": []}, "trash": {"nodes": [{"id": run}]}}
    (error,) = await api.errors(UPDATE, id=run, input={"name": "x"})
    assert error["extensions"]["code"] == "CONFLICT"
    await api(RESTORE, id=run)
    assert await api(both) == {"runs": {"nodes": [{"id": run}]}, "trash": {"nodes": []}}


async def test_a_page_with_params_metrics_and_people_costs_four_statements(api: Api) -> None:
    project = await new_project(api)
    experiment, key = await new_experiment(api, project), await new_key(api, project, "loss")
    for n in range(20):
        run = await new_run(api, experiment, params={"n": n})
        await new_series(api, project, run, key=key, values=(n, n, n))
    data = await api(
        "{ runs { nodes { name params { value } metricSummaries { last } series { last } createdBy { name } } } }"
    )
    assert data["runs"]["nodes"][0] == {
        "name": "run-20",
        "params": [{"value": 19}],
        "metricSummaries": [{"last": 19.0}],
        "series": [{"last": 19.0}],
        "createdBy": {"name": "Owner"},
    }
    assert len(data["runs"]["nodes"]) == 20
    assert api.statements == 4


async def test_children_and_projects_of_many_runs_cost_a_statement_each(api: Api, experiment: str) -> None:
    for _ in range(2):
        parent = await new_run(api, experiment)
        await new_run(api, experiment, parentId=parent)
    await api("{ runs { nodes { parent { id } project { id } experiment { id } children { nodes { id } } } } }")
    assert api.statements == 5


async def test_another_organisation_finds_nothing_of_a_run(api: Api, foreign: Api, experiment: str) -> None:
    run = await new_run(api, experiment, params={"lr": 1})
    state = await api.state()
    for query, variables in (
        (READ, {"id": run}),
        (UPDATE, {"id": run, "input": {"name": "mine"}}),
        (DELETE, {"id": run}),
        (RESTORE, {"id": run}),
        (CREATE_RUN, {"input": {"experimentId": experiment}}),
        ("mutation ($id: ID!) { finishRun(id: $id) { id } }", {"id": run}),
        ("mutation ($id: ID!) { requestStop(id: $id) { id } }", {"id": run}),
        ("mutation ($id: ID!) { heartbeat(id: $id) { id } }", {"id": run}),
        ("query ($id: ID!) { compareRuns(ids: [$id]) { runs { id } } }", {"id": run}),
    ):
        (error,) = await foreign.errors(query, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert (await foreign("{ runs { totalCount } }"))["runs"]["totalCount"] == 0
    assert await api.state() == state
