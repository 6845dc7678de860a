"""Spans of requests, as a collector receives them: their tree, their ids, and nothing of what was asked or answered."""

import asyncio
import time
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr

from maestro import spans
from maestro.db.engine import Database
from maestro.tracing_settings import TracingSettings
from tests.fixtures.otlp import Collector

PLANTED: Final = "Pl4ntedS3cretOfTheSpansQ9"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER: Final = "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
LIST = "query Listing { projects(first: 2) { nodes { name experiments(first: 1) { nodes { name } } } } }"
CREATE = "mutation Create($name: String!) { createProject(input: {name: $name}) { __typename } }"


@pytest.fixture
def ratio() -> float:
    return 1.0


@pytest.fixture
def changed(collector: Collector, ratio: float) -> dict[str, Any]:
    return {
        "otlp_endpoint": collector.url,
        "otlp_headers": SecretStr(f"authorization=Bearer {PLANTED}"),
        "trace_ratio": ratio,
        "cache": False,
    }


async def test_an_operation_is_a_tree_from_the_request_to_its_statements(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    await client.post("/graphql", json={"query": CREATE, "variables": {"name": "one"}})
    answer = await client.post("/graphql", json={"query": LIST}, headers={"traceparent": SAMPLED})
    assert "errors" not in answer.json()
    await collector.flushed()
    (request,) = [span for span in collector.named("POST /graphql") if span.trace_id == TRACE]
    assert (request.parent_id, request.kind, request.process) == (CALLER, 2, "server")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
    }
    (operation,) = [span for span in collector.below(request) if span.name == "query Listing"]
    assert operation.attributes.pop("graphql.document.hash").isalnum()
    assert operation.attributes.pop("maestro.operation.cost") > 0
    assert operation.attributes == {
        "graphql.operation.name": "Listing",
        "graphql.operation.type": "query",
        "maestro.operation.outcome": "data",
    }
    loads = {span.name: span for span in collector.below(operation) if span.name.startswith("load ")}
    assert loads
    for load in loads.values():
        assert load.attributes["maestro.loader.keys"] >= 1
    statements = [span for load in loads.values() for span in collector.below(load)]
    (projects,) = [span for span in statements if span.attributes["db.collection.name"] == "project"]
    assert projects.kind == 3
    assert projects.name == "SELECT project"
    assert projects.attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT project",
        "db.collection.name": "project",
        "db.response.returned_rows": 1,
    }
    assert {span.trace_id for span in [operation, *loads.values(), *statements]} == {TRACE}


async def test_a_request_without_a_caller_has_the_trace_id_of_its_answer(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    answer = await client.get("/livez", headers={"traceparent": "nonsense"})
    await collector.flushed()
    (request,) = collector.named("GET /livez")
    assert (request.trace_id, request.parent_id) == (answer.headers["x-trace-id"], "")


async def test_no_span_has_a_text_an_argument_or_a_secret_of_a_request(
    client: httpx.AsyncClient, collector: Collector, db: Database
) -> None:
    headers = {"x-secret": PLANTED, "traceparent": f"{SAMPLED}"}
    for query in (
        CREATE,
        f'{{ projects(filter: {{name: {{eq: "{PLANTED}"}}}}) {{ nodes {{ {PLANTED}: id }} }} }}',
        f'{{ node(id: "{PLANTED}") {{ id }} }}',
        f"{{ {PLANTED} }}",
        f"{{ viewer {{ {PLANTED}: role }} }}",
    ):
        await client.post("/graphql", json={"query": query, "variables": {"name": PLANTED}}, headers=headers)
    await client.get(f"/nothing/{PLANTED}?secret={PLANTED}", headers=headers)
    await client.request(PLANTED.upper(), "/graphql", headers=headers)
    async with db.transaction() as tx:
        await tx.fetch_sql("ALTER TABLE project RENAME TO gone")
    failed = await client.post("/graphql", json={"query": CREATE, "variables": {"name": PLANTED}}, headers=headers)
    assert failed.json()["errors"]
    await collector.flushed()
    assert len(collector.named("mutation Create")) == 2
    assert any(span.is_error for span in collector.spans)
    assert all(PLANTED.lower().encode() not in body.lower() for body in collector.bodies)
    # It would have been found: the one place where it has to be is the header for the collector.
    assert {headers["authorization"] for headers in collector.headers} == {f"Bearer {PLANTED}"}
    assert set(collector.paths) == {"/v1/traces"}


async def test_an_operation_that_is_refused_is_an_error_by_its_code(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    await client.post("/graphql", json={"query": "query Bad { nothing }"})
    await collector.flushed()
    (refused,) = collector.named("other other")
    assert refused.is_error
    assert refused.attributes["error.type"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("ratio", [0.0])
async def test_a_ratio_decides_unless_the_caller_has(
    client: httpx.AsyncClient, collector: Collector, ratio: float
) -> None:
    await client.get("/livez")
    await client.get("/livez", headers={"traceparent": UNSAMPLED})
    await client.get("/livez", headers={"traceparent": SAMPLED})
    await collector.flushed()
    assert ratio == 0
    assert [(span.trace_id, span.parent_id) for span in collector.named("GET /livez")] == [(TRACE, CALLER)]


@pytest.mark.parametrize("ratio", [0.5])
async def test_a_part_of_all_requests_is_traced_as_a_whole(
    client: httpx.AsyncClient, collector: Collector, ratio: float
) -> None:
    answers = {(await client.get("/livez")).headers["x-trace-id"] for _ in range(40)}
    await collector.flushed()
    traced = {span.trace_id for span in collector.named("GET /livez")}
    assert ratio == 0.5
    assert traced < answers
    assert traced


async def test_statements_that_run_beside_each_other_are_below_their_own_loaders(
    client: httpx.AsyncClient, collector: Collector
) -> None:
    await client.post("/graphql", json={"query": CREATE, "variables": {"name": "one"}})
    query = "query Both { projects { nodes { id } } experiments: jobs { nodes { id } } }"
    await client.post("/graphql", json={"query": query}, headers={"traceparent": SAMPLED})
    await collector.flushed()
    parents = {
        span.attributes["db.collection.name"]: next(
            one.name for one in collector.spans if one.span_id == span.parent_id
        )
        for span in collector.spans
        if span.trace_id == TRACE and span.attributes.get("db.collection.name") in ("project", "job")
    }
    assert set(parents) == {"project", "job"}
    assert len(set(parents.values())) == 2


@pytest.fixture
def deaf(collector: Collector) -> str:
    """An address at which nobody listens."""
    return collector.url.rsplit(":", 1)[0] + ":9"


class TestAway:
    """A collector that is not there."""

    @pytest.fixture
    def changed(self, deaf: str) -> dict[str, Any]:
        return {"otlp_endpoint": deaf, "cache": False}

    async def test_it_neither_slows_nor_fails_requests(
        self, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        await client.post("/graphql", json={"query": LIST})
        began = time.perf_counter()
        answers = await asyncio.gather(*(client.post("/graphql", json={"query": LIST}) for _ in range(20)))
        assert all("errors" not in answer.json() for answer in answers)
        assert time.perf_counter() - began < 10
        async with asyncio.timeout(15):
            while "not taken by the collector" not in caplog.text:  # noqa: ASYNC110 -- a thread writes it
                await asyncio.sleep(0.05)
        assert PLANTED not in caplog.text


def test_nothing_is_loaded_or_made_while_nothing_is_traced() -> None:
    assert spans.ACTIVE.tracer is None
    with spans.spanned("x", {}) as found:
        assert found == {}
        assert spans.handed_on() is None


def test_headers_are_secret_and_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTLP_HEADERS", f"authorization=Bearer {PLANTED}, x-team=ml")
    assert PLANTED not in repr(TracingSettings())
    monkeypatch.setenv("OTLP_HEADERS", PLANTED)
    with pytest.raises(ValueError, match="otlp_headers"):
        TracingSettings()


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://collector", "http://user:secret@collector:4318"])
def test_an_endpoint_is_a_url_without_an_account(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OTLP_ENDPOINT", url)
    with pytest.raises(ValueError, match="otlp_endpoint"):
        TracingSettings()
