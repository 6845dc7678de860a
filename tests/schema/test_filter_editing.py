"""The editor of filters by GraphQL."""

import pytest

from maestro.db.tables.enums import JobKind
from maestro.ids import Kind, encode
from resolvers.filters import LISTS, FilterableList
from tests.fixtures.graphql import Api
from tests.schema.test_search import insert, project, run

VALIDATE = """
query ($list: FilterableList!, $text: String!) {
  validateFilter(list: $list, text: $text) {
    isValid canonicalText error { message position length suggestion hint }
  }
}
"""
KEYS = """
query ($list: FilterableList!, $project: ID, $prefix: String! = "") {
  filterVocabulary(list: $list, projectId: $project, prefix: $prefix) { spaces { name knownKeys } }
}
"""


async def test_a_right_filter_has_a_canonical_form(api: Api) -> None:
    data = await api(VALIDATE, list="RUNS", text="status='RUNNING' and(number>3)")
    assert data["validateFilter"] == {
        "isValid": True,
        "canonicalText": "status = 'RUNNING' AND number > 3",
        "error": None,
    }
    assert api.statements == 0


async def test_a_wrong_filter_is_told_where_and_what_instead(api: Api) -> None:
    data = await api(VALIDATE, list="PROJECTS", text="nme = 'Vision'")
    error = data["validateFilter"]["error"]
    assert (data["validateFilter"]["isValid"], data["validateFilter"]["canonicalText"]) == (False, None)
    assert (error["position"], error["length"], error["suggestion"]) == (0, 3, "name")
    assert "nme" in error["message"]
    assert "createdAt" in error["hint"]


@pytest.mark.parametrize("listed", FilterableList)
async def test_each_list_tells_its_fields(api: Api, listed: FilterableList) -> None:
    query = """
        query ($list: FilterableList!) { filterVocabulary(list: $list) { fields { name type operators values } } }
    """
    fields = {field["name"]: field for field in (await api(query, list=listed))["filterVocabulary"]["fields"]}
    assert list(fields) == [*LISTS[listed].catalogue.fields, "text"]
    moment = "startedAt" if listed is FilterableList.SYNC_RUNS else "createdAt"
    assert fields[moment]["operators"] == [
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "IN",
        "NOT IN",
        "EXISTS",
        "BETWEEN",
        "NOT BETWEEN",
    ]
    assert fields["text"] == {"name": "text", "type": "TEXT", "operators": ["MATCHES"], "values": []}


async def test_an_enum_tells_its_values(api: Api) -> None:
    data = await api("{ filterVocabulary(list: JOBS) { fields { name values } } }")
    values = {field["name"]: field["values"] for field in data["filterVocabulary"]["fields"]}
    assert values["kind"] == [kind.value for kind in JobKind]


async def with_keys(api: Api, name: str, number: int) -> str:
    """A project with a run that has a metric, a param and a tag named after it."""
    place = await project(api, name)
    key = await run(api, "r", number, place=place, tags={f"{name}-tag": "x"})
    await insert(api, "metric_key", project_id=place, name=f"{name}-metric")
    async with api.runtime.db.transaction() as tx:
        for param in ("lr", f"{name}-param"):
            await tx.fetch_sql(
                "INSERT INTO param (run_id, key, organization_id, project_id, type, text) "
                "VALUES ($1, $2, $3, $4, 'STRING', 'x')",
                key,
                param,
                api.viewer.organization_id,
                place,
            )
    return encode(Kind.Project, place)


async def test_the_keys_of_a_project_are_known_one_statement_a_space(api: Api) -> None:
    await with_keys(api, "a", 1)
    wanted = await with_keys(api, "b", 2)
    data = await api(KEYS, list="RUNS", project=wanted)
    assert {space["name"]: space["knownKeys"] for space in data["filterVocabulary"]["spaces"]} == {
        "metrics": ["b-metric"],
        "params": ["b-param", "lr"],
        "tags": ["b-tag"],
    }
    assert api.statements == 4  # the project and the three spaces


async def test_without_a_project_the_keys_of_all_are_known_each_once(api: Api, foreign: Api) -> None:
    await with_keys(api, "a", 1)
    await with_keys(api, "b", 2)
    await with_keys(foreign, "c", 1)
    data = await api(KEYS, list="RUNS")
    assert {space["name"]: space["knownKeys"] for space in data["filterVocabulary"]["spaces"]} == {
        "metrics": ["a-metric", "b-metric"],
        "params": ["a-param", "b-param", "lr"],
        "tags": ["a-tag", "b-tag"],
    }


async def test_known_keys_begin_with_the_prefix(api: Api) -> None:
    await with_keys(api, "a%", 1)
    await with_keys(api, "ab", 2)
    data = await api(KEYS, list="RUNS", prefix="a%")
    assert [space["knownKeys"] for space in data["filterVocabulary"]["spaces"]] == [
        ["a%-metric"],
        ["a%-param"],
        ["a%-tag"],
    ]


async def test_completions_know_the_keys(api: Api) -> None:
    await with_keys(api, "a", 1)
    query = """
        query ($text: String!, $position: Int) { filterVocabulary(list: RUNS) {
            completions(text: $text, position: $position) { text kind } } }
    """

    async def texts(text: str, position: int | None = None) -> list[str]:
        data = await api(query, text=text, position=position)
        return [one["text"] for one in data["filterVocabulary"]["completions"]]

    assert await texts("params.a") == ["params.a-param"]
    assert await texts("status = 'RUNNING' ") == ["AND", "OR"]
    assert await texts("statusR = 'x'", 7) == ["statusReason"]


async def test_a_position_outside_the_text_is_refused(api: Api) -> None:
    query = '{ filterVocabulary(list: RUNS) { completions(text: "ab", position: 3) { text } } }'
    (error,) = await api.errors(query)
    assert error["extensions"]["field"] == "position"


async def test_a_stranger_learns_no_key_of_a_project(api: Api, foreign: Api) -> None:
    ours = await with_keys(api, "a", 1)
    (error,) = await foreign.errors(KEYS, list="RUNS", project=ours)
    assert error["extensions"]["code"] == "NOT_FOUND"
