"""Projects by GraphQL."""

import pytest

from tests.fixtures.graphql import Api

CREATE = """
mutation ($input: CreateProjectInput!, $key: String) {
  createProject(input: $input, idempotencyKey: $key) {
    __typename
    ... on ProjectSaved { project { id name slug version } }
    ... on NameTaken { code message field }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateProjectInput!, $version: Int) {
  updateProject(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on ProjectSaved { project { id name version } }
    ... on NameTaken { message field }
    ... on StaleVersion { message current { id ... on Project { name version } } }
  }
}"""
DELETE = (
    "mutation ($id: ID!, $version: Int) { deleteProject(id: $id, expectedVersion: $version) { id deletedAt purgeAt } }"
)
RESTORE = """
mutation ($id: ID!, $name: String) {
  restoreProject(id: $id, name: $name) {
    __typename
    ... on ProjectSaved { project { id name deletedAt } }
    ... on NameTaken { message }
  }
}"""
LIST = """
query (
  $first: Int, $after: String, $last: Int, $before: String,
  $filter: ProjectFilter, $text: String, $sort: [ProjectSort!], $trash: Boolean! = false
) {
  projects(
    first: $first, after: $after, last: $last, before: $before,
    filter: $filter, filterText: $text, sort: $sort, inTrash: $trash
  ) {
    nodes { name createdBy { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def create(api: Api, name: str, **given: str) -> str:
    data = await api(CREATE, input={"name": name, **given})
    assert data["createProject"]["__typename"] == "ProjectSaved"
    found: str = data["createProject"]["project"]["id"]
    return found


async def names(api: Api, **variables: object) -> list[str]:
    data = await api(LIST, **variables)
    return [node["name"] for node in data["projects"]["nodes"]]


async def test_a_new_project_gets_a_slug_from_its_name(api: Api) -> None:
    data = await api(CREATE, input={"name": "  Ünïcode & Vision 🚀 "})
    saved = data["createProject"]["project"]
    assert (saved["name"], saved["slug"], saved["version"]) == ("Ünïcode & Vision 🚀", "unicode-vision", 1)


async def test_a_used_name_is_an_outcome_and_changes_nothing(api: Api) -> None:
    await create(api, "Vision")
    before = await api.state()
    data = await api(CREATE, input={"name": "Vision", "slug": "other"})
    assert data["createProject"]["__typename"] == "NameTaken"
    assert data["createProject"]["code"] == "NAME_TAKEN"
    assert data["createProject"]["field"] == "name"
    assert await api.state() == before


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t "}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"name": "half\0"}, "name"),
        ({"name": "\u200b\ufeff"}, "name"),
        ({"name": "turned \u202e round"}, "name"),
        ({"name": "ok", "slug": "No Slug"}, "slug"),
        ({"name": "ok", "description": "x" * 100_001}, "description"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(api: Api, given: dict[str, str], field: str) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input=given)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == field
    assert await api.state() == before


async def test_the_same_idempotency_key_answers_the_same_project(api: Api) -> None:
    first = await api(CREATE, input={"name": "Vision"}, key="k1")
    again = await api(CREATE, input={"name": "Vision"}, key="k1")
    assert again == first
    assert await names(api) == ["Vision"]


async def test_an_idempotency_key_for_another_input_is_refused(api: Api) -> None:
    await api(CREATE, input={"name": "Vision"}, key="k1")
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "Speech"}, key="k1")
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_an_update_counts_the_version_up(api: Api) -> None:
    key = await create(api, "Vision")
    data = await api(UPDATE, id=key, input={"name": "Sight"}, version=1)
    assert data["updateProject"]["project"] == {"id": key, "name": "Sight", "version": 2}


async def test_a_stale_version_answers_the_current_state_and_changes_nothing(api: Api) -> None:
    key = await create(api, "Vision")
    await api(UPDATE, id=key, input={"name": "Sight"}, version=1)
    before = await api.state()
    data = await api(UPDATE, id=key, input={"name": "Late"}, version=1)
    assert data["updateProject"]["__typename"] == "StaleVersion"
    assert data["updateProject"]["current"] == {"id": key, "name": "Sight", "version": 2}
    assert await api.state() == before


async def test_null_for_a_name_is_refused(api: Api) -> None:
    key = await create(api, "Vision")
    (error,) = await api.errors(UPDATE, id=key, input={"name": None})
    assert error["extensions"]["field"] == "name"


async def test_a_deleted_project_frees_its_name_and_waits_in_the_trash(api: Api) -> None:
    key = await create(api, "Vision")
    data = await api(DELETE, id=key)
    assert data["deleteProject"]["purgeAt"] > data["deleteProject"]["deletedAt"]
    await create(api, "Vision")
    assert await names(api) == ["Vision"]
    assert await names(api, trash=True) == ["Vision"]


async def test_a_deleted_project_cannot_be_changed(api: Api) -> None:
    key = await create(api, "Vision")
    await api(DELETE, id=key)
    before = await api.state()
    (error,) = await api.errors(UPDATE, id=key, input={"name": "Sight"})
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


async def test_deleting_with_a_stale_version_is_refused(api: Api) -> None:
    key = await create(api, "Vision")
    before = await api.state()
    (error,) = await api.errors(DELETE, id=key, version=7)
    assert error["extensions"]["code"] == "STALE_VERSION"
    assert error["extensions"]["currentVersion"] == 1
    assert await api.state() == before


async def test_restoring_under_a_name_that_is_taken_is_an_outcome(api: Api) -> None:
    key = await create(api, "Vision")
    await api(DELETE, id=key)
    await create(api, "Vision")
    before = await api.state()
    data = await api(RESTORE, id=key)
    assert data["restoreProject"]["__typename"] == "NameTaken"
    assert await api.state() == before


async def test_a_project_comes_back_under_a_new_name(api: Api) -> None:
    key = await create(api, "Vision")
    await api(DELETE, id=key)
    await create(api, "Vision", slug="vision-2")
    data = await api(RESTORE, id=key, name="Old vision")
    assert data["restoreProject"]["project"] == {"id": key, "name": "Old vision", "deletedAt": None}


async def test_pages_follow_one_another_in_both_directions(api: Api) -> None:
    for name in "ABCDE":
        await create(api, name)
    sort = [{"field": "NAME"}]
    first = (await api(LIST, first=2, sort=sort))["projects"]
    second = (await api(LIST, first=2, sort=sort, after=first["pageInfo"]["endCursor"]))["projects"]
    third = (await api(LIST, first=2, sort=sort, after=second["pageInfo"]["endCursor"]))["projects"]
    back = (await api(LIST, last=2, sort=sort, before=third["pageInfo"]["startCursor"]))["projects"]
    assert [[node["name"] for node in page["nodes"]] for page in (first, second, third)] == [
        ["A", "B"],
        ["C", "D"],
        ["E"],
    ]
    assert back["nodes"] == second["nodes"]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]


async def test_a_list_costs_one_statement_and_one_for_its_people(api: Api) -> None:
    for name in "ABCDE":
        await create(api, name)
    assert len(await names(api)) == 5
    assert api.statements == 2


async def test_a_total_costs_one_more_statement_and_only_when_selected(api: Api) -> None:
    await create(api, "A")
    assert await api("{ projects { totalCount nodes { name } } }") == {
        "projects": {"totalCount": 1, "nodes": [{"name": "A"}]}
    }
    assert api.statements == 2


async def test_both_forms_of_the_filter_hold_together(api: Api) -> None:
    for name in ("Vision", "Speech", "Vision 2"):
        await create(api, name)
    assert await names(api, filter={"name": {"like": "Vision%"}}, text="name != 'Vision'") == ["Vision 2"]


async def test_a_filter_with_a_typo_points_at_it(api: Api) -> None:
    (error,) = await api.errors(LIST, text="nane = 'x'")
    assert error["extensions"] | {"position": 0, "length": 4, "suggestion": "name"} == error["extensions"]


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"first": 100_000}, "first"),
        ({"first": -1}, "first"),
        ({"first": 1, "last": 1}, "first"),
        ({"after": "nonsense"}, "after"),
        ({"after": "é"}, "after"),
    ],
)
async def test_a_bad_window_is_refused(api: Api, variables: dict[str, object], field: str) -> None:
    (error,) = await api.errors(LIST, **variables)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)


async def test_a_cursor_of_another_query_is_refused(api: Api) -> None:
    await create(api, "A")
    page = (await api(LIST))["projects"]
    (error,) = await api.errors(LIST, after=page["pageInfo"]["endCursor"], text="name = 'A'")
    assert error["message"] == "This cursor belongs to another list."


async def test_an_id_of_another_type_is_refused_by_name(api: Api) -> None:
    (error,) = await api.errors('{ project(id: "run_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f") { name } }')
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith("is the id of a Run; the id of a Project is wanted here.")


async def test_an_error_names_the_wanted_type_with_its_article(api: Api) -> None:
    (error,) = await api.errors('{ artifact(id: "experiment_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f") { name } }')
    assert error["message"].endswith("is the id of an Experiment; the id of an Artifact is wanted here.")


async def test_a_stranger_finds_nothing_and_changes_nothing(api: Api, foreign: Api) -> None:
    key = await create(api, "Vision")
    before = await api.state()
    for query, variables in (
        ("query ($id: ID!) { project(id: $id) { name } }", {}),
        (UPDATE, {"input": {"name": "Mine"}}),
        (DELETE, {}),
        (RESTORE, {}),
    ):
        (error,) = await foreign.errors(query, id=key, **variables)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await names(foreign) == []
    assert await api.state() == before
