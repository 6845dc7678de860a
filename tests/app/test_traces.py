"""Trace ids: one a request, the caller's where it has sent one, in the answer, in its errors and in the log."""

import logging
import re
import signal

import httpx
import pytest

from maestro import tracing
from maestro.db.engine import Database
from tests.app.conftest import Program, Server
from tests.fixtures.sockets import ask, connected

THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{THEIRS}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (PARENT, THEIRS),
        (PARENT.replace("00-", "cc-", 1) + "-what-the-future-will-be-like", THEIRS),
        (None, None),
        ("", None),
        (PARENT.upper(), None),
        (f"{PARENT}-more", None),
        (PARENT.replace("00-", "ff-", 1), None),
        (PARENT.replace(THEIRS, "0" * 32), None),
        (PARENT.replace("00f067aa0ba902b7", "0" * 16), None),
        (f"{PARENT}\n", None),
        ("00-xyz-00f067aa0ba902b7-01", None),
    ],
)
def test_a_traceparent_is_read_where_it_is_one(header: str | None, expected: str | None) -> None:
    assert tracing.id_in(header) == expected


async def test_an_answer_and_its_errors_have_the_trace_id_of_the_caller(client: httpx.AsyncClient) -> None:
    query = {"query": "{ projects(first: -1) { nodes { id } } }"}
    answer = await client.post("/graphql", json=query, headers={"traceparent": PARENT})
    assert answer.headers["x-trace-id"] == THEIRS
    assert [error["extensions"]["traceId"] for error in answer.json()["errors"]] == [THEIRS]


@pytest.mark.parametrize("body", ["{", '{"query": "{"}', '{"query": "{ nothing }"}'])
async def test_every_request_has_a_trace_id_of_its_own(client: httpx.AsyncClient, body: str) -> None:
    headers = {"content-type": "application/json", "traceparent": "nonsense"}
    answers = [await client.post("/graphql", content=body, headers=headers) for _ in range(2)]
    ids = [answer.headers["x-trace-id"] for answer in answers]
    assert [answer.json()["errors"][0]["extensions"]["traceId"] for answer in answers] == ids
    assert len(set(ids)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/"), ("POST", "/graphql")])
async def test_what_is_refused_outside_of_operations_has_one_too(
    anonymous: httpx.AsyncClient, *, method: str, path: str
) -> None:
    answer = await anonymous.request(method, path)
    assert answer.json()["errors"][0]["extensions"]["traceId"] == answer.headers["x-trace-id"]


async def test_what_a_request_logs_has_its_trace_id(
    db: Database, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("ALTER TABLE project RENAME TO gone")
    made = logging.getLogRecordFactory()
    tracing.name_in_log_records()
    try:
        query = {"query": "{ projects { nodes { id } } }"}
        await client.post("/graphql", json=query, headers={"traceparent": PARENT})
    finally:
        logging.setLogRecordFactory(made)
    records = [record for record in caplog.records if record.name == "app.answers"]
    assert [record.__dict__["trace"] for record in records] == [f" [{THEIRS}]"]


async def test_operations_of_a_socket_have_trace_ids_of_their_own(server: Server, key: str) -> None:
    async with connected(server.url, key) as websocket:
        answers = [await ask(websocket, "{ projects(first: -1) { nodes { id } } }") for _ in range(2)]
    ids = [answer["payload"]["errors"][0]["extensions"]["traceId"] for answer in answers]
    assert len(set(ids)) == 2


def test_the_log_of_a_server_names_the_trace_and_never_the_query(program: Program) -> None:
    with program.serving() as server:
        made = program.invoke("key", "create", "--name", "tests")
        url = f"{server.url}/graphql"
        headers = {"authorization": f"Bearer {made.stdout.strip()}", "traceparent": PARENT}
        for query in ("{", "{ secretField }", '{ node(id: "secret-argument") { id } }'):
            httpx.post(url, json={"query": query}, headers=headers, trust_env=False)
        program.run("psql", "-c", "ALTER TABLE project RENAME TO gone")
        query = 'query SecretName { projects(first: 1) { nodes { id } } node(id: "secret-argument") { id } }'
        failed = httpx.post(url, json={"query": query}, headers=headers, trust_env=False)
        assert server.stop(signal.SIGTERM) == 0
        log = server.log()
    assert failed.json()["errors"][0]["extensions"]["traceId"] == THEIRS
    assert f"app.answers: [{THEIRS}] Unexpected error" in log
    assert "secret" not in log.lower()
