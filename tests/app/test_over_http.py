"""What GraphQL over HTTP prescribes: media types, status codes, GET, batches, and answers that clients keep."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from maestro.db.engine import Database
from maestro.settings import Settings
from tests.fixtures.audit import entries
from tests.fixtures.graphql import Api
from tests.fixtures.locks import WAITING, until

RESPONSE = "application/graphql-response+json"
PROJECTS = "{ projects { nodes { id } } }"
CREATE = 'mutation { createProject(input: {name: "x"}) { __typename } }'
FOLLOW = 'subscription { runUpdated(id: "x") { id } }'
REQUEST_ERRORS = [
    ("{", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { __typename } query B { __typename }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query ($n: Int!) { projects(first: $n) { nodes { id } } }", {"n": "x"}, "BAD_USER_INPUT"),
]


@pytest.fixture
def changes() -> dict[str, object]:
    """What a test changes of the settings."""
    return {}


@pytest.fixture
def settings(settings: Settings, changes: dict[str, object]) -> Settings:
    return settings.model_copy(update=changes)


def with_settings(**changes: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("changes", [changes], ids=" ".join)


async def ask(client: httpx.AsyncClient, query: str, accept: str = RESPONSE, **variables: Any) -> httpx.Response:
    content = {"query": query, "variables": variables}
    return await client.post("/graphql", json=content, headers={"accept": accept})


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


async def test_an_answer_has_the_media_type_that_the_client_likes_best(client: httpx.AsyncClient) -> None:
    answers = [await ask(client, PROJECTS, accept) for accept in (RESPONSE, "application/json", "*/*")]
    assert [answer.headers["content-type"] for answer in answers] == [
        f"{RESPONSE}; charset=utf-8",
        "application/json",
        "application/json",
    ]


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0"])
async def test_a_client_that_takes_none_of_our_forms_is_told_so_and_nothing_runs(
    client: httpx.AsyncClient, api: Api, accept: str
) -> None:
    answer = await ask(client, CREATE, accept)
    assert (answer.status_code, codes(answer)) == (406, ["BAD_REQUEST"])
    assert await api(PROJECTS) == {"projects": {"nodes": []}}


@pytest.mark.parametrize(("query", "variables", "code"), REQUEST_ERRORS)
async def test_errors_of_a_request_are_told_by_the_status_where_the_media_type_says_whose_it_is(
    client: httpx.AsyncClient, *, query: str, variables: dict[str, object], code: str
) -> None:
    answers = [await ask(client, query, accept, **variables) for accept in (RESPONSE, "application/json")]
    assert [(answer.status_code, codes(answer)) for answer in answers] == [(400, [code]), (200, [code])]
    assert "data" not in answers[0].json()


async def test_errors_of_fields_leave_the_status_alone(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ __typename projects(first: -1) { nodes { id } } }")
    assert (answer.status_code, codes(answer)) == (200, ["BAD_USER_INPUT"])


@with_settings(draft_status_codes=True)
async def test_the_codes_of_the_draft_are_given_where_they_are_asked_for(client: httpx.AsyncClient) -> None:
    queries = ["{", "{ nothing }", "{ projects(first: -1) { nodes { id } } }", "{ __typename }", ""]
    answers = [await ask(client, query) for query in queries]
    assert [answer.status_code for answer in answers] == [400, 422, 294, 200, 422]
    assert [(await ask(client, query, "application/json")).status_code for query in queries] == [200] * 4 + [400]


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", '"iso-8859-1"'])
async def test_a_body_in_another_charset_is_refused(client: httpx.AsyncClient, charset: str) -> None:
    headers = {"content-type": f"application/json; charset={charset}"}
    answer = await client.post("/graphql", content='{"query": "{ __typename }"}', headers=headers)
    assert (answer.status_code, codes(answer)) == (415, ["BAD_REQUEST"])


class TestGet:
    async def test_variables_and_extensions_are_json(self, client: httpx.AsyncClient) -> None:
        query = "query A ($n: Int) { projects(first: $n) { nodes { id } } } query B { __typename }"
        params = {"query": query, "variables": '{"n": 1}', "extensions": "{}", "operationName": "A"}
        assert (await client.get("/graphql", params=params)).json()["data"] == {"projects": {"nodes": []}}

    async def test_an_empty_parameter_is_none(self, client: httpx.AsyncClient) -> None:
        params = {"query": "query A { __typename }", "variables": "", "extensions": "", "operationName": ""}
        assert (await client.get("/graphql", params=params)).json()["data"] == {"__typename": "Query"}

    @pytest.mark.parametrize("name", ["variables", "extensions"])
    @pytest.mark.parametrize("value", ["{", "x", "[1]", "1", "[" * 5_000])
    async def test_a_parameter_that_is_no_json_object_is_refused(
        self, client: httpx.AsyncClient, *, name: str, value: str
    ) -> None:
        answer = await client.get("/graphql", params={"query": "{ __typename }", name: value})
        [error] = answer.json()["errors"]
        assert (answer.status_code, codes(answer), error["extensions"]["field"]) == (400, ["BAD_REQUEST"], name)

    async def test_the_head_of_an_answer_may_be_asked_for(self, client: httpx.AsyncClient, api: Api) -> None:
        assert (await client.head("/graphql", params={"query": PROJECTS})).status_code == 200
        assert (await client.head("/graphql", params={"query": CREATE})).status_code == 405
        assert await api(PROJECTS) == {"projects": {"nodes": []}}

    async def test_a_subscription_is_refused_who_takes_one_answer(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/graphql", params={"query": FOLLOW})
        assert (answer.status_code, codes(answer)) == (406, ["BAD_REQUEST"])
        assert "text/event-stream" in answer.json()["errors"][0]["extensions"]["hint"]

    async def test_an_answer_that_is_still_the_same_is_not_sent_again(
        self, client: httpx.AsyncClient, api: Api
    ) -> None:
        first = await client.get("/graphql", params={"query": PROJECTS})
        assert first.headers["cache-control"] == "private, no-cache"
        assert "authorization" in first.headers["vary"]
        known = {"if-none-match": f'"other", {first.headers["etag"]}'}
        again = await client.get("/graphql", params={"query": PROJECTS}, headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await api(CREATE)
        assert (await client.get("/graphql", params={"query": PROJECTS}, headers=known)).status_code == 200

    async def test_an_answer_with_errors_has_no_tag(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/graphql", params={"query": "{ projects(first: -1) { nodes { id } } }"})
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


class TestBatches:
    @with_settings(max_batch=3)
    async def test_each_member_has_an_answer_and_a_bad_one_fails_alone(self, client: httpx.AsyncClient) -> None:
        members = [{"query": PROJECTS}, 1, {"query": FOLLOW}]
        answer = await client.post("/graphql", json=members)
        first, second, third = answer.json()
        assert (answer.status_code, first["data"]) == (200, {"projects": {"nodes": []}})
        assert [member["errors"][0]["extensions"]["code"] for member in (second, third)] == ["BAD_REQUEST"] * 2

    @with_settings(max_batch=3)
    async def test_members_without_a_document_fail_alone(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/graphql", json=[{}, {"query": "{ __typename }"}])
        assert [member.get("data") for member in answer.json()] == [None, {"__typename": "Query"}]

    @with_settings(max_batch=3, rate_limit_requests="2/hour", rate_limit_organization=0)
    async def test_each_member_is_charged(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/graphql", json=[{"query": "{ __typename }"}] * 3)
        refused = [member["errors"][0]["extensions"]["code"] for member in answer.json() if "errors" in member]
        assert refused == ["RATE_LIMITED"]

    @with_settings(max_batch=2)
    @pytest.mark.parametrize("count", [0, 3])
    async def test_a_batch_of_another_size_is_refused_whole(
        self, client: httpx.AsyncClient, api: Api, count: int
    ) -> None:
        answer = await client.post("/graphql", json=[{"query": CREATE}] * count)
        assert (answer.status_code, codes(answer)) == (400, ["BAD_REQUEST"])
        assert await api(PROJECTS) == {"projects": {"nodes": []}}

    @with_settings(max_batch=2)
    async def test_a_batch_is_never_streamed(self, client: httpx.AsyncClient) -> None:
        members = [{"query": "{ __typename }"}]
        refused = await client.post("/graphql", json=members, headers={"accept": "text/event-stream"})
        assert (refused.status_code, codes(refused)) == (406, ["BAD_REQUEST"])
        both = {"accept": "text/event-stream, application/json"}
        assert (await client.post("/graphql", json=members, headers=both)).json()[0]["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("accept", [RESPONSE, "application/json"])
async def test_a_database_that_goes_away_is_told_by_status_and_code(
    client: httpx.AsyncClient, db: Database, *, accept: str
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        running = asyncio.create_task(ask(client, PROJECTS, accept))
        await until(tx, waiting=1)
        await tx.fetch_sql(f"SELECT pg_terminate_backend(pid) {WAITING}")
        answer = await running
    assert (answer.status_code, codes(answer)) == (503, ["SERVICE_UNAVAILABLE"])
    assert answer.headers["retry-after"] == "5"


HOSTILE = [
    '{"query": "query ($x: Int) { projects(first: $x) { nodes { id } } }", "variables": {"x": %s}}' % ("1" * 5_000),
    '{"query": "query ($x: ID!) { node(id: $x) { id } }", "variables": {"x": %s}}' % ("1" * 400),
    '{"query": "query ($x: String) { __type(name: $x) { name } }", "variables": {"x": %s}}' % ("[" * 900 + "]" * 900),
    '{"query": "{ __typename }", "extensions": {"x": %s}}' % ("[" * 1_000 + "]" * 1_000),
    '{"query": "{ __typename }", "variables": {"x": 1e999}}',
    '{"query": "{ __typename }", "variables": {"\\u0000": "\\u0000"}, "operationName": "\\u0000"}',
    '{"query": "{ __typename }", "variables": {"x": "\\ud800"}}',
    '{"query": "{ __typename }", "operationName": "%s"}' % ("x" * 100_000),
    '{"query": %s}' % ("[" * 1_000 + "]" * 1_000),
    '{"query": "{ __typename }", "query": 1}',
    '{"query": "%s"}' % ("{ node " * 2_000 + "}" * 2_000),
    "[" * 1_024 + "]" * 1_024,
    "-" * 100_000,
    "9" * 100_000,
    '"' + "x" * 100_000,
    "\ufeff{}",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("accept", [RESPONSE, "text/event-stream"])
async def test_nothing_that_is_sent_is_an_error_of_the_server(
    client: httpx.AsyncClient, *, body: str, accept: str
) -> None:
    headers = {"content-type": "application/json", "accept": accept}
    answer = await client.post("/graphql", content=body, headers=headers)
    assert answer.status_code in {200, 400}
    assert "INTERNAL_SERVER_ERROR" not in answer.text
    assert "code" in answer.text or "data" in answer.text


async def test_a_mutation_is_undone_and_recorded_when_its_client_goes(
    app: Starlette, client: httpx.AsyncClient, api: Api, *, db: Database
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        assert await leave(app, client, CREATE, once=lambda: until(tx, waiting=1)) == []
    assert await api(PROJECTS) == {"projects": {"nodes": []}}
    async with asyncio.timeout(5):
        while not (found := await entries(api)):  # noqa: ASYNC110 -- nothing tells when the entry is written
            await asyncio.sleep(0.02)
    (last,) = found
    assert (last.operation, last.is_allowed, last.code) == ("createProject", False, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_query_is_cancelled_with_its_sql_when_its_client_goes(
    app: Starlette, client: httpx.AsyncClient, *, db: Database, accept: str
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        told = await leave(app, client, PROJECTS, once=lambda: until(tx, waiting=1), accept=accept)
        await until(tx, waiting=0)
    assert not any(b"data" in message.get("body", b"") for message in told)


async def leave(
    app: Starlette,
    client: httpx.AsyncClient,
    query: str,
    *,
    once: Callable[[], Awaitable[None]],
    accept: str = "application/json",
) -> list[Any]:
    """Ask, go at some time, and return what was sent until the server noticed."""
    body = json.dumps({"query": query}).encode()
    head = {"authorization": client.headers["authorization"], "content-type": "application/json", "accept": accept}
    headers = [(name.encode(), value.encode()) for name, value in head.items()]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    leaves, messages, told = asyncio.Event(), [{"type": "http.request", "body": body}], []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    running = asyncio.create_task(app(scope, receive, send))
    await once()
    leaves.set()
    await running
    return told
