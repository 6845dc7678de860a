"""What caches, loaders and connectors tell when something goes wrong, and where a family has no room."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from connectors.retrying import retried
from maestro.db.engine import Database
from maestro.errors import Transient
from maestro.runtime import Runtime
from maestro.telemetry import connectors, http
from maestro.telemetry.values import SWITCH
from schema.guarding import OPERATIONS
from tests.fixtures.databases import Databases
from tests.fixtures.documents import send
from tests.fixtures.graphql import Api, browser, with_settings
from tests.fixtures.metrics import local, scrape
from tests.fixtures.sync_jobs import CREATE

PROJECTS = "query Projects { projects { nodes { name } } }"

FIELDS = "query Fields($n: Int!) { projects(first: $n) { nodes { name } } }"
MADE = 'mutation { createProject(input: {name: "made"}) { __typename } }'
BROWSE = "query ($id: ID!) { connector(id: $id) { objects(first: 1) { nodes { key } } } }"
LOOK = 'query ($id: ID!) { connector(id: $id) { preview(key: "nothing") { text } } }'
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {} = ANY(pg_blocking_pids(pid))"


async def test_an_answer_that_is_not_true_any_more_is_outdated(client: httpx.AsyncClient) -> None:
    await send(client, query=PROJECTS)
    await send(client, query=PROJECTS)
    before = await scrape(client)
    await send(client, query=MADE)
    await send(client, query=PROJECTS)
    after = await scrape(client)
    assert after.since(before, "maestro_answer_cache_outdated_total") == {(): 1}
    assert after.since(before, "maestro_answer_cache_misses_total") == {(): 1}


async def test_a_field_that_was_kept_is_a_hit_until_it_is_outdated(client: httpx.AsyncClient) -> None:
    # Other variables each time, so that no whole answer is given again.
    asked = "query Asked($n: Int!) { projects(first: 5) { nodes { name } } runs(first: $n) { nodes { id } } }"
    await send(client, query=asked, variables={"n": 1})
    before = await scrape(client)
    await send(client, query=asked, variables={"n": 2})
    after = await scrape(client)
    hits = after.since(before, "maestro_field_cache_hits_total")
    assert hits
    assert {level for _, level in hits} == {"memory"}
    await send(client, query=MADE)
    await send(client, query=asked, variables={"n": 3})
    assert (await scrape(client)).since(after, "maestro_field_cache_outdated_total")


@with_settings(cache_bytes=12_000, answer_cache_bytes=20_000)
async def test_what_makes_room_in_small_caches_is_counted(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    for number in range(1, 40):
        await send(client, query=FIELDS, variables={"n": number})
    after = await scrape(client)
    assert after.since(before, "maestro_answer_cache_evictions_total")[()] > 0
    assert sum(after.since(before, "maestro_field_cache_evictions_total").values()) > 0


async def test_a_document_that_makes_room_is_counted(
    monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient
) -> None:
    monkeypatch.setattr(OPERATIONS._good, "_most", 1)
    before = await scrape(client)
    for name in ("A", "B", "C"):
        await send(client, query=f"query {name} {{ viewer {{ role }} }}")
    assert (await scrape(client)).since(before, "maestro_operation_cache_evictions_total")[()] >= 2


@with_settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))
async def test_a_redis_that_is_away_is_counted(client: httpx.AsyncClient) -> None:
    before = await scrape(client)
    await send(client, query=PROJECTS)
    after = await scrape(client)
    assert after.since(before, "maestro_cache_redis_failures_total")[()] >= 1
    assert after.series("maestro_cache_redis_rubbish_total") == {(): 0}


async def test_a_loader_that_fails_as_a_whole_is_counted(
    db: Database, databases: Databases, client: httpx.AsyncClient
) -> None:
    before = await scrape(client)
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(
            send(client, query='{ project(id: "project_00000000000000000000000000000000") { name } }')
        )
        while not asking.done():
            await databases.run(TERMINATE.format(tx.pid))
            await asyncio.sleep(0.01)
    after = await scrape(client)
    assert after.since(before, "maestro_loader_failures_total") == {("ProjectById",): 1}
    assert after.since(before, "maestro_db_pool_failures_total") == {("lost",): 1}
    assert after.since(before, "maestro_graphql_errors_total") == {("SERVICE_UNAVAILABLE",): 1}


async def test_a_family_without_room_counts_the_rest_together_and_says_so(
    monkeypatch: pytest.MonkeyPatch, app: Starlette, client: httpx.AsyncClient
) -> None:
    monkeypatch.setattr(http.REQUESTS, "most", 0)
    monkeypatch.setattr(http.REQUESTS, "values", {})
    monkeypatch.setattr(SWITCH, "crowded", {})
    for path in ("/livez", "/readyz", "/"):
        await client.get(path)
    told = await local(app)
    assert told.series("maestro_http_requests_total") == {("other", "other", "other"): 3}
    assert told.value("maestro_metrics_crowded_total", family="maestro_http_requests_total") == 3


class TestConnectors:
    """Calls of vendors, asked in the process of the test."""

    @pytest.fixture
    def changed(self, tmp_path: Path) -> dict[str, Any]:
        """Folders of the test may be connected to."""
        return {"local_connector_folders": (tmp_path,), "connector_failures": 1}

    @pytest.fixture
    async def connector(self, api: Api, tmp_path: Path) -> str:
        (tmp_path / "here").mkdir()
        made = await api(CREATE, name="very-secret-name", config={"local": {"folder": str(tmp_path / "here")}})
        key: str = made["createConnector"]["connector"]["id"]
        return key

    async def test_calls_are_told_by_vendor_and_never_by_name(self, app: Starlette, api: Api, connector: str) -> None:
        before = await local(app)
        await api(BROWSE, id=connector)
        after = await local(app)
        assert after.since(before, "maestro_connector_calls_total") == {("answered", "LOCAL"): 1}
        assert after.since(before, "maestro_connector_call_duration_seconds_count") == {("LOCAL",): 1}
        async with browser(app) as anybody:
            text = (await anybody.get("/metrics")).text
        assert "very-secret-name" not in text
        assert connector not in text

    async def test_errors_and_open_circuits_are_told_by_vendor(
        self, app: Starlette, api: Api, runtime: Runtime, *, connector: str
    ) -> None:
        before = await local(app)
        await api.errors(LOOK, id=connector)
        after = await local(app)
        assert after.since(before, "maestro_connector_calls_total") == {("failed", "LOCAL"): 1}
        assert sum(after.since(before, "maestro_connector_errors_total").values()) == 1
        errands: Any = runtime.errands
        (entry,) = errands.openings._entries.values()
        told = {labels: value for _, labels, value in errands.openings.circuits()}
        assert told["LOCAL", "closed"] == 1
        entry.circuit.failed()
        told = {labels: value for family, labels, value in errands.openings.circuits()}
        assert (told["LOCAL", "open"], told["LOCAL", "closed"]) == (1, 0)
        assert connectors.CIRCUITS.name == "maestro_connector_circuits"

    async def test_a_try_after_an_error_that_passes_is_counted(self, app: Starlette) -> None:
        before, tried = await local(app), 0

        async def work() -> int:
            nonlocal tried
            tried += 1
            if tried == 1:
                raise Transient("The network is down.")
            return tried

        assert await retried(work) == 2
        assert (await local(app)).since(before, "maestro_connector_retries_total") == {(): 1}
