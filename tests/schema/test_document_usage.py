"""How documents are used: numbers of clients and of processes, added up."""

import asyncio
from typing import Any, Final

import pytest

from maestro.documents.usage import Client, Usage
from resolvers.document_versions import KEPT
from tests.fixtures.documents import NAMES, ROLE, known, register, sha256
from tests.fixtures.graphql import Api

LIST: Final = """{ persistedDocuments { nodes {
  usage { calls errors lastUsedAt p95Ms averageCost maxCost }
  usageByClient { clientName clientVersion calls errors p95Ms averageCost maxCost }
} } }"""


async def nodes(api: Api) -> list[Any]:
    found: list[Any] = (await api(LIST))["persistedDocuments"]["nodes"]
    return found


async def test_use_is_told_for_all_clients_and_for_each(api: Api) -> None:
    await register(api, ROLE)
    document, usage = await known(api, ROLE), api.runtime.usage
    for milliseconds in (10, 10, 10, 1_000):
        usage.note(document, Client("dashboard", "1.2"), seconds=milliseconds / 1_000, is_error=False, cost=4)
    usage.note(document, None, seconds=0.01, is_error=True, cost=9)
    await usage.flush(api.runtime.db)
    (one,) = await nodes(api)
    assert {name: one["usage"][name] for name in ("calls", "errors", "averageCost", "maxCost")} == {
        "calls": 5,
        "errors": 1,
        "averageCost": 5.0,
        "maxCost": 9,
    }
    assert one["usage"]["p95Ms"] == pytest.approx(1_000, rel=0.09)
    assert [(each["clientName"], each["clientVersion"], each["calls"]) for each in one["usageByClient"]] == [
        ("dashboard", "1.2", 4),
        (None, None, 1),
    ]


async def test_numbers_of_several_processes_are_added(api: Api) -> None:
    await register(api, ROLE)
    document = await known(api, ROLE)
    processes = [Usage() for _ in range(4)]
    for process in processes:
        for _ in range(25):
            process.note(document, Client("dashboard", "1.2"), seconds=0.004, is_error=False, cost=2)
    for _ in range(2):
        await asyncio.gather(*(process.flush(api.runtime.db) for process in processes))
    (one,) = await nodes(api)
    assert (one["usage"]["calls"], one["usage"]["averageCost"]) == (100, 2.0)
    assert one["usage"]["p95Ms"] == pytest.approx(4, rel=0.0906)


async def test_names_that_nobody_has_registered_make_no_rows(api: Api) -> None:
    await register(api, ROLE)
    document, usage = await known(api, ROLE), api.runtime.usage
    for number in range(20):
        usage.note(document, Client(f"made up {number}"), seconds=0.01, is_error=False)
    usage.note(document, Client("dashboard", "0.9"), seconds=0.01, is_error=False)
    await usage.flush(api.runtime.db)
    (one,) = await nodes(api)
    assert [(each["clientName"], each["clientVersion"], each["calls"]) for each in one["usageByClient"]] == [
        ("dashboard", None, 1),
        (None, None, 20),
    ]


async def test_use_of_what_is_gone_is_dropped_with_no_harm_to_the_rest(api: Api) -> None:
    await register(api, ROLE, NAMES)
    gone, there, usage = await known(api, ROLE), await known(api, NAMES), api.runtime.usage
    for document in (gone, there):
        usage.note(document, None, seconds=0.01, is_error=False)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM document WHERE id = $1", gone.id)
    await usage.flush(api.runtime.db)
    assert [one["usage"]["calls"] for one in await nodes(api)] == [1]


async def test_a_flush_without_use_asks_nothing_of_the_database(api: Api) -> None:
    before = api.runtime.db.statements_run
    await api.runtime.usage.flush(api.runtime.db)
    assert api.runtime.db.statements_run == before


async def test_old_versions_of_a_client_are_counted_together_and_their_ids_go_on_working(api: Api) -> None:
    usage = api.runtime.usage
    for number in range(KEPT + 5):
        client = {"name": "dashboard", "version": str(number)}
        await register(api, manifest={"first" if number < 2 else "later": ROLE}, client=client)
        usage.note(await known(api, ROLE), Client(**client), seconds=0.01, is_error=number == 0, cost=number)
        await usage.flush(api.runtime.db)
    await register(api, ROLE)
    (one,) = (await api("{ persistedDocuments { nodes { clients { version documentId } } } }"))["persistedDocuments"][
        "nodes"
    ]
    assert {client["documentId"] for client in one["clients"]} == {"first", "later", sha256(ROLE)}
    assert len({client["version"] for client in one["clients"]}) == KEPT + 1
    (used,) = await nodes(api)
    assert used["usage"]["calls"] == KEPT + 5
    (together,) = [each for each in used["usageByClient"] if each["clientVersion"] is None]
    assert (together["clientName"], together["calls"], together["errors"]) == ("dashboard", 5, 1)
    assert together["p95Ms"] == pytest.approx(10, rel=0.0906)
    assert await api.runtime.documents.find(api.viewer.organization_id, "first") is not None
