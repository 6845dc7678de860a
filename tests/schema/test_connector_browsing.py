"""What connectors lead to, by GraphQL: asked of folders here; how that process starts and ends is told elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from tests.fixtures.graphql import Api, viewer_as
from tests.schema.connector_texts import OBJECTS, folder_connector

PREVIEW = """
query ($id: ID!, $key: String, $table: String, $limit: Int! = 100) {
  connector(id: $id) {
    preview(key: $key, table: $table, limit: $limit) {
      columns { name type vendorType isNullable } rows isTruncated text sizeBytes
    }
  }
}
"""


@pytest.fixture
def folder(settings: Settings) -> Path:
    """A folder to which connectors may lead."""
    made = settings.data_dir / "files"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that let connectors lead below the folder of the test."""
    return Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path, Path("/data")),
        query_bytes=4096,
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    )


@pytest.fixture
async def made(api: Api, folder: Path) -> str:
    """A connector to the folder."""
    return await folder_connector(api, folder)


async def preview(api: Api, made: str, key: str, **more: Any) -> Any:
    return (await api(PREVIEW, id=made, key=key, **more))["connector"]["preview"]


async def test_the_objects_are_listed_page_by_page(api: Api, made: str, folder: Path) -> None:
    for name in ("b.txt", "a.txt", "c.txt", "other.txt"):
        (folder / name).write_text(name)
    (folder / "below").mkdir()
    (folder / "below" / "d.txt").write_text("d")
    first = (await api(OBJECTS, id=made, first=2))["connector"]["objects"]
    assert first["nodes"] == [{"key": "a.txt", "sizeBytes": 5}, {"key": "b.txt", "sizeBytes": 5}]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await api(OBJECTS, id=made, after=first["pageInfo"]["endCursor"]))["connector"]["objects"]
    assert [one["key"] for one in rest["nodes"]] == ["below/d.txt", "c.txt", "other.txt"]
    assert rest["pageInfo"]["hasNextPage"] is False
    under = (await api(OBJECTS, id=made, prefix="below/"))["connector"]["objects"]
    assert [one["key"] for one in under["nodes"]] == ["below/d.txt"]


async def test_an_empty_folder_has_no_objects(api: Api, made: str) -> None:
    data = await api(OBJECTS, id=made)
    assert data["connector"]["objects"] == {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}


async def test_asking_each_connector_of_a_list_costs_no_statement_each(api: Api, folder: Path) -> None:
    for name in ("x", "y", "z"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("1")
        await folder_connector(api, folder / name, name)
    data = await api("{ connectors { nodes { objects { nodes { key } } schemas: usage { day } } } }")
    assert [one["objects"]["nodes"] for one in data["connectors"]["nodes"]] == [[{"key": "file"}]] * 3
    # The list and the usage; who holds the permission everywhere needs no look at the places of connectors.
    assert api.statements == 2


async def test_one_connector_that_cannot_be_asked_leaves_the_rest_of_the_answer(api: Api, folder: Path) -> None:
    (folder / "good").mkdir()
    await folder_connector(api, folder / "good", "good")
    await folder_connector(api, Path("/data/nowhere"), "nothing")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector SET config = '{\"folder\": \"/etc\"}' WHERE name = 'nothing'")
    data, errors = await api.run("{ connectors(sort: [{field: NAME}]) { nodes { name objects { nodes { key } } } } }")
    assert data["connectors"]["nodes"] == [
        {"name": "good", "objects": {"nodes": []}},
        {"name": "nothing", "objects": None},
    ]
    assert [(one["path"], one["extensions"]["code"]) for one in errors] == [
        (["connectors", "nodes", 1, "objects"], "BAD_USER_INPUT")
    ]


@pytest.mark.parametrize(
    "field",
    [
        "schemas",
        "tables { nodes { name } }",
        'columns(schema: "a", table: "b") { name }',
        "collections { name }",
        'fields(collection: "c") { path }',
        "experiments { name }",
        'preview(schema: "a", table: "b") { rows }',
        'preview(collection: "b") { rows }',
    ],
)
async def test_what_a_kind_does_not_have_is_not_supported(api: Api, made: str, field: str) -> None:
    data, errors = await api.run(f"query ($id: ID!) {{ connector(id: $id) {{ name asked: {field} }} }}", id=made)
    assert data == {"connector": {"name": "Folder", "asked": None}}
    assert [one["extensions"]["code"] for one in errors] == ["NOT_SUPPORTED"]
    assert errors[0]["extensions"]["hint"].endswith(" have.") or errors[0]["extensions"]["hint"].endswith(" has.")


async def test_a_csv_file_is_shown_in_columns(api: Api, made: str, folder: Path) -> None:
    (folder / "a.csv").write_text('id,weight,city,code\n1,2.5,"Bonn, Rhein",01\n2,,Köln,10\n')
    assert await preview(api, made, "a.csv") == {
        "columns": [
            {"name": "id", "type": "INTEGER", "vendorType": "int", "isNullable": False},
            {"name": "weight", "type": "FLOAT", "vendorType": "float", "isNullable": True},
            {"name": "city", "type": "TEXT", "vendorType": "str", "isNullable": False},
            {"name": "code", "type": "TEXT", "vendorType": "str", "isNullable": False},
        ],
        "rows": [[1, 2.5, "Bonn, Rhein", "01"], [2, None, "Köln", "10"]],
        "isTruncated": False,
        "text": 'id,weight,city,code\n1,2.5,"Bonn, Rhein",01\n2,,Köln,10\n',
        "sizeBytes": 55,
    }


async def test_json_lines_are_shown_in_columns(api: Api, made: str, folder: Path) -> None:
    (folder / "a.jsonl").write_text('{"a": 1, "b": "x"}\n{"a": 9007199254740993, "c": {"d": [1]}}\n')
    shown = await preview(api, made, "a.jsonl")
    assert [(one["name"], one["type"]) for one in shown["columns"]] == [
        ("a", "INTEGER"),
        ("b", "TEXT"),
        ("c", "STRUCT"),
    ]
    assert shown["rows"] == [[1, "x", None], ["9007199254740993", None, {"d": [1]}]]


async def test_a_parquet_file_is_shown_in_columns(api: Api, made: str, folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow, which is not installed here")
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is read by pyarrow, which is not installed here")
    table = pyarrow.table(
        {
            "n": pyarrow.array([1, 2**60], pyarrow.int64()),
            "x": pyarrow.array([float("nan"), 0.5]),
            "at": pyarrow.array([0, 1_000_000_001], pyarrow.timestamp("ns", tz="UTC")),
            "bytes": pyarrow.array([b"\x00\xff", None]),
        }
    )
    parquet.write_table(table, folder / "a.parquet")
    shown = await preview(api, made, "a.parquet")
    assert [(one["name"], one["type"]) for one in shown["columns"]] == [
        ("n", "INTEGER"),
        ("x", "FLOAT"),
        ("at", "TIMESTAMP"),
        ("bytes", "BINARY"),
    ]
    assert shown["rows"] == [
        [1, None, "1970-01-01T00:00:00.000000000Z", "AP8="],
        [str(2**60), 0.5, "1970-01-01T00:00:01.000000001Z", None],
    ]
    assert shown["text"] is None


async def test_a_preview_is_as_long_as_is_asked_for(api: Api, made: str, folder: Path) -> None:
    (folder / "a.csv").write_text("n\n" + "\n".join(map(str, range(50))))
    shown = await preview(api, made, "a.csv", limit=3)
    assert (shown["rows"], shown["isTruncated"]) == ([[0], [1], [2]], True)


async def test_a_preview_has_no_more_bytes_than_a_setting_allows(api: Api, made: str, folder: Path) -> None:
    (folder / "a.jsonl").write_text("\n".join(f'{{"a": "{"x" * 1000}"}}' for _ in range(10)))
    shown = await preview(api, made, "a.jsonl")
    assert (len(shown["rows"]), shown["isTruncated"]) == (4, True)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b"\xff\xfe\x00"), ("a.jsonl", b"[1]\n"), ("a.parquet", b"PAR1"), ("a.bin", b"\x00\x01")],
)
async def test_what_holds_no_rows_is_shown_without_any(
    api: Api, made: str, folder: Path, *, name: str, content: bytes
) -> None:
    (folder / name).write_bytes(content)
    shown = await preview(api, made, name)
    assert (shown["columns"], shown["rows"], shown["sizeBytes"]) == ([], [], len(content))


async def test_a_preview_of_nothing_and_of_two_things_is_refused(api: Api, made: str) -> None:
    for asked in ({}, {"key": "a", "table": "b"}):
        (error,) = await api.errors(PREVIEW, id=made, **asked)
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "preview")


async def test_an_object_that_is_not_there_is_not_found(api: Api, made: str) -> None:
    (error,) = await api.errors(PREVIEW, id=made, key="nowhere")
    assert error["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("after", ["x", "WyJhIl0=", "e30="])
async def test_a_cursor_of_another_list_is_refused(api: Api, made: str, after: str) -> None:
    (error,) = await api.errors(OBJECTS, id=made, after=after)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "after")


@pytest.mark.parametrize("first", [0, 1001, -1])
async def test_a_page_is_not_longer_than_can_be(api: Api, made: str, first: int) -> None:
    (error,) = await api.errors(OBJECTS, id=made, first=first)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "first")


async def test_looking_into_a_connector_takes_its_permission(api: Api, made: str) -> None:
    viewer = viewer_as(Role.CONTRIBUTOR, api.viewer.actor_id, api.viewer.organization_id)
    data, errors = await Api(api.runtime, viewer).run(OBJECTS, id=made)
    assert data == {"connector": {"objects": None}}
    assert [(one["extensions"]["code"], one["extensions"]["permission"]) for one in errors] == [
        ("FORBIDDEN", "connector:query")
    ]


async def test_whoever_maintains_one_project_looks_into_its_connectors_alone(api: Api, folder: Path) -> None:
    data = await api('mutation { createProject(input: {name: "p"}) { ... on ProjectSaved { project { id } } } }')
    project = data["createProject"]["project"]["id"]
    inside = await folder_connector(api, folder, "inside", projectId=project)
    outside = await folder_connector(api, folder, "outside")
    roles = {uuid_of(Kind.Project, project): Role.MAINTAINER}
    viewer = viewer_as(Role.VIEWER, api.viewer.actor_id, api.viewer.organization_id, in_projects=roles)
    member = Api(api.runtime, viewer)
    assert (await member(OBJECTS, id=inside))["connector"]["objects"]["nodes"] == []
    assert member.statements == 2
    (error,) = await member.errors(OBJECTS, id=outside)
    assert error["extensions"]["code"] == "FORBIDDEN"
    (error,) = await member.errors("query ($id: ID!) { connector(id: $id) { queries { nodes { id } } } }", id=outside)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_connector_in_the_trash_is_not_asked(api: Api, made: str) -> None:
    await api("mutation ($id: ID!) { deleteConnector(id: $id) { id } }", id=made)
    (error,) = await api.errors(OBJECTS, id=made)
    assert error["extensions"]["code"] == "CONFLICT"


async def test_use_is_counted_by_days(api: Api, made: str, folder: Path) -> None:
    (folder / "a.csv").write_text("a\n1\n")
    await api(OBJECTS, id=made)
    await preview(api, made, "a.csv")
    await api.errors(PREVIEW, id=made, key="nowhere")
    await api.runtime.errands.openings.tally.close()  # type: ignore[attr-defined] # those of tests
    data = await api(
        "query ($id: ID!) { connector(id: $id) { usage(days: 2) { operations errors bytesRead bytesWritten } } }",
        id=made,
    )
    assert data["connector"]["usage"] == [{"operations": 3, "errors": 1, "bytesRead": 4, "bytesWritten": 0}]


async def test_asking_connectors_is_dear(api: Api, made: str) -> None:
    explain = "query ($text: String!) { explainOperation(document: $text) { cost } }"
    one = "{ connectors(first: 10) { nodes { %s(first: 1) { nodes { __typename } } } } }"
    dear, cheap = await api(explain, text=one % "objects"), await api(explain, text=one % "checks")
    assert dear["explainOperation"]["cost"] - cheap["explainOperation"]["cost"] == 10 * 200
