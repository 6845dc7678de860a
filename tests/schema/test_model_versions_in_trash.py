"""Model versions in the trash by GraphQL."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_model, new_project, new_version, set_alias

DELETE = (
    "mutation ($id: ID!, $version: Int) { deleteModelVersion(id: $id, expectedVersion: $version) { number deletedAt } }"
)
RESTORE = """
mutation ($id: ID!) { restoreModelVersion(id: $id) { modelVersion { number deletedAt aliases { name } } } }"""
LIST = """
query ($id: ID!, $trash: Boolean! = false) {
  model(id: $id) {
    versions(inTrash: $trash) { nodes { number } }
    aliases { name modelVersion { number } }
  }
}"""


@pytest.fixture
async def model(api: Api) -> str:
    return await new_model(api, await new_project(api))


async def numbers(api: Api, model: str, **variables: Any) -> list[int]:
    data = await api(LIST, id=model, **variables)
    return [node["number"] for node in data["model"]["versions"]["nodes"]]


async def test_a_deleted_version_does_not_give_its_number_away(api: Api, model: str) -> None:
    await api(DELETE, id=await new_version(api, model))
    await new_version(api, model)
    assert await numbers(api, model) == [2]
    assert await numbers(api, model, trash=True) == [1]


async def test_a_protected_alias_forbids_the_deletion(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await set_alias(api, model, version, isProtected=True)
    before = await api.state()
    (error,) = await api.errors(DELETE, id=version)
    assert (error["extensions"]["code"], error["extensions"]["aliases"]) == ("CONFLICT", ["champion"])
    assert await api.state() == before


async def test_a_deleted_version_takes_its_aliases_along(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await set_alias(api, model, version)
    await api(DELETE, id=version, version=1)
    data = await api(LIST, id=model)
    assert data["model"] == {"versions": {"nodes": []}, "aliases": []}


async def test_a_restored_version_comes_back_with_its_aliases(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await set_alias(api, model, version)
    await api(DELETE, id=version)
    data = await api(RESTORE, id=version)
    assert data["restoreModelVersion"]["modelVersion"] == {
        "number": 1,
        "deletedAt": None,
        "aliases": [{"name": "champion"}],
    }


async def test_a_restored_version_leaves_an_alias_that_was_set_anew_where_it_is(api: Api, model: str) -> None:
    first, second = await new_version(api, model), await new_version(api, model)
    await set_alias(api, model, first)
    await set_alias(api, model, first, name="baseline")
    await api(DELETE, id=first)
    await set_alias(api, model, second)
    await api(RESTORE, id=first)
    data = await api(LIST, id=model)
    assert data["model"]["aliases"] == [
        {"name": "baseline", "modelVersion": {"number": 1}},
        {"name": "champion", "modelVersion": {"number": 2}},
    ]


async def test_restoring_what_is_not_in_the_trash_changes_nothing(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await set_alias(api, model, version)
    before = await api.state()
    await api(RESTORE, id=version)
    assert await api.state() == before


async def test_a_version_stays_in_the_trash_while_its_model_is_there(api: Api, model: str) -> None:
    version = await new_version(api, model)
    await api("mutation ($id: ID!) { deleteModel(id: $id) { id } }", id=model)
    before = await api.state()
    (error,) = await api.errors(RESTORE, id=version)
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before
