"""What is counted of operations: exact counts, and no more series than there is room for, whatever anybody sends."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import operation_counting
from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.telemetry import graphql
from maestro.telemetry.names import Names
from schema.guarding import OPERATIONS
from tests.fixtures.documents import NAMES, automatic, known, register, send, sha256
from tests.fixtures.graphql import Api, with_settings
from tests.fixtures.metrics import Scrape, scrape
from tests.fixtures.sockets import until

CREATE = 'mutation Create { createProject(input: {name: "x"}) { __typename } }'
VIEWER = "query Who { viewer { role } }"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names of operations of the test alone: other tests of the process have sent some."""
    made = Names(registered=2, sent=4)
    monkeypatch.setattr(operation_counting, "OPERATION_NAMES", made)
    return made


@pytest.fixture(autouse=True)
def new_documents() -> None:
    """Documents of the test alone."""
    OPERATIONS.serve(OPERATIONS.schema)
    for kept in (OPERATIONS._good, OPERATIONS._others):
        for one in list(kept._documents):
            kept.drop(one)


async def grown(client: httpx.AsyncClient, before: Scrape, name: str) -> dict[tuple[str, ...], float]:
    return (await scrape(client)).since(before, name)


async def test_an_operation_is_counted_by_its_name_and_outcome(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    await send(client, query=VIEWER)
    await send(client, query="{ viewer { role } }")
    await send(client, query='query Lost { project(id: "project_00000000000000000000000000000000") { name } }')
    await send(client, query="query Bad { nothing }")
    after = await scrape(client)
    assert after.since(before, "maestro_graphql_operations_total") == {
        ("Who", "data"): 1,
        ("anonymous", "data"): 1,
        ("Lost", "partial"): 1,
        ("other", "error"): 1,
    }
    assert after.since(before, "maestro_graphql_operation_duration_seconds_count") == {
        ("Who",): 1,
        ("anonymous",): 1,
        ("Lost",): 1,
        ("other",): 1,
    }
    assert after.since(before, "maestro_graphql_operation_duration_seconds_sum")["Who",] > 0
    assert after.value("maestro_graphql_operations_in_flight") == 0
    assert after.since(before, "maestro_graphql_errors_total") == {
        ("NOT_FOUND",): 1,
        ("GRAPHQL_VALIDATION_FAILED",): 1,
    }


async def test_an_answer_is_counted_by_its_size_its_cost_and_what_it_holds(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    answer = await send(client, query=VIEWER)
    after = await scrape(client)
    cost = answer.json()["extensions"]["cost"]
    assert after.since(before, "maestro_graphql_answer_bytes_sum") == {(): len(answer.content)}
    assert after.since(before, "maestro_graphql_operation_cost_objects_sum") == {(): cost["requested"]}
    assert after.since(before, "maestro_graphql_answered_objects_total") == {(): cost["actual"]}
    assert after.since(before, "maestro_graphql_root_fields_total") == {("viewer", "Query"): 1}
    assert after.since(before, "maestro_graphql_root_field_cost_objects_total") == {
        ("viewer", "Query"): cost["requested"]
    }


async def test_fields_at_the_root_are_counted_by_their_names_and_not_by_aliases(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    await send(client, query="{ a: viewer { role } b: viewer { role } projects { nodes { id } } }")
    await send(client, query=CREATE)
    assert await grown(client, before, "maestro_graphql_root_fields_total") == {
        ("viewer", "Query"): 2,
        ("projects", "Query"): 1,
        ("createProject", "Mutation"): 1,
    }


async def test_the_ways_of_operations_are_told_apart(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    for _ in range(3):
        await send(client, query=NAMES)
    for _ in range(2):
        await send(client, query=CREATE)
    assert await grown(client, before, "maestro_graphql_executions_total") == {
        ("new_document",): 2,
        ("known_document",): 1,
        ("kept_answer",): 2,
    }


async def test_documents_are_counted_by_how_they_were_named(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, VIEWER)
    stored = await known(api, VIEWER)
    before = await scrape(client)
    await send(client, query=NAMES)
    await send(client, documentId=stored.sha256)
    other = "{ viewer { role user { name } } }"
    await send(client, **automatic(sha256(other), query=other))
    assert await grown(client, before, "maestro_graphql_documents_total") == {
        ("text",): 1,
        ("registered",): 1,
        ("automatic",): 1,
    }


async def test_a_hostile_client_adds_no_series_by_names_of_operations(api: Api, client: httpx.AsyncClient) -> None:
    await register(api, "query Registered { viewer { role } }")
    before = await scrape(client)
    for number in range(20):
        await send(client, query=f"query Made{number} {{ viewer {{ role }} }}")
        await send(client, query=VIEWER, operationName=f"Sent{number}")
    await send(
        client, query="query Registered { viewer { role } }", documentId=sha256("query Registered { viewer { role } }")
    )
    after = await scrape(client)
    assert after.since(before, "maestro_graphql_operations_total") == {
        **{(f"Made{number}", "data"): 1 for number in range(4)},
        ("other", "data"): 16,
        ("other", "error"): 20,
        ("Registered", "data"): 1,
    }


async def test_what_the_guard_refuses_is_counted_by_its_measure(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    deep = "{ projects { nodes { " + "experiments { nodes { project { " * 8 + "id" + " } } }" * 8 + " } } }"
    await send(client, query=deep)
    await send(client, query="{")
    await send(client)
    assert await grown(client, before, "maestro_graphql_refusals_total") == {
        ("OPERATION_TOO_COMPLEX", "depth"): 1,
        ("GRAPHQL_PARSE_FAILED", ""): 1,
    }


async def test_an_operation_whose_client_has_gone_is_counted_as_cancelled(
    db: Database, client: httpx.AsyncClient
) -> None:
    before = await scrape(client)
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(send(client, query=NAMES))
        await until(lambda: graphql.IN_FLIGHT.values.get((), 0) > 0)
        asking.cancel()
        await asyncio.wait([asking])
    after = await scrape(client)
    assert after.since(before, "maestro_graphql_operations_total") == {("Names", "cancelled"): 1}
    assert after.value("maestro_graphql_operations_in_flight") == 0


@with_settings(operation_timeout=timedelta(milliseconds=100))
async def test_an_operation_that_takes_too_long_is_an_error(db: Database, client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        assert (await send(client, query=NAMES)).status_code == 504
    assert await grown(client, before, "maestro_graphql_errors_total") == {("SERVICE_UNAVAILABLE",): 1}


@with_settings(rate_limit_requests="3/hour", rate_limit_cost="1000/hour", rate_limit_organization=0)
async def test_what_is_charged_and_what_is_refused_is_counted_by_bucket(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    for _ in range(4):
        await send(client, query=VIEWER)
    after = await scrape(client)
    assert after.since(before, "maestro_rate_limit_charged_total") == {("requests",): 4, ("cost",): 6}
    assert after.since(before, "maestro_rate_limit_refused_total") == {("requests",): 1}
    assert after.since(before, "maestro_graphql_errors_total") == {("RATE_LIMITED",): 1}


async def test_caches_tell_their_hits_and_what_they_hold(client: httpx.AsyncClient, runtime: Runtime) -> None:
    before = await scrape(client)
    query = "query Cached { projects { nodes { name experiments { nodes { name } } } } runs { totalCount } }"
    for _ in range(3):
        await send(client, query=query)
    after = await scrape(client)
    assert after.since(before, "maestro_answer_cache_hits_total") == {(): 2}
    assert after.value("maestro_answer_cache_entries") == 1
    assert after.value("maestro_answer_cache_bytes") > 0
    assert after.value("maestro_answer_cache_room_bytes") == runtime.settings.answer_cache_bytes
    assert after.since(before, "maestro_operation_cache_misses_total") == {(): 1}
    assert after.since(before, "maestro_operation_cache_hits_total") == {(): 2}
    assert after.value("maestro_operation_cache_entries", kind="good") == 1
    assert after.value("maestro_operation_cache_characters") == len(query)
    assert after.since(before, "maestro_cache_checks_total")[()] >= 3
    assert after.since(before, "maestro_cache_check_statements_total")[()] >= 3
    misses = after.since(before, "maestro_field_cache_misses_total")
    assert misses
    assert all(count == 1 for count in misses.values())
    assert after.series("maestro_field_cache_bytes").keys() == misses.keys()
    assert after.since(before, "maestro_field_cache_load_seconds_total").keys() == misses.keys()
    assert after.value("maestro_field_cache_entries") == len(misses)
    assert after.value("maestro_field_cache_room_bytes") == runtime.settings.cache_bytes


async def test_a_loader_tells_how_often_it_was_asked_for_how_much(api: Api, client: httpx.AsyncClient) -> None:
    create = "mutation ($n: String!) { createProject(input: {name: $n}) { ... on ProjectSaved { project { id } } } }"
    made = [await api(create, n=name) for name in ("a", "b", "c")]
    ids = [one["createProject"]["project"]["id"] for one in made]
    before = await scrape(client)
    fields = " ".join(f'p{number}: project(id: "{key}") {{ name }}' for number, key in enumerate(ids))
    await send(client, query=f"{{ {fields} }}")
    after = await scrape(client)
    loader = ("ProjectById",)
    assert after.since(before, "maestro_loader_fetches_total")[loader] == 1
    assert after.since(before, "maestro_loader_keys_total")[loader] == 3
    assert after.since(before, "maestro_loader_statements_total")[loader] == 1
    assert after.since(before, "maestro_loader_fetch_seconds_total")[loader] > 0
    assert after.since(before, "maestro_loader_batch_keys_sum") == {(): 3}
    assert after.since(before, "maestro_db_statement_duration_seconds_count")["read",] >= 1


async def test_transactions_are_counted_by_how_they_end(db: Database, client: httpx.AsyncClient) -> None:
    await send(client, query="{ __typename }")
    before = await scrape(client)
    await send(client, query=CREATE)
    after = await scrape(client)
    assert after.since(before, "maestro_db_transactions_total") == {("committed",): 1}
    assert after.since(before, "maestro_db_pool_wait_seconds_count")[()] >= 1
    assert after.since(before, "maestro_db_statements_total")[()] >= 2
    with pytest.raises(ValueError, match="given up"):
        async with db.transaction():
            raise ValueError("given up")
    assert await grown(client, after, "maestro_db_transactions_total") == {("failed",): 1}


@with_settings(pool_size=2)
async def test_the_pool_tells_its_connections(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.db.driver():
        told = await scrape(client)
    assert told.value("maestro_db_pool_size") == 2
    assert told.value("maestro_db_pool_checked_out") == 1
    assert "maestro_db_pool_idle" in told.names()
    assert told.series("maestro_db_pool_overflow") == {(): 0}
    assert (await scrape(client)).value("maestro_db_pool_checked_out") == 0


async def test_an_exhausted_pool_is_counted_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, runtime: Runtime, client: httpx.AsyncClient
) -> None:
    pool: Any = runtime.db.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.05)
    await send(client, query="{ __typename }")
    before = await scrape(client)
    async with runtime.db.driver():
        held = [runtime.db.driver() for _ in range(runtime.settings.pool_size - 1)]
        for one in held:
            await one.__aenter__()
        await send(client, query="query Waiting { viewer { user { name } } }")
        told = await scrape(client)
        for one in held:
            await one.__aexit__(None, None, None)
    assert told.since(before, "maestro_db_pool_failures_total") == {("timeout",): 1}
    assert told.value("maestro_database_up") == 1


def test_no_family_of_operations_has_room_for_more_than_its_names() -> None:
    assert graphql.OPERATIONS.most == 4 * graphql.DURATION.most
