"""Aliases of model versions by GraphQL."""

import asyncio
from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import SET_ALIAS, new_model, new_project, new_version, set_alias

DELETE = "mutation ($id: ID!, $force: Boolean! = false) { deleteAlias(id: $id, force: $force) { name deletedAt } }"
RESTORE = """
mutation ($id: ID!) {
  restoreAlias(id: $id) {
    __typename
    ... on ModelAliasSaved { alias { deletedAt setAt modelVersion { number } } }
    ... on NameTaken { field }
  }
}"""
READ = """
query ($id: ID!, $at: DateTime) {
  model(id: $id) { aliases(at: $at) { id name setAt setBy { name } modelVersion { number } } }
}"""
HISTORY = """
query ($id: ID!, $first: Int! = 50) {
  model(id: $id) { aliases { history(first: $first) { at modelVersion { number } by { name } } } }
}"""


@pytest.fixture
async def model(api: Api) -> str:
    return await new_model(api, await new_project(api))


@pytest.fixture
async def first(api: Api, model: str) -> str:
    return await new_version(api, model)


@pytest.fixture
async def second(api: Api, model: str, first: str) -> str:
    assert first
    return await new_version(api, model)


async def placed(api: Api, model: str, at: str | None = None) -> dict[str, int]:
    data = await api(READ, id=model, at=at)
    return {alias["name"]: alias["modelVersion"]["number"] for alias in data["model"]["aliases"]}


async def history(api: Api, model: str, **variables: Any) -> list[int | None]:
    data = await api(HISTORY, id=model, **variables)
    (alias,) = data["model"]["aliases"]
    return [move["modelVersion"] and move["modelVersion"]["number"] for move in alias["history"]]


def wanted(model: str, version: str, **given: Any) -> dict[str, Any]:
    return {"modelId": model, "versionId": version, "name": "champion", **given}


async def test_an_alias_is_created_and_moved(api: Api, model: str, first: str, *, second: str) -> None:
    created = await set_alias(api, model, first)
    moved = await set_alias(api, model, second)
    assert (moved["id"], moved["version"], moved["isProtected"]) == (created["id"], 2, False)
    assert moved["setAt"] > created["setAt"]
    assert await placed(api, model) == {"champion": 2}
    assert await history(api, model) == [2, 1]


async def test_setting_an_alias_where_it_is_changes_nothing(api: Api, model: str, first: str) -> None:
    created = await set_alias(api, model, first)
    before = await api.state()
    assert await set_alias(api, model, first) == created
    assert await api.state() == before


@pytest.mark.parametrize("name", ["a", "Champion-2.1_rc", "1.0", "x" * 100])
async def test_letters_digits_dots_dashes_and_underscores_are_a_name(
    api: Api, model: str, first: str, *, name: str
) -> None:
    assert (await set_alias(api, model, first, name=name))["name"] == name


@pytest.mark.parametrize("name", ["", "12", "two words", "ünï", "a/b", "a\n", "x" * 101])
async def test_another_name_is_refused(api: Api, model: str, first: str, *, name: str) -> None:
    before = await api.state()
    (error,) = await api.errors(SET_ALIAS, input=wanted(model, first, name=name))
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "name")
    assert await api.state() == before


async def test_a_version_of_another_model_is_refused(api: Api, model: str) -> None:
    other = await new_model(api, await new_project(api, "Other"))
    version = await new_version(api, other)
    before = await api.state()
    (error,) = await api.errors(SET_ALIAS, input=wanted(model, version))
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "versionId")
    assert await api.state() == before


async def test_an_alias_cannot_point_into_the_trash(api: Api, model: str, first: str) -> None:
    await api("mutation ($id: ID!) { deleteModelVersion(id: $id) { id } }", id=first)
    before = await api.state()
    (error,) = await api.errors(SET_ALIAS, input=wanted(model, first))
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_a_protected_alias_moves_by_force_alone(api: Api, model: str, first: str, *, second: str) -> None:
    await set_alias(api, model, first, isProtected=True)
    before = await api.state()
    (error,) = await api.errors(SET_ALIAS, input=wanted(model, second, isProtected=False))
    assert error["extensions"]["code"] == "CONFLICT"
    assert "force: true" in error["extensions"]["hint"]
    assert await api.state() == before
    moved = await set_alias(api, model, second, force=True)
    assert moved["isProtected"] is True
    assert await placed(api, model) == {"champion": 2}


async def test_a_change_of_the_protection_is_no_move(api: Api, model: str, first: str) -> None:
    created = await set_alias(api, model, first)
    protected = await set_alias(api, model, first, isProtected=True)
    assert (protected["isProtected"], protected["setAt"]) == (True, created["setAt"])
    assert await history(api, model) == [1]


async def test_an_alias_moves_from_where_it_is_expected(api: Api, model: str, first: str, *, second: str) -> None:
    await set_alias(api, model, first, expectedVersionId=None)
    await set_alias(api, model, second, expectedVersionId=first)
    assert await placed(api, model) == {"champion": 2}


@pytest.mark.parametrize("is_absent", [True, False], ids=["nowhere", "elsewhere"])
async def test_an_alias_that_is_not_where_it_was_expected_stays(
    api: Api, model: str, first: str, *, second: str, is_absent: bool
) -> None:
    await set_alias(api, model, first)
    before = await api.state()
    expected = None if is_absent else second
    data = await api(SET_ALIAS, input=wanted(model, second, expectedVersionId=expected))
    assert (data["setAlias"]["__typename"], data["setAlias"]["code"]) == ("StaleVersion", "STALE_VERSION")
    assert data["setAlias"]["current"]["modelVersion"] == {"id": first}
    assert await api.state() == before


async def test_an_alias_that_is_expected_and_missing_is_not_created(
    api: Api, model: str, first: str, *, second: str
) -> None:
    before = await api.state()
    (error,) = await api.errors(SET_ALIAS, input=wanted(model, second, expectedVersionId=first))
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_of_many_that_expect_the_same_place_one_moves_the_alias(api: Api, model: str, first: str) -> None:
    await set_alias(api, model, first)
    versions = [await new_version(api, model) for _ in range(4)]
    answers = await asyncio.gather(
        *(api(SET_ALIAS, input=wanted(model, version, expectedVersionId=first)) for version in versions)
    )
    outcomes = sorted(answer["setAlias"]["__typename"] for answer in answers)
    assert outcomes == ["ModelAliasSaved", "StaleVersion", "StaleVersion", "StaleVersion"]
    assert len(await history(api, model)) == 2


async def test_aliases_are_seen_as_they_stood_at_a_moment(api: Api, model: str, first: str, *, second: str) -> None:
    created = await set_alias(api, model, first)
    moved = await set_alias(api, model, second)
    await set_alias(api, model, first, name="baseline")
    await api(DELETE, id=created["id"])
    assert await placed(api, model, "2020-01-01T00:00:00Z") == {}
    assert await placed(api, model, created["setAt"]) == {"champion": 1}
    assert await placed(api, model, moved["setAt"]) == {"champion": 2}
    assert await placed(api, model) == await placed(api, model, "2100-01-01T00:00:00Z") == {"baseline": 1}


async def test_the_past_is_told_by_the_alias_that_had_the_name_then(
    api: Api, model: str, first: str, *, second: str
) -> None:
    old = await set_alias(api, model, first)
    await api(DELETE, id=old["id"])
    new = await set_alias(api, model, second)
    for then in (old, new):
        (alias,) = (await api(READ, id=model, at=then["setAt"]))["model"]["aliases"]
        assert (alias["id"], alias["setAt"], alias["setBy"]["name"]) == (then["id"], then["setAt"], "Owner")


async def test_the_history_tells_deletions_and_returns(api: Api, model: str, first: str) -> None:
    alias = await set_alias(api, model, first)
    await api(DELETE, id=alias["id"])
    data = await api(RESTORE, id=alias["id"])
    restored = data["restoreAlias"]["alias"]
    assert (restored["deletedAt"], restored["modelVersion"]) == (None, {"number": 1})
    assert restored["setAt"] > alias["setAt"]
    assert await history(api, model) == [1, None, 1]


async def test_the_history_tells_the_deletion_and_the_return_of_a_version(api: Api, model: str, first: str) -> None:
    await set_alias(api, model, first)
    await api("mutation ($id: ID!) { deleteModelVersion(id: $id) { id } }", id=first)
    await api("mutation ($id: ID!) { restoreModelVersion(id: $id) { modelVersion { id } } }", id=first)
    assert await history(api, model) == [1, None, 1]


async def test_a_history_is_cut_to_its_newest_moves(api: Api, model: str, first: str, *, second: str) -> None:
    for version in (first, second, first):
        await set_alias(api, model, version)
    assert await history(api, model, first=2) == [1, 2]


@pytest.mark.parametrize("asked", [-1, 1001])
async def test_more_history_than_there_may_be_is_refused(api: Api, model: str, first: str, *, asked: int) -> None:
    await set_alias(api, model, first)
    (error,) = await api.errors(HISTORY, id=model, first=asked)
    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("BAD_USER_INPUT", 1000)


async def test_a_protected_alias_is_deleted_by_force_alone(api: Api, model: str, first: str) -> None:
    alias = await set_alias(api, model, first, isProtected=True)
    before = await api.state()
    (error,) = await api.errors(DELETE, id=alias["id"])
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before
    await api(DELETE, id=alias["id"], force=True)
    assert await placed(api, model) == {}


async def test_deleting_an_alias_again_changes_nothing(api: Api, model: str, first: str) -> None:
    alias = await set_alias(api, model, first)
    await api(DELETE, id=alias["id"])
    before = await api.state()
    await api(DELETE, id=alias["id"])
    assert await api.state() == before


async def test_an_alias_whose_name_was_given_away_stays_in_the_trash(
    api: Api, model: str, first: str, *, second: str
) -> None:
    alias = await set_alias(api, model, first)
    await api(DELETE, id=alias["id"])
    await set_alias(api, model, second)
    before = await api.state()
    data = await api(RESTORE, id=alias["id"])
    assert data["restoreAlias"] == {"__typename": "NameTaken", "field": "name"}
    assert await api.state() == before


async def test_an_alias_stays_in_the_trash_while_its_version_is_there(api: Api, model: str, first: str) -> None:
    alias = await set_alias(api, model, first)
    await api("mutation ($id: ID!) { deleteModelVersion(id: $id) { id } }", id=first)
    before = await api.state()
    (error,) = await api.errors(RESTORE, id=alias["id"])
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_histories_of_many_aliases_cost_one_statement_a_field(
    api: Api, model: str, first: str, *, second: str
) -> None:
    for name in ("a", "b", "c"):
        await set_alias(api, model, first, name=name)
        await set_alias(api, model, second, name=name)
    await api(HISTORY, id=model)
    # model, aliases, history, its versions, its people
    assert api.statements == 5


async def test_a_stranger_finds_no_alias_and_changes_none(api: Api, foreign: Api, model: str, *, first: str) -> None:
    alias = await set_alias(api, model, first)
    before = await api.state()
    for operation, variables in (
        (SET_ALIAS, {"input": wanted(model, first)}),
        (DELETE, {"id": alias["id"], "force": True}),
        (RESTORE, {"id": alias["id"]}),
    ):
        (error,) = await foreign.errors(operation, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before
