"""Registered models by GraphQL."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_model, new_project, new_version, set_alias

CREATE = """
mutation ($input: CreateModelInput!, $key: String) {
  createModel(input: $input, idempotencyKey: $key) {
    __typename
    ... on RegisteredModelSaved {
      model { id name description task framework version tags { key value } project { id } latestVersion { id } }
    }
    ... on NameTaken { code field }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateModelInput!, $version: Int) {
  updateModel(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on RegisteredModelSaved { model { name description task tags { key value } version } }
    ... on NameTaken { field }
    ... on StaleVersion { current { ... on RegisteredModel { name version } } }
  }
}"""
DELETE = "mutation ($id: ID!, $version: Int) { deleteModel(id: $id, expectedVersion: $version) { id deletedAt } }"
RESTORE = """
mutation ($id: ID!, $name: String) {
  restoreModel(id: $id, name: $name) {
    __typename
    ... on RegisteredModelSaved { model { name deletedAt latestVersion { number } aliases { name } } }
    ... on NameTaken { field }
  }
}"""
READ = "query ($id: ID!) { model(id: $id) { name } }"
LIST = """
query ($filter: RegisteredModelFilter, $text: String, $sort: [RegisteredModelSort!], $trash: Boolean! = false) {
  models(filter: $filter, filterText: $text, sort: $sort, inTrash: $trash) { totalCount nodes { name } }
}"""


async def names(api: Api, **variables: Any) -> list[str]:
    data = await api(LIST, **variables)
    assert data["models"]["totalCount"] == len(data["models"]["nodes"])
    return [node["name"] for node in data["models"]["nodes"]]


async def test_a_new_model_has_what_it_was_given(api: Api) -> None:
    project = await new_project(api)
    given = {
        "projectId": project,
        "name": " Classifier ",
        "description": "Cats *and* dogs",
        "task": "image-classification",
        "framework": "scikit-learn",
        "tags": [{"key": "team", "value": "vision"}, {"key": "a", "value": ""}],
    }
    model = (await api(CREATE, input=given))["createModel"]["model"]
    assert {field: model[field] for field in model if field != "id"} == {
        "name": "Classifier",
        "description": "Cats *and* dogs",
        "task": "image-classification",
        "framework": "scikit-learn",
        "version": 1,
        "tags": [{"key": "a", "value": ""}, {"key": "team", "value": "vision"}],
        "project": {"id": project},
        "latestVersion": None,
    }


async def test_a_used_name_is_an_outcome_and_changes_nothing(api: Api) -> None:
    project = await new_project(api)
    await new_model(api, project)
    before = await api.state()
    data = await api(CREATE, input={"projectId": project, "name": "Classifier"})
    assert data["createModel"] == {"__typename": "NameTaken", "code": "NAME_TAKEN", "field": "name"}
    assert await api.state() == before


async def test_two_projects_may_use_one_name(api: Api) -> None:
    await new_model(api, await new_project(api, "A"))
    await new_model(api, await new_project(api, "B"))
    assert await names(api) == ["Classifier", "Classifier"]


async def test_the_same_idempotency_key_answers_the_same_model(api: Api) -> None:
    given = {"projectId": await new_project(api), "name": "Classifier"}
    first = await api(CREATE, input=given, key="k")
    assert await api(CREATE, input=given, key="k") == first
    assert await names(api) == ["Classifier"]


async def test_an_idempotency_key_for_another_project_is_refused(api: Api) -> None:
    first, second = await new_project(api, "A"), await new_project(api, "B")
    await api(CREATE, input={"projectId": first, "name": "Classifier"}, key="k")
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"projectId": second, "name": "Classifier"}, key="k")
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "ok", "task": "x" * 101}, "task"),
        ({"name": "ok", "framework": "x" * 101}, "framework"),
        ({"name": "ok", "description": "x" * 100_001}, "description"),
        ({"name": "ok", "tags": [{"key": "a"}, {"key": "a"}]}, "tags"),
        ({"name": "ok", "projectId": "run_" + "0" * 32}, "projectId"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(api: Api, given: dict[str, Any], field: str) -> None:
    project = await new_project(api)
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"projectId": project, **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


async def test_a_model_cannot_be_put_into_a_deleted_project(api: Api) -> None:
    project = await new_project(api)
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"projectId": project, "name": "Classifier"})
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_an_update_changes_what_it_names_alone(api: Api) -> None:
    model = await new_model(api, await new_project(api), description="Old", task="vision", tags=[{"key": "a"}])
    data = await api(UPDATE, id=model, input={"name": "New", "task": None}, version=1)
    assert data["updateModel"]["model"] == {
        "name": "New",
        "description": "Old",
        "task": None,
        "tags": [{"key": "a", "value": ""}],
        "version": 2,
    }


async def test_null_for_a_name_is_refused(api: Api) -> None:
    model = await new_model(api, await new_project(api))
    before = await api.state()
    (error,) = await api.errors(UPDATE, id=model, input={"name": None})
    assert error["extensions"]["field"] == "name"
    assert await api.state() == before


async def test_a_stale_version_answers_the_current_state_and_changes_nothing(api: Api) -> None:
    model = await new_model(api, await new_project(api))
    await api(UPDATE, id=model, input={"name": "New"}, version=1)
    before = await api.state()
    data = await api(UPDATE, id=model, input={"name": "Late"}, version=1)
    assert data["updateModel"] == {"__typename": "StaleVersion", "current": {"name": "New", "version": 2}}
    assert await api.state() == before


async def test_a_deleted_model_frees_its_name_and_waits_in_the_trash(api: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    await api(DELETE, id=model, version=1)
    assert await names(api) == []
    assert await names(api, trash=True) == ["Classifier"]
    await new_model(api, project)
    assert await names(api) == ["Classifier"]


async def test_a_restored_model_comes_back_with_its_versions_and_aliases(api: Api) -> None:
    model = await new_model(api, await new_project(api))
    await set_alias(api, model, await new_version(api, model))
    await api(DELETE, id=model)
    data = await api(RESTORE, id=model)
    assert data["restoreModel"] == {
        "__typename": "RegisteredModelSaved",
        "model": {
            "name": "Classifier",
            "deletedAt": None,
            "latestVersion": {"number": 1},
            "aliases": [{"name": "champion"}],
        },
    }


async def test_a_model_whose_name_was_given_away_is_restored_under_another(api: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    await api(DELETE, id=model)
    await new_model(api, project)
    before = await api.state()
    data = await api(RESTORE, id=model)
    assert data["restoreModel"] == {"__typename": "NameTaken", "field": "name"}
    assert await api.state() == before
    await api(RESTORE, id=model, name="Old classifier")
    assert await names(api, sort=[{"field": "NAME"}]) == ["Classifier", "Old classifier"]


async def test_models_are_filtered_by_typed_conditions_and_by_text(api: Api) -> None:
    project = await new_project(api)
    await new_model(api, project, "Cats", task="vision", tags=[{"key": "team", "value": "a"}])
    await new_model(api, project, "Dogs", task="vision", description="Barks a lot")
    await new_model(api, project, "Words", framework="torch")
    by_name = [{"field": "NAME"}]
    assert await names(api, filter={"task": {"eq": "vision"}}, sort=by_name) == ["Cats", "Dogs"]
    assert await names(api, filter={"tag": {"key": "team", "eq": "a"}}) == ["Cats"]
    assert await names(api, filter={"project": {"eq": project}, "text": "bark"}) == ["Dogs"]
    assert await names(api, text="framework = 'torch' OR tags.team EXISTS", sort=by_name) == ["Cats", "Words"]


async def test_models_of_many_projects_cost_one_statement_a_field(api: Api) -> None:
    for name in ("A", "B", "C"):
        project = await new_project(api, name)
        for number in range(2):
            model = await new_model(api, project, f"{name}{number}")
            for _ in range(2):
                await set_alias(api, model, await new_version(api, model))
    data = await api(
        """query ($at: DateTime!) { projects { nodes { models(sort: {field: NAME}) { totalCount nodes {
             name project { name } createdBy { name } latestVersion { number }
             aliases { name } past: aliases(at: $at) { name }
             versions(first: 1) { totalCount nodes { number aliases { name setBy { name } history { at } } } }
           } } } } }""",
        at="2020-01-01T00:00:00Z",
    )
    assert [node["models"]["totalCount"] for node in data["projects"]["nodes"]] == [2, 2, 2]
    model = data["projects"]["nodes"][0]["models"]["nodes"][1]
    assert (model["name"], model["project"]["name"], model["latestVersion"], model["past"]) == (
        "C1",
        "C",
        {"number": 2},
        [],
    )
    (version,) = model["versions"]["nodes"]
    assert (model["versions"]["totalCount"], version["number"], len(version["aliases"][0]["history"])) == (2, 2, 2)
    # projects, models and their total, project, createdBy, latestVersion, aliases twice, versions and their total,
    # aliases of versions, history; setBy is the person whom createdBy has loaded
    assert api.statements == 12


async def test_a_stranger_finds_no_model_and_changes_none(api: Api, foreign: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    before = await api.state()
    for operation, variables in (
        (READ, {"id": model}),
        (CREATE, {"input": {"projectId": project, "name": "Mine"}}),
        (UPDATE, {"id": model, "input": {"name": "Mine"}}),
        (DELETE, {"id": model}),
        (RESTORE, {"id": model}),
    ):
        (error,) = await foreign.errors(operation, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await names(foreign) == []
    assert await api.state() == before
