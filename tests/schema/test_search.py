"""Search by GraphQL."""

from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api

SEARCH = """
query ($text: String!, $types: [SearchType!], $first: Int! = 20) {
  search(text: $text, types: $types, first: $first) { hits { node { id __typename } title snippet score } }
}
"""


async def insert(api: Api, table: str, **values: Any) -> UUID:
    key = uuid7()
    row = {"id": key, "organization_id": api.viewer.organization_id, **values}
    places = ", ".join(f"${i + 1}" for i in range(len(row)))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
    return key


async def project(api: Api, name: str = "Vision", **values: Any) -> UUID:
    return await insert(api, "project", name=name, slug=name.lower().replace(" ", "-"), **values)


async def run(api: Api, name: str, number: int, *, place: UUID | None = None, **values: Any) -> UUID:
    inside = place or await project(api, f"Project of {number}")
    experiment = await insert(api, "experiment", project_id=inside, name=f"e{number}")
    return await insert(api, "run", project_id=inside, experiment_id=experiment, name=name, number=number, **values)


async def titles(api: Api, text: str, **more: Any) -> list[str]:
    return [hit["title"] for hit in (await api(SEARCH, text=text, **more))["search"]["hits"]]


async def test_everything_with_a_name_is_found_in_one_statement_and_read_by_one_a_kind(api: Api) -> None:
    place = await project(api, "zebra project")
    experiment = await insert(api, "experiment", project_id=place, name="zebra experiment")
    await insert(api, "run", project_id=place, experiment_id=experiment, name="zebra run", number=1)
    await insert(api, "registered_model", project_id=place, name="zebra model")
    await insert(api, "artifact", project_id=place, name="zebra artifact")
    await insert(api, "connector", kind="LOCAL", name="zebra connector")
    hits = (await api(SEARCH, text="zebra"))["search"]["hits"]
    assert [(hit["node"]["__typename"], hit["title"]) for hit in hits] == [
        ("Connector", "zebra connector"),
        ("Artifact", "zebra artifact"),
        ("RegisteredModel", "zebra model"),
        ("Run", "zebra run"),
        ("Experiment", "zebra experiment"),
        ("Project", "zebra project"),
    ]
    assert api.statements == 7


async def test_the_name_itself_comes_first_and_the_description_last(api: Api) -> None:
    await project(api, "mlp")
    await project(api, "mlp wide")
    await project(api, "the mlp")
    await project(api, "other", description="about an MLP")
    await project(api, "nothing")
    hits = (await api(SEARCH, text="MLP"))["search"]["hits"]
    assert [(hit["title"], hit["score"]) for hit in hits] == [
        ("mlp", 1.0),
        ("mlp wide", 0.8),
        ("the mlp", 0.6),
        ("other", 0.4),
    ]


async def test_the_last_word_may_be_unfinished(api: Api) -> None:
    await project(api, "Breast cancer")
    assert await titles(api, "breast can") == ["Breast cancer"]
    assert await titles(api, "breast lung") == []


async def test_a_snippet_shows_where_the_word_stands(api: Api) -> None:
    await project(api, "P", description=f"{'x ' * 100}trained on digits {'y ' * 100}")
    (hit,) = (await api(SEARCH, text="digits"))["search"]["hits"]
    assert hit["snippet"] == f"…{'x ' * 34}trained on digits{' y' * 40}…"


async def test_a_run_is_found_by_its_number(api: Api) -> None:
    await run(api, "first", 16)
    await run(api, "second", 17)
    assert (await titles(api, "#17", types=["RUN"])) == ["second"]


async def test_a_run_is_found_by_its_external_id(api: Api) -> None:
    await run(api, "imported", 1, external_id="Mlflow/0af3")
    hits = (await api(SEARCH, text="Mlflow/0af3"))["search"]["hits"]
    assert [(hit["title"], hit["score"]) for hit in hits] == [("imported", 1.0)]


async def test_a_pasted_id_finds_its_object(api: Api) -> None:
    key = await run(api, "pasted", 1)
    assert await titles(api, encode(Kind.Run, key)) == ["pasted"]
    assert await titles(api, encode(Kind.Run, key), types=["PROJECT"]) == []
    assert await titles(api, encode(Kind.User, api.viewer.actor_id)) == []


async def test_only_the_wanted_types_and_as_many_as_wanted_are_answered(api: Api) -> None:
    place = await project(api, "cat")
    for name in ("cat a", "cat b", "cat c"):
        await insert(api, "artifact", project_id=place, name=name)
    assert await titles(api, "cat", types=["ARTIFACT"], first=2) == ["cat c", "cat b"]
    assert await titles(api, "cat", types=[]) == []


async def test_what_is_in_the_trash_is_not_found(api: Api) -> None:
    key = await project(api, "gone")
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=encode(Kind.Project, key))
    assert await titles(api, "gone") == []
    assert await titles(api, encode(Kind.Project, key)) == []


@pytest.mark.parametrize("text", ["hidden", "#7", "ext-7"])
async def test_a_stranger_finds_nothing(api: Api, foreign: Api, text: str) -> None:
    key = await run(api, "hidden", 7, external_id="ext-7")
    assert await titles(foreign, text) == []
    assert await titles(foreign, encode(Kind.Run, key)) == []


@pytest.mark.parametrize("text", ["-", "'", ":*", "\\", "%", "((", "<->", "💥"])
async def test_signs_are_no_syntax(api: Api, text: str) -> None:
    assert await titles(api, text) == []


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"text": "x\0"}, "text"),
        ({"text": "x", "first": 0}, "first"),
        ({"text": "x", "first": 101}, "first"),
    ],
)
async def test_what_cannot_be_searched_for_is_refused(api: Api, variables: Any, field: str) -> None:
    (error,) = await api.errors(SEARCH, **variables)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert api.statements == 0
