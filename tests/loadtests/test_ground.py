"""What the load falls on: documents that fit the schema, organisations that are kept apart by marks and ids."""

from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from graphql import parse, validate
from graphql.execution.values import get_variable_values

from loadtests.generator.answers import VIOLATION, Boundaries, cache_of, error_of, judged
from loadtests.generator.mix import MIXES, Asker, drawn
from loadtests.ground.documents import DOCUMENTS, document_id
from loadtests.ground.founding import founded
from loadtests.ground.places import Ground, Place
from loadtests.scenarios.phases import BARE
from maestro.runtime import Runtime
from schema import schema

SCHEMA = schema._schema


def place(digit: str) -> Place:
    def ids(kind: str, count: int) -> tuple[str, ...]:
        return tuple(f"{kind}_{number:031x}{digit}" for number in range(count))

    return Place(
        id=ids("organization", 1)[0],
        mark=f"mark{digit * 10}",
        key=f"key {digit}",
        projects=ids("project", 2),
        experiments=ids("experiment", 3),
        runs=ids("run", 9),
        logged=ids("run", 12)[9:],
    )


HERE, THERE = place("a"), place("b")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_fits_the_schema_under_its_name(name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert [error.message for error in validate(SCHEMA, document)] == []
    (operation,) = document.definitions
    assert operation.name.value == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("mix", [mix for mix in MIXES if mix != BARE])
def test_what_is_drawn_has_variables_that_fit_and_every_kind_comes_up(mix: str) -> None:
    user, seen = Asker(HERE, (THERE,), Random(1)), set()
    documents = {document_id(name): parse(text) for name, text in DOCUMENTS.items()}
    for _ in range(500):
        asked = drawn(mix, user)
        if asked.body is None:
            query = parse_qs(urlsplit(asked.path).query)
            told = {"documentId": query["documentId"][0], "variables": orjson.loads(query.get("variables", ["{}"])[0])}
        else:
            told = orjson.loads(asked.body)
        (operation,) = documents[told["documentId"]].definitions
        found = get_variable_values(SCHEMA, operation.variable_definitions or (), told["variables"])  # type: ignore[attr-defined]
        assert not isinstance(found, list), found
        seen.add((asked.name, asked.via))
    assert len(seen) == len(MIXES[mix])


@pytest.mark.parametrize(
    ("content", "is_crossed"),
    [
        (f'{{"name": "{HERE.mark} run", "id": "{HERE.runs[0]}"}}', False),
        (f'{{"name": "{THERE.mark} run"}}', True),
        (f'{{"id": "{THERE.runs[0]}"}}', True),
        (f'{{"id": "{THERE.id}"}}', True),
        ('{"id": "run_0000000000000000000000000000ffff"}', False),
        ("", False),
    ],
)
def test_an_answer_with_a_mark_or_an_id_of_another_organisation_crosses_the_boundary(
    content: str, *, is_crossed: bool
) -> None:
    assert Boundaries(Ground((HERE, THERE))).are_crossed(0, content.encode()) is is_crossed


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, b'{"data": {}}', ""),
        (200, b'{"data": {"run": {"notes": "\\"errors\\""}}}', ""),
        (200, b'{"errors": [{"message": "no", "extensions": {"code": "NOT_FOUND"}}]}', "NOT_FOUND"),
        (200, b'{"errors": [{"message": "no"}]}', "NO_CODE"),
        (502, b"<html>", "HTTP_502"),
        (500, b'"errors" and no JSON', "NO_JSON"),
        (503, None, "HTTP_503"),
    ],
)
def test_an_error_is_told_by_its_code_or_its_status(status: int, content: bytes | None, expected: str) -> None:
    assert error_of(status, content) == expected


@pytest.mark.parametrize(
    ("name", "error", "expected"),
    [
        ("Run", "NOT_FOUND", "NOT_FOUND"),
        ("Run of another", "NOT_FOUND", ""),
        ("Run of another", "", ""),
        ("Run of another", "INTERNAL_ERROR", "INTERNAL_ERROR"),
        ("Log to another", "NOT_FOUND", ""),
        ("Log to another", "", VIOLATION),
    ],
)
def test_what_is_another_organisations_has_to_be_refused(name: str, error: str, expected: str) -> None:
    assert judged(name, error) == expected


def test_the_header_tells_whether_an_answer_was_kept() -> None:
    assert [cache_of(told) for told in ("maestro; hit", "maestro; fwd=miss; stored", None)] == ["hit", "miss", ""]


async def test_every_name_of_an_organisation_that_is_founded_has_its_mark(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    place = await founded(runtime, runs=0)
    text = "{ organization { id name } projects { nodes { name } } runs { nodes { id name } } }"
    headers = {"authorization": f"Bearer {place.key}"}
    found = (await client.post("/graphql", json={"query": text}, headers=headers)).json()["data"]
    names = [
        found["organization"]["name"],
        *(one["name"] for noun in ("projects", "runs") for one in found[noun]["nodes"]),
    ]
    assert len(names) == 1 + 1 + len(place.logged)
    assert [name for name in names if not name.startswith(place.mark)] == []
    assert {one["id"] for one in found["runs"]["nodes"]} == {*place.logged}


async def test_answers_say_whether_they_were_kept(client: httpx.AsyncClient) -> None:
    async def told(text: str) -> str | None:
        answer = await client.post("/graphql", json={"query": text})
        found: str | None = answer.headers.get("cache-status")
        return found

    page = "query Page { projects { nodes { name } } }"
    # A document may be kept once it was found to be valid.
    found = [await told(page) for _ in range(3)]
    assert found[-1] == "maestro; hit"
    assert set(found[:-1]) <= {"maestro; fwd=miss; stored", "maestro; hit"}
    assert [await told("{ projects { nodes { viewerPermissions } } }") for _ in range(2)] == [None, None]


def test_keys_are_in_a_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    Ground((HERE, THERE)).write(tmp_path / "ground.json")
    assert (tmp_path / "ground.json").stat().st_mode & 0o777 == 0o600
    assert Ground.read(tmp_path / "ground.json") == Ground((HERE, THERE))
