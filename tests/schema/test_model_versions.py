"""Model versions by GraphQL."""

import asyncio
from typing import Any

import pytest

from maestro.ids import Kind, uuid_of
from tests.fixtures.graphql import Api
from tests.fixtures.registry import (
    new_artifact_version,
    new_model,
    new_project,
    new_run,
    new_version,
    set_alias,
    trash_row,
)

CREATE = """
mutation ($input: CreateModelVersionInput!, $key: String) {
  createModelVersion(input: $input, idempotencyKey: $key) {
    modelVersion {
      id number description lifecycle signature card metrics version
      sourceRun { id } artifactVersion { id } model { id } aliases { name }
    }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateModelVersionInput!, $version: Int) {
  updateModelVersion(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on ModelVersionSaved { modelVersion { description lifecycle signature card metrics version } }
    ... on StaleVersion { current { ... on ModelVersion { lifecycle version } } }
  }
}"""
DELETE = (
    "mutation ($id: ID!, $version: Int) { deleteModelVersion(id: $id, expectedVersion: $version) { number deletedAt } }"
)
RESTORE = """
mutation ($id: ID!) { restoreModelVersion(id: $id) { modelVersion { number deletedAt aliases { name } } } }"""
READ = "query ($id: ID!) { modelVersion(id: $id) { number deletedAt aliases { name } } }"
LIST = """
query ($id: ID!, $filter: ModelVersionFilter, $text: String, $sort: [ModelVersionSort!]) {
  model(id: $id) { versions(filter: $filter, filterText: $text, sort: $sort) { nodes { number } } }
}"""


@pytest.fixture
async def model(api: Api, project: str) -> str:
    return await new_model(api, project)


async def numbers(api: Api, model: str, **variables: Any) -> list[int]:
    data = await api(LIST, id=model, **variables)
    return [node["number"] for node in data["model"]["versions"]["nodes"]]


async def test_a_new_version_has_what_it_was_given(api: Api, project: str, model: str) -> None:
    run, files = await new_run(api, project), await new_artifact_version(api, project)
    given = {
        "modelId": model,
        "description": "Better",
        "lifecycle": "READY",
        "signature": {"inputs": [{"name": "x", "shape": [None, 3]}]},
        "card": "# Card",
        "metrics": {"accuracy": 0.93, "size": 12},
        "sourceRunId": run,
        "artifactVersionId": files,
    }
    version = (await api(CREATE, input=given))["createModelVersion"]["modelVersion"]
    assert {field: version[field] for field in version if field != "id"} == {
        "number": 1,
        "description": "Better",
        "lifecycle": "READY",
        "signature": given["signature"],
        "card": "# Card",
        "metrics": given["metrics"],
        "version": 1,
        "sourceRun": {"id": run},
        "artifactVersion": {"id": files},
        "model": {"id": model},
        "aliases": [],
    }


async def test_a_version_needs_nothing_but_its_model(api: Api, model: str) -> None:
    given = {"modelId": model, "lifecycle": None, "metrics": None, "card": None, "sourceRunId": None}
    version = (await api(CREATE, input=given))["createModelVersion"]["modelVersion"]
    assert (version["lifecycle"], version["metrics"], version["card"], version["sourceRun"]) == ("DRAFT", {}, "", None)


async def test_numbers_count_the_versions_of_each_model(api: Api, project: str, model: str) -> None:
    other = await new_model(api, project, "Other")
    await new_version(api, model)
    await new_version(api, model)
    await new_version(api, other)
    assert await numbers(api, model) == [2, 1]
    assert await numbers(api, other) == [1]


async def test_versions_created_at_once_get_numbers_of_their_own(api: Api, model: str) -> None:
    await asyncio.gather(*(new_version(api, model) for _ in range(5)))
    assert await numbers(api, model) == [5, 4, 3, 2, 1]


async def test_the_same_idempotency_key_answers_the_same_version(api: Api, model: str) -> None:
    first = await api(CREATE, input={"modelId": model, "card": "x"}, key="k")
    assert await api(CREATE, input={"modelId": model, "card": "x"}, key="k") == first
    assert await numbers(api, model) == [1]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"metrics": {"accuracy": "high"}}, "metrics"),
        ({"metrics": {"good": True}}, "metrics"),
        ({"metrics": [1]}, "metrics"),
        ({"metrics": {str(number): 1 for number in range(1001)}}, "metrics"),
        ({"signature": "x"}, "signature"),
        ({"signature": {"x": "\0"}}, "signature"),
        ({"card": "x" * 100_001}, "card"),
        ({"sourceRunId": "model_" + "0" * 32}, "sourceRunId"),
        ({"sourceRunId": ""}, "sourceRunId"),
        ({"artifactVersionId": "model_" + "0" * 32}, "artifactVersionId"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(
    api: Api, model: str, given: dict[str, Any], *, field: str
) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"modelId": model, **given})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


async def test_sources_of_another_project_are_refused(api: Api, model: str) -> None:
    other = await new_project(api, "Other")
    sources = {"sourceRunId": await new_run(api, other), "artifactVersionId": await new_artifact_version(api, other)}
    before = await api.state()
    for field, source in sources.items():
        (error,) = await api.errors(CREATE, input={"modelId": model, field: source})
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


@pytest.mark.parametrize("state", ["FAILED", "DELETED"])
async def test_an_artifact_version_without_files_is_refused(api: Api, project: str, model: str, *, state: str) -> None:
    files = await new_artifact_version(api, project, state)
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"modelId": model, "artifactVersionId": files})
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_a_run_in_the_trash_is_refused(api: Api, project: str, model: str) -> None:
    run = await new_run(api, project)
    await trash_row(api, "run", uuid_of(Kind.Run, run))
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"modelId": model, "sourceRunId": run})
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_a_lifecycle_may_go_back(api: Api, model: str) -> None:
    version = await new_version(api, model, lifecycle="RETIRED")
    data = await api(UPDATE, id=version, input={"lifecycle": "DRAFT"}, version=1)
    assert data["updateModelVersion"]["modelVersion"]["lifecycle"] == "DRAFT"


async def test_an_update_changes_what_it_names_alone(api: Api, model: str) -> None:
    version = await new_version(api, model, description="Old", card="# Card")
    data = await api(UPDATE, id=version, input={"description": "New", "metrics": {"f1": 1}, "signature": {"a": 1}})
    assert data["updateModelVersion"]["modelVersion"] == {
        "description": "New",
        "lifecycle": "DRAFT",
        "signature": {"a": 1},
        "card": "# Card",
        "metrics": {"f1": 1},
        "version": 2,
    }


async def test_a_stale_version_answers_the_current_state_and_changes_nothing(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await api(UPDATE, id=version, input={"lifecycle": "READY"}, version=1)
    before = await api.state()
    data = await api(UPDATE, id=version, input={"lifecycle": "RETIRED"}, version=1)
    assert data["updateModelVersion"] == {
        "__typename": "StaleVersion",
        "current": {"lifecycle": "READY", "version": 2},
    }
    assert await api.state() == before


async def test_null_for_a_lifecycle_is_refused(api: Api, model: str) -> None:
    version = await new_version(api, model)
    before = await api.state()
    (error,) = await api.errors(UPDATE, id=version, input={"lifecycle": None})
    assert error["extensions"]["field"] == "lifecycle"
    assert await api.state() == before


async def test_versions_are_filtered_and_sorted(api: Api, project: str, model: str) -> None:
    run = await new_run(api, project)
    await new_version(api, model, lifecycle="READY", description="From scratch")
    await new_version(api, model, sourceRunId=run)
    await new_version(api, model, lifecycle="READY")
    assert await numbers(api, model, filter={"lifecycle": {"eq": "READY"}}) == [3, 1]
    assert await numbers(api, model, filter={"sourceRun": {"eq": run}}) == [2]
    assert await numbers(api, model, filter={"text": "scratch"}) == [1]
    assert await numbers(api, model, text="number > 1 AND lifecycle = 'READY'") == [3]
    assert await numbers(api, model, sort=[{"field": "NUMBER"}]) == [1, 2, 3]


async def test_versions_of_many_models_cost_one_statement_a_field(api: Api, project: str) -> None:
    for name in ("A", "B"):
        model = await new_model(api, project, name)
        for _ in range(2):
            run, files = await new_run(api, project), await new_artifact_version(api, project)
            await set_alias(
                api, model, await new_version(api, model, sourceRunId=run, artifactVersionId=files), name=name
            )
    data = await api(
        """{ models { nodes { versions { nodes {
             number sourceRun { id } artifactVersion { id } aliases { name } model { name } } } } } }"""
    )
    shown = [
        [(version["number"], version["model"]["name"], version["aliases"]) for version in node["versions"]["nodes"]]
        for node in data["models"]["nodes"]
    ]
    assert shown == [[(2, "B", [{"name": "B"}]), (1, "B", [])], [(2, "A", [{"name": "A"}]), (1, "A", [])]]
    # models, versions, sourceRun, artifactVersion, aliases, model
    assert api.statements == 6


async def test_a_stranger_finds_no_version_and_changes_none(api: Api, foreign: Api, model: str) -> None:
    version = await new_version(api, model)
    before = await api.state()
    for operation, variables in (
        (READ, {"id": version}),
        (CREATE, {"input": {"modelId": model}}),
        (UPDATE, {"id": version, "input": {"card": "Mine"}}),
        (DELETE, {"id": version}),
        (RESTORE, {"id": version}),
    ):
        (error,) = await foreign.errors(operation, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_a_strangers_run_is_no_source(api: Api, foreign: Api, model: str) -> None:
    elsewhere = await new_project(foreign)
    run, files = await new_run(foreign, elsewhere), await new_artifact_version(foreign, elsewhere)
    before = await api.state()
    for given in ({"sourceRunId": run}, {"artifactVersionId": files}):
        (error,) = await api.errors(CREATE, input={"modelId": model, **given})
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before
