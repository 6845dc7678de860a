"""The start page, the query editor, and the probes."""

import json
from pathlib import Path

import httpx
import pytest

from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.version import VERSION
from resolvers.setup import ensure_owner

BEHIND = "The database is not at the revision of this version: run python -m app migrate."


async def test_the_process_says_that_it_lives(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": VERSION})


async def test_the_server_is_ready_when_its_database_is_up_to_date(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "migrations": "ok"})


@pytest.mark.parametrize(
    "sql",
    ["UPDATE alembic_version SET version_num = 'older'", "DELETE FROM alembic_version", "DROP TABLE alembic_version"],
)
async def test_the_server_is_not_ready_while_its_database_is_at_another_revision(
    db: Database, anonymous: httpx.AsyncClient, sql: str
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql(sql)
    answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "problem": BEHIND})


async def test_the_start_page_tells_a_stranger_how_to_sign_in(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Nobody is signed in" in answer.text
    assert 'data-signed-in="no"' in answer.text
    assert "python -m app link" in answer.text


async def test_the_start_page_greets_who_is_signed_in(client: httpx.AsyncClient) -> None:
    text = (await client.get("/")).text
    assert "Signed in as Owner" in text
    assert 'data-signed-in="yes"' in text
    assert VERSION in text
    assert '<span class="state good">Ready</span>' in text


async def test_who_has_a_session_can_sign_out(client: httpx.AsyncClient, person: httpx.AsyncClient) -> None:
    assert 'data-session="yes"' in (await person.get("/")).text
    assert 'data-session="no"' in (await client.get("/")).text


async def test_the_start_page_says_what_is_wrong(db: Database, client: httpx.AsyncClient) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM alembic_version")
    assert f'<span class="state bad">{BEHIND}</span>' in (await client.get("/")).text


async def test_a_name_cannot_bring_markup_into_the_start_page(runtime: Runtime, client: httpx.AsyncClient) -> None:
    await ensure_owner(runtime.db)
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("""UPDATE "user" SET name = '<script>alert("x")</script>'""")
    text = (await client.get("/")).text
    assert "<script>" not in text
    assert "Signed in as &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in text


async def test_the_query_editor_is_served_to_who_is_signed_in(client: httpx.AsyncClient) -> None:
    for path in ("/graphiql", "/graphiql/"):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert '<div id="page"' in answer.text


async def test_the_query_editor_sends_a_stranger_to_the_start_page(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/graphiql")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_every_file_that_the_pages_name_is_served(client: httpx.AsyncClient) -> None:
    for page in ("/", "/graphiql"):
        text = (await client.get(page)).text
        named = {part.split('"')[0] for part in text.replace('src="', 'href="').split('href="')[1:]}
        files = {name for name in named if Path(name).suffix}
        assert files
        assert {name: (await client.get(name)).status_code for name in files} == dict.fromkeys(files, 200)


async def test_the_examples_are_operations_with_titles(client: httpx.AsyncClient) -> None:
    examples = (await client.get("/graphiql/examples.json")).json()
    assert examples
    for example in examples:
        assert example.keys() == {"title", "query", "variables"}
        assert example["title"]
        assert example["query"].strip()
        assert isinstance(json.loads(example["variables"] or "{}"), dict)


async def test_the_examples_are_not_for_strangers(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/graphiql/examples.json")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_no_file_outside_the_folder_is_served(anonymous: httpx.AsyncClient) -> None:
    for path in ("/static/%2e%2e/%2e%2e/server.py", "/graphiql/%2e%2e%2f%2e%2e%2f__init__.py", "/static/../pages.py"):
        assert (await anonymous.get(path)).status_code in {401, 404}
