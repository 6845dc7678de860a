"""Use over HTTP: counted by document and client, with errors, times and cost, and written when the server stops."""

from typing import Any

import httpx

from app.server import create_app
from maestro.db.engine import Database
from maestro.settings import Settings
from tests.fixtures.documents import ROLE, automatic, register, send, sha256
from tests.fixtures.graphql import Api, browser, owners_key

RUNS = "query Runs($first: Int) { runs(first: $first) { nodes { id } } }"
USED = """{ persistedDocuments(sort: [{ field: NAME, direction: ASC }]) { nodes { name usageByClient {
  clientName clientVersion calls errors lastUsedAt p95Ms averageCost maxCost
} } } }"""
DASHBOARD = {"apollographql-client-name": "dashboard", "apollographql-client-version": "1.2"}
PLAIN = {"graphql-client-name": "dashboard", "graphql-client-version": "1.2"}


async def used(api: Api) -> dict[str, list[Any]]:
    """What was counted of each document."""
    await api.runtime.usage.flush(api.runtime.db)
    return {one["name"]: one["usageByClient"] for one in (await api(USED))["persistedDocuments"]["nodes"]}


async def test_each_way_to_run_a_document_is_counted_for_the_client(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, ROLE, RUNS)
    for headers in (DASHBOARD, PLAIN):
        for content in ({"documentId": sha256(ROLE)}, automatic(sha256(ROLE))):
            await client.post("/graphql", json=content, headers=headers)
    await client.get("/graphql", params={"documentId": sha256(ROLE)}, headers=DASHBOARD)
    found = await used(api)
    (count,) = found["Role"]
    assert (count["clientName"], count["clientVersion"], count["calls"], count["errors"]) == ("dashboard", "1.2", 5, 0)
    assert count["p95Ms"] > 0
    assert found["Runs"] == []


async def test_the_cost_of_a_call_is_what_it_was_charged(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, RUNS)
    charged = []
    for first in (5, 50):
        answer = (await send(client, documentId=sha256(RUNS), variables={"first": first})).json()
        charged.append(answer["extensions"]["cost"]["requested"])
    (count,) = (await used(api))["Runs"]
    assert (count["averageCost"], count["maxCost"]) == (sum(charged) / 2, charged[1])


async def test_answers_with_errors_are_counted(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, RUNS)
    for variables in ({"first": 5_000}, {"first": "five"}, {"first": 5}):
        await send(client, documentId=sha256(RUNS), variables=variables)
    (count,) = (await used(api))["Runs"]
    assert (count["calls"], count["errors"]) == (3, 2)


async def test_texts_that_are_not_registered_are_not_counted(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, ROLE)
    await send(client, query=RUNS)
    await send(client, query=RUNS, **automatic(sha256(RUNS)))
    await send(client, documentId="unknown")
    assert await used(api) == {"Role": []}


async def test_what_was_counted_is_written_when_the_server_stops(api: Api, settings: Settings, server_url: str) -> None:
    await register(api, ROLE)
    other = create_app(settings, server_url)
    async with (
        other.router.lifespan_context(other),
        browser(other, authorization=f"Bearer {await owners_key(api.runtime)}") as http,
    ):
        await send(http, documentId=sha256(ROLE))
    assert await calls(api.runtime.db) == 1


async def calls(db: Database) -> int:
    (row,) = await db.fetch_sql("SELECT coalesce(sum(calls), 0)::bigint AS total FROM document_usage")
    total: int = row.total
    return total


async def test_what_cannot_be_written_now_is_written_later(api: Api) -> None:
    await register(api, ROLE)
    document = await api.runtime.documents.find(api.viewer.organization_id, sha256(ROLE))
    assert document is not None
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
    api.runtime.usage.note(document, None, seconds=0.01, is_error=False)
    try:
        await api.runtime.usage.flush(nowhere)
    except OSError:
        api.runtime.usage.note(document, None, seconds=0.01, is_error=True)
    await nowhere.close()
    (count,) = (await used(api))["Role"]
    assert (count["calls"], count["errors"]) == (2, 1)
