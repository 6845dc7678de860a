"""Experiments by GraphQL."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import CREATE_EXPERIMENT, finish, new_experiment, new_key, new_run, new_series

UPDATE = """
mutation ($id: ID!, $input: UpdateExperimentInput!, $version: Int) {
  updateExperiment(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on ExperimentSaved { experiment { name path description version tags { key value } } }
    ... on NameTaken { message field }
    ... on StaleVersion { message current { id ... on Experiment { name version } } }
  }
}"""
DELETE = "mutation ($id: ID!) { deleteExperiment(id: $id) { deletedAt } }"
RESTORE = """
mutation ($id: ID!, $name: String) {
  restoreExperiment(id: $id, name: $name) {
    __typename
    ... on ExperimentSaved { experiment { name deletedAt } }
    ... on NameTaken { message }
  }
}"""
READ = "query ($id: ID!) { experiment(id: $id) { name project { name } createdBy { name } } }"
BEST = """
query ($id: ID!, $metric: String!, $aggregate: Aggregate!, $direction: MetricDirection) {
  experiment(id: $id) { bestRun(metric: $metric, aggregate: $aggregate, direction: $direction) { name } }
}"""
GROUPS = """
query ($id: ID!, $by: RunGroupBy!, $metric: String, $aggregate: Aggregate!) {
  experiment(id: $id) {
    aggregates(groupBy: $by, metric: $metric, aggregate: $aggregate) {
      value runCount metric { count min max mean }
    }
  }
}"""


@pytest.fixture
async def experiment(api: Api, project: str) -> str:
    return await new_experiment(api, project)


async def best(api: Api, experiment: str, metric: str, *, aggregate: str = "LAST", direction: str | None = None) -> Any:
    data = await api(BEST, id=experiment, metric=metric, aggregate=aggregate, direction=direction)
    run = data["experiment"]["bestRun"]
    return run and run["name"]


async def groups(api: Api, experiment: str, **asked: Any) -> list[dict[str, Any]]:
    data = await api(GROUPS, id=experiment, **{"aggregate": "LAST", **asked})
    found: list[dict[str, Any]] = data["experiment"]["aggregates"]
    return found


async def test_an_experiment_is_created_with_what_it_is_given(api: Api, project: str) -> None:
    tags = [{"key": "team", "value": "vision"}]
    given = {"projectId": project, "name": "E", "path": "vision//ablations/", "description": "About", "tags": tags}
    data = await api(CREATE_EXPERIMENT, input=given)
    made = data["createExperiment"]["experiment"]
    assert made.pop("id").startswith("experiment_")
    assert made == {"name": "E", "path": "/vision/ablations", "description": "About", "version": 1, "tags": tags}


async def test_an_experiment_knows_its_project_and_its_creator(api: Api, experiment: str) -> None:
    data = await api(READ, id=experiment)
    assert data["experiment"] == {"name": "Ablations", "project": {"name": "Vision"}, "createdBy": {"name": "Owner"}}
    assert api.statements == 3


async def test_a_name_is_unique_in_its_folder_alone(api: Api, project: str, experiment: str) -> None:
    data = await api(CREATE_EXPERIMENT, input={"projectId": project, "name": "Ablations"})
    assert data["createExperiment"]["__typename"] == "NameTaken"
    assert await new_experiment(api, project, path="/elsewhere") != experiment


async def test_creating_again_under_a_key_answers_the_first_experiment(api: Api, project: str) -> None:
    given = {"projectId": project, "name": "Once"}
    first = await api(CREATE_EXPERIMENT, input=given, key="k")
    state = await api.state()
    assert await api(CREATE_EXPERIMENT, input=given, key="k") == first
    assert await api.state() == state


async def test_an_experiment_of_a_project_in_the_trash_is_refused(api: Api, project: str) -> None:
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    state = await api.state()
    (error,) = await api.errors(CREATE_EXPERIMENT, input={"projectId": project, "name": "E"})
    assert (error["message"], error["extensions"]["code"]) == ("This Project is in the trash.", "CONFLICT")
    assert await api.state() == state


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"name": "E", "path": "/a/" + "x" * 201}, "path"),
        ({"name": "E", "tags": [{"key": "a"}, {"key": "a"}]}, "tags"),
        ({"name": "E", "tags": [{"key": " "}]}, "tags"),
        ({"name": "E", "tags": [{"key": str(n)} for n in range(201)]}, "tags"),
        ({"name": "E", "description": "\0"}, "description"),
        ({"name": "E", "projectId": "run_" + "0" * 32}, "projectId"),
    ],
)
async def test_bad_input_is_refused_by_its_field(api: Api, project: str, *, given: dict[str, Any], field: str) -> None:
    state = await api.state()
    (error,) = await api.errors(CREATE_EXPERIMENT, input={"projectId": project, **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == state


async def test_an_update_replaces_the_tags_and_moves(api: Api, project: str) -> None:
    experiment = await new_experiment(api, project, tags=[{"key": "old", "value": "1"}])
    changes = {"name": "New", "path": "/x", "tags": [{"key": "new", "value": "2"}]}
    data = await api(UPDATE, id=experiment, input=changes, version=1)
    assert data["updateExperiment"]["experiment"] == {**changes, "description": "", "version": 2}


async def test_a_stale_version_answers_the_current_experiment(api: Api, experiment: str) -> None:
    await api(UPDATE, id=experiment, input={"name": "First"})
    state = await api.state()
    data = await api(UPDATE, id=experiment, input={"name": "Second"}, version=1)
    assert data["updateExperiment"]["__typename"] == "StaleVersion"
    assert data["updateExperiment"]["current"] == {"id": experiment, "name": "First", "version": 2}
    assert await api.state() == state


async def test_a_deleted_experiment_takes_its_runs_along_and_brings_them_back(api: Api, experiment: str) -> None:
    await new_run(api, experiment)
    await api(DELETE, id=experiment)
    assert (await api("{ runs { totalCount } experiments { totalCount } }")) == {
        "runs": {"totalCount": 0},
        "experiments": {"totalCount": 0},
    }
    await api(RESTORE, id=experiment)
    assert (await api("{ runs { totalCount } }"))["runs"]["totalCount"] == 1


async def test_a_name_given_away_is_restored_under_another(api: Api, project: str, experiment: str) -> None:
    await api(DELETE, id=experiment)
    await new_experiment(api, project)
    state = await api.state()
    assert (await api(RESTORE, id=experiment))["restoreExperiment"]["__typename"] == "NameTaken"
    assert await api.state() == state
    data = await api(RESTORE, id=experiment, name="Old")
    assert data["restoreExperiment"]["experiment"] == {"name": "Old", "deletedAt": None}


async def test_a_bad_new_name_is_refused_by_a_restore(api: Api, experiment: str) -> None:
    await api(DELETE, id=experiment)
    state = await api.state()
    (error,) = await api.errors(RESTORE, id=experiment, name="x" * 10_000)
    assert error["extensions"]["field"] == "name"
    assert await api.state() == state


async def test_experiments_are_filtered_by_tag_text_and_folder(api: Api, project: str) -> None:
    await new_experiment(api, project, "Alpha", path="/a/b", tags=[{"key": "team", "value": "x"}])
    await new_experiment(api, project, "Beta", path="/a", description="some words")
    query = """
    query ($f: ExperimentFilter, $t: String) { experiments(filter: $f, filterText: $t) { nodes { name } } }"""

    async def named(**wanted: Any) -> list[str]:
        return [node["name"] for node in (await api(query, **wanted))["experiments"]["nodes"]]

    assert await named(f={"tag": {"key": "team", "eq": "x"}}) == ["Alpha"]
    assert await named(f={"not": {"tag": {"key": "team", "exists": True}}}) == ["Beta"]
    assert await named(f={"text": "wor"}) == ["Beta"]
    assert await named(t="path LIKE '/a/%'") == ["Alpha"]
    assert await named(t="path LIKE '/a%' AND NOT name = 'Beta'") == ["Alpha"]


async def test_the_experiments_of_all_projects_cost_two_statements(api: Api, experiment: str) -> None:
    await new_experiment(api, await new_project(api, "Speech"), "Other")
    data = await api("{ projects { nodes { name experiments { nodes { name } } } } }")
    assert data["projects"]["nodes"] == [
        {"name": "Speech", "experiments": {"nodes": [{"name": "Other"}]}},
        {"name": "Vision", "experiments": {"nodes": [{"name": "Ablations"}]}},
    ]
    assert api.statements == 2


async def test_the_best_run_follows_the_direction_of_the_metric(api: Api, project: str, experiment: str) -> None:
    accuracy = await new_key(api, project, "accuracy", direction="MAXIMIZE")
    loss = await new_key(api, project, "loss", direction="MINIMIZE")
    for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.1)):
        run = await new_run(api, experiment, name=name)
        await new_series(api, project, run, key=accuracy, values=(value, -value, 1.0))
        await new_series(api, project, run, key=loss, values=(value, value, value), split="val")
    assert await best(api, experiment, "accuracy") == "b"
    assert await best(api, experiment, "accuracy", direction="MINIMIZE") == "c"
    assert await best(api, experiment, "accuracy", aggregate="MIN") == "c"
    assert await best(api, experiment, "loss{split=val}") == "c"
    assert await best(api, experiment, "loss") is None


async def test_a_run_without_a_finite_value_is_never_the_best(api: Api, project: str, experiment: str) -> None:
    key = await new_key(api, project, "loss", direction="MINIMIZE")
    await new_series(api, project, await new_run(api, experiment, name="nan"), key=key, values=(None, None, None))
    assert await best(api, experiment, "loss") is None
    await new_series(api, project, await new_run(api, experiment, name="ok"), key=key, values=(7.0, 7.0, 7.0))
    assert await best(api, experiment, "loss") == "ok"


async def test_a_metric_without_a_direction_needs_one_for_the_best_run(api: Api, project: str, experiment: str) -> None:
    key = await new_key(api, project, "loss")
    await new_series(api, project, await new_run(api, experiment, name="a"), key=key, values=(1.0, 1.0, 1.0))
    (error,) = await api.errors(BEST, id=experiment, metric="loss", aggregate="LAST")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "direction")
    assert await best(api, experiment, "loss", direction="MINIMIZE") == "a"
    assert await best(api, experiment, "unknown") is None


async def test_best_runs_of_many_experiments_cost_four_statements(api: Api, project: str, experiment: str) -> None:
    key = await new_key(api, project, "loss", direction="MINIMIZE")
    other = await new_experiment(api, project, "Other")
    for place, name in ((experiment, "here"), (other, "there")):
        await new_series(api, project, await new_run(api, place, name=name), key=key, values=(1.0, 1.0, 1.0))
    data = await api('{ experiments { nodes { bestRun(metric: "loss") { name } } } }')
    assert data["experiments"]["nodes"] == [{"bestRun": {"name": "there"}}, {"bestRun": {"name": "here"}}]
    assert api.statements == 4


async def test_runs_are_grouped_by_a_param_with_a_metric(api: Api, project: str, experiment: str) -> None:
    key = await new_key(api, project, "loss")
    for optimizer, value in (("adam", 1.0), ("adam", 3.0), ("sgd", None)):
        run = await new_run(api, experiment, params={"optimizer": optimizer})
        await new_series(api, project, run, key=key, values=(value, value, value))
    await new_run(api, experiment)
    assert await groups(api, experiment, by={"param": "optimizer"}, metric="loss") == [
        {"value": "adam", "runCount": 2, "metric": {"count": 2, "min": 1.0, "max": 3.0, "mean": 2.0}},
        {"value": "sgd", "runCount": 1, "metric": {"count": 0, "min": None, "max": None, "mean": None}},
        {"value": None, "runCount": 1, "metric": {"count": 0, "min": None, "max": None, "mean": None}},
    ]
    assert api.statements == 2


async def test_the_mean_of_huge_values_is_finite(api: Api, project: str, experiment: str) -> None:
    key = await new_key(api, project, "loss")
    for _ in range(2):
        await new_series(api, project, await new_run(api, experiment), key=key, values=(1.5e308, 0.0, 0.0))
    (group,) = await groups(api, experiment, by={"field": "KIND"}, metric="loss")
    assert group["metric"]["mean"] == 1.5e308


async def test_runs_are_grouped_by_status_and_by_tag(api: Api, experiment: str) -> None:
    await finish(api, await new_run(api, experiment, tags={"team": "a"}))
    await new_run(api, experiment, tags={"team": "a"})
    await new_run(api, experiment)
    assert await groups(api, experiment, by={"field": "STATUS"}) == [
        {"value": "RUNNING", "runCount": 2, "metric": None},
        {"value": "FINISHED", "runCount": 1, "metric": None},
    ]
    assert [group["value"] for group in await groups(api, experiment, by={"tag": "team"})] == ["a", None]


@pytest.mark.parametrize("by", [{}, {"param": "a", "tag": "b"}])
async def test_grouping_is_by_exactly_one_thing(api: Api, experiment: str, by: dict[str, str]) -> None:
    (error,) = await api.errors(GROUPS, id=experiment, by=by, aggregate="LAST")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "groupBy")


async def test_metric_keys_are_those_of_the_runs_in_use(api: Api, project: str, experiment: str) -> None:
    used, other = await new_key(api, project, "used"), await new_key(api, project, "other")
    await new_key(api, project, "unused")
    await new_series(api, project, await new_run(api, experiment), key=used, values=(1.0, 1.0, 1.0))
    deleted = await new_run(api, experiment)
    await new_series(api, project, deleted, key=other, values=(1.0, 1.0, 1.0))
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=deleted)
    data = await api("{ experiments { nodes { metricKeys { name } } } }")
    assert data["experiments"]["nodes"] == [{"metricKeys": [{"name": "used"}]}]
    assert api.statements == 2


async def test_another_organisation_finds_nothing_of_it(
    api: Api, foreign: Api, *, project: str, experiment: str
) -> None:
    state = await api.state()
    for query, variables in (
        (READ, {"id": experiment}),
        (UPDATE, {"id": experiment, "input": {"name": "Mine"}}),
        (DELETE, {"id": experiment}),
        (RESTORE, {"id": experiment}),
        (CREATE_EXPERIMENT, {"input": {"projectId": project, "name": "Mine"}}),
    ):
        (error,) = await foreign.errors(query, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert (await foreign("{ experiments { totalCount } }"))["experiments"]["totalCount"] == 0
    assert await api.state() == state
