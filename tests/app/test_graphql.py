"""The endpoint over HTTP: what goes wrong is told in GraphQL's form, and never more than a client may know."""

import asyncio
import logging
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.fixtures.graphql import Api

CREATE = 'mutation { createProject(input: {name: "x"}) { __typename } }'
PROJECTS = "{ projects { nodes { id } } }"
SEVERAL = "The document has several operations, and operationName does not say which one to run."


async def post(client: httpx.AsyncClient, body: bytes | str, media_type: str = "application/json") -> httpx.Response:
    return await client.post("/graphql", content=body, headers={"content-type": media_type})


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """The status, code and message of an answer that has one error and no data."""
    assert answer.headers["content-type"] == "application/json"
    content: dict[str, Any] = answer.json()
    assert content.keys() == {"errors"}
    [error] = content["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


async def test_an_operation_is_answered_with_its_data_alone(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": PROJECTS})
    assert (answer.status_code, answer.json()["data"]) == (200, {"projects": {"nodes": []}})


async def test_a_query_may_come_by_get(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", params={"query": PROJECTS, "variables": "{}"})
    assert (answer.status_code, answer.json()["data"]) == (200, {"projects": {"nodes": []}})


async def test_an_operation_is_chosen_by_its_name(client: httpx.AsyncClient) -> None:
    body = {"query": "query A { a: __typename } query B { b: __typename }", "operationName": "B"}
    assert (await client.post("/graphql", json=body)).json()["data"] == {"b": "Query"}


async def test_several_operations_without_a_name_are_refused_and_change_nothing(
    client: httpx.AsyncClient, api: Api
) -> None:
    query = f"{CREATE.replace('mutation', 'mutation A')} query B {{ __typename }}"
    answer = await client.post("/graphql", json={"query": query})
    assert refusal(answer) == (200, "GRAPHQL_VALIDATION_FAILED", SEVERAL)
    assert [place["column"] for place in answer.json()["errors"][0]["locations"]] == [1, query.index("query") + 1]
    assert await api(PROJECTS) == {"projects": {"nodes": []}}


async def test_a_name_that_no_operation_has_is_a_validation_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ __typename }", "operationName": "Other"})
    assert refusal(answer) == (200, "GRAPHQL_VALIDATION_FAILED", 'Unknown operation named "Other".')


async def test_several_operations_without_a_name_are_refused_every_time(client: httpx.AsyncClient) -> None:
    body = {"query": "query A { a: __typename } query B { b: __typename }"}
    answers = [
        await client.post("/graphql", json=body | name)
        for name in ({}, {"operationName": "A"}, {"operationName": None})
    ]
    assert answers[1].json()["data"] == {"a": "Query"}
    assert [refusal(answer)[2] for answer in (answers[0], answers[2])] == [SEVERAL, SEVERAL]


async def test_a_document_that_cannot_be_parsed_says_where(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ projects {"})
    assert refusal(answer) == (200, "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>.")
    assert answer.json()["errors"][0]["locations"] == [{"line": 1, "column": 13}]


async def test_a_field_that_does_not_exist_is_a_validation_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ nothing }"})
    assert refusal(answer) == (200, "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing' on type 'Query'.")


@pytest.mark.parametrize(
    "query",
    ["{ projects(first: $n) { nodes { id } } }", "query ($n: String) { projects(first: $n) { nodes { id } } }"],
)
async def test_a_variable_that_the_document_uses_wrongly_is_a_validation_error(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.post("/graphql", json={"query": query, "variables": {"n": 1}})
    assert refusal(answer)[:2] == (200, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("variables", [{"n": "x"}, {"n": 2**31}, {"n": 10**30}, {"n": 1.5}, {"n": None}, {}])
async def test_a_value_that_does_not_fit_its_variable_is_bad_input(
    client: httpx.AsyncClient, variables: dict[str, object]
) -> None:
    query = "query ($n: Int!) { projects(first: $n) { nodes { id } } }"
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert refusal(answer)[:2] == (200, "BAD_USER_INPUT")


async def test_a_number_of_ten_thousand_digits_in_the_document_is_an_error_like_any_other(
    client: httpx.AsyncClient,
) -> None:
    query = f"{{ projects(first: {'9' * 10_000}) {{ nodes {{ id }} }} }}"
    answer = await client.post("/graphql", json={"query": query})
    assert refusal(answer)[:2] == (200, "GRAPHQL_VALIDATION_FAILED")


async def test_a_number_of_ten_thousand_digits_in_the_variables_is_an_error_like_any_other(
    client: httpx.AsyncClient,
) -> None:
    body = '{"query": "query ($n: Int) { projects(first: $n) { nodes { id } } }", "variables": {"n": %s}}'
    answer = await post(client, body % ("9" * 10_000))
    assert answer.status_code in {200, 400}
    assert refusal(answer)[1] in {"BAD_USER_INPUT", "BAD_REQUEST"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": NaN}',
        b'{"query": "{ __typename }", "variables": {"x": Infinity}}',
        b"",
        b"{",
        b'{"query": "{ __typename }"} trailing',
        b'{"query": "\xff"}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    status, code, message = refusal(await post(client, body))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("The body is not JSON at line 1, column ")


@pytest.mark.parametrize("body", ["null", "1", "1e400", '"{ __typename }"', "true"])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, body: str) -> None:
    status, code, _ = refusal(await post(client, body))
    assert (status, code) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("body", ["[]", '[{"query": "{ __typename }"}]', "[1]"])
async def test_batches_are_refused(client: httpx.AsyncClient, body: str) -> None:
    assert refusal(await post(client, body)) == (400, "BAD_REQUEST", "Batching is not enabled.")


@pytest.mark.parametrize("body", ["{}", '{"query": null}', '{"query": ""}', '{"variables": {}}'])
async def test_a_body_without_a_query_is_refused(client: httpx.AsyncClient, body: str) -> None:
    assert refusal(await post(client, body)) == (400, "BAD_REQUEST", "No GraphQL query found in the request.")


@pytest.mark.parametrize(
    "body",
    [
        '{"query": 1}',
        '{"query": "{ __typename }", "variables": [1]}',
        '{"query": "{ __typename }", "variables": "x"}',
        '{"query": "{ __typename }", "extensions": 1}',
        '{"query": "{ __typename }", "operationName": 1}',
        '{"query": "{ __typename }", "operationName": {}}',
        '{"query": "{ __typename }", "operationName": []}',
    ],
)
async def test_a_member_of_another_type_is_refused(client: httpx.AsyncClient, body: str) -> None:
    status, code, _ = refusal(await post(client, body))
    assert (status, code) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "xapplication/jsonx"],
)
async def test_only_json_is_read_so_that_no_foreign_form_can_be_sent(
    client: httpx.AsyncClient, api: Api, media_type: str
) -> None:
    answer = await post(client, f'{{"query": {CREATE!r}}}'.replace("'", '"'), media_type)
    assert refusal(answer) == (415, "BAD_REQUEST", "The body must be application/json.")
    assert await api("{ projects { nodes { id } } }") == {"projects": {"nodes": []}}


async def test_json_may_name_its_charset(client: httpx.AsyncClient) -> None:
    answer = await post(client, '{"query": "{ __typename }"}', "application/json; charset=utf-8")
    assert answer.json()["data"] == {"__typename": "Query"}


async def test_a_mutation_by_get_is_refused_and_changes_nothing(client: httpx.AsyncClient, api: Api) -> None:
    answer = await client.get("/graphql", params={"query": CREATE})
    assert refusal(answer) == (405, "BAD_REQUEST", "A mutation cannot be sent by GET.")
    assert answer.headers["allow"] == "POST"
    assert await api("{ projects { nodes { id } } }") == {"projects": {"nodes": []}}


@pytest.mark.parametrize("accept", ["*/*", "text/html, */*;q=0.1", "application/json"])
async def test_a_get_without_a_query_is_refused_whoever_asks(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/graphql", headers={"accept": accept})
    assert refusal(answer) == (400, "BAD_REQUEST", "No GraphQL query found in the request.")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {*answer.headers["allow"].split(", ")}


async def test_an_error_that_we_explain_comes_with_its_code_and_field(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ projects(first: -1) { nodes { id } } }"})
    [error] = answer.json()["errors"]
    assert error["path"] == ["projects"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == "first"


async def test_an_unexpected_error_is_masked_and_logged_under_its_trace_id(
    db: Database, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("ALTER TABLE project RENAME TO secret_name_of_a_table")
    with caplog.at_level(logging.ERROR, logger="app"):
        answer = await client.post("/graphql", json={"query": PROJECTS})
    [error] = answer.json()["errors"]
    assert error["message"] == "Something went wrong on the server."
    assert error["path"] == ["projects"]
    assert error["extensions"].keys() == {"code", "traceId"}
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert re.fullmatch("[0-9a-f]{32}", error["extensions"]["traceId"])
    assert "project\\" not in answer.text
    [record] = [record for record in caplog.records if record.name.startswith("app.")]
    assert record.getMessage() == f"Unexpected error, trace id {error['extensions']['traceId']}"
    assert record.exc_info is not None
    assert 'relation "project" does not exist' in str(record.exc_info[1])


class TestWithAShortLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"operation_timeout": timedelta(seconds=0.3)})

    async def test_an_operation_that_takes_too_long_is_cancelled_with_its_sql(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        # By the owner's connection: others do not see who waits.
        async with db.transaction() as tx:
            await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
            answer = await client.post("/graphql", json={"query": PROJECTS})
            assert refusal(answer) == (504, "SERVICE_UNAVAILABLE", "The operation took longer than 0.3 s.")
            assert await ends(waiting, tx)
        answer = await client.post("/graphql", json={"query": PROJECTS})
        assert answer.json()["data"] == {"projects": {"nodes": []}}

    async def test_a_mutation_that_takes_too_long_leaves_nothing_behind(
        self, runtime: Runtime, client: httpx.AsyncClient, api: Api
    ) -> None:
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
            assert refusal(await client.post("/graphql", json={"query": CREATE}))[0] == 504
        assert await api("{ projects { nodes { id } } }") == {"projects": {"nodes": []}}


async def waiting(tx: Any) -> int:
    """How many statements wait for a lock."""
    rows = await tx.fetch_sql(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    found: int = rows[0].n
    return found


async def ends(count: Any, tx: Any) -> bool:
    """Whether a count falls to nothing within a second."""
    for _ in range(50):
        if await count(tx) == 0:
            return True
        await asyncio.sleep(0.02)
    return False
