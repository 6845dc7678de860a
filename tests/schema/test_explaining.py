"""What an operation would come to is told before it is run, and is what happens when it is."""

import hashlib
from typing import Any

import httpx
import pytest

from maestro.operation_settings import Audience
from maestro.settings import Settings
from tests.fixtures.graphql import Api

EXPLAIN = """
query Explain($document: String!, $variables: JSON, $operationName: String) {
  explainOperation(document: $document, variables: $variables, operationName: $operationName) {
    isAccepted
    kind
    sha256
    errors { message code hint line column }
    cost
    measures { name value limit }
    rootFields { key name cost }
    charges { bucket amount }
  }
}"""
RUNS = "query ($n: Int!) { a: runs(first: $n) { nodes { id } } ...F } fragment F on Query { projects { totalCount } }"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"max_depth": 5, "max_cost": 1_000, "introspection": Audience.NOBODY, "suggestions": Audience.NOBODY}
    )


async def explained(api: Api, document: str, **given: Any) -> Any:
    return (await api(EXPLAIN, document=document, **given))["explainOperation"]


async def test_a_good_operation_is_explained_whole(api: Api) -> None:
    assert await explained(api, RUNS, variables={"n": 50}) == {
        "isAccepted": True,
        "kind": "query",
        "sha256": hashlib.sha256(RUNS.encode()).hexdigest(),
        "errors": [],
        "cost": 1 + 51 + 51,
        "measures": [
            {"name": "depth", "value": 3, "limit": 5},
            {"name": "aliases", "value": 1, "limit": 200},
            {"name": "directives", "value": 0, "limit": 100},
            {"name": "rootFields", "value": 2, "limit": 50},
            {"name": "fields", "value": 5, "limit": 2_000},
            {"name": "cost", "value": 103, "limit": 1_000},
        ],
        "rootFields": [{"key": "a", "name": "runs", "cost": 51}, {"key": "projects", "name": "projects", "cost": 51}],
        "charges": [{"bucket": "requests", "amount": 1}, {"bucket": "cost", "amount": 103}],
    }


async def test_what_is_explained_is_what_is_charged(api: Api, client: httpx.AsyncClient) -> None:
    told = await explained(api, RUNS, variables={"n": 50})
    answer = await client.post("/graphql", json={"query": RUNS, "variables": {"n": 50}})
    assert answer.json()["extensions"]["cost"]["requested"] == told["cost"]


async def test_nothing_is_run(api: Api) -> None:
    told = await explained(api, 'mutation { createProject(input: {name: "x"}) { __typename } }')
    assert (told["isAccepted"], told["kind"]) == (True, "mutation")
    assert await api("{ projects { nodes { id } } }") == {"projects": {"nodes": []}}


async def test_logging_is_charged_to_its_own_bucket(api: Api) -> None:
    log = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { accepted } }"
    told = await explained(api, log, variables={"input": {"runId": "run_x", "writerId": "w", "seq": 1}})
    assert told["charges"] == [{"bucket": "ingest", "amount": 1}]


@pytest.mark.parametrize(
    ("document", "given", "code", "message"),
    [
        ("{ projects {", {}, "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
        ("{ projcts }", {}, "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'projcts' on type 'Query'."),
        (
            "{" + "a " * 5_000 + "}",
            {},
            "OPERATION_TOO_COMPLEX",
            "The document has 5,002 tokens, and 4,000 is the limit.",
        ),
        (
            "{ projects { nodes { runs { nodes { project { id } } } } } }",
            {},
            "OPERATION_TOO_COMPLEX",
            "Fields nest 6 deep in the operation, and 5 is the limit.",
        ),
        (
            RUNS,
            {"variables": {"n": 1_000}},
            "OPERATION_TOO_COMPLEX",
            "The operation costs 1,053 objects, and 1,000 is the limit.",
        ),
        (
            RUNS,
            {"variables": {"n": "x"}},
            "BAD_USER_INPUT",
            "Variable '$n' has invalid value: Int cannot represent non-integer value: 'x'",
        ),
        (
            RUNS,
            {},
            "BAD_USER_INPUT",
            "Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided.",
        ),
        ("{ __schema { description } }", {}, "FORBIDDEN", "The schema is not shown here."),
        ("query A { __typename }", {"operationName": "B"}, "BAD_REQUEST", "The document has no such operation."),
        ("fragment F on Query { __typename }", {}, "BAD_REQUEST", "The document has no such operation."),
        (
            "query A { __typename } query B { __typename }",
            {},
            "GRAPHQL_VALIDATION_FAILED",
            "The document has several operations, and operationName does not say which one to run.",
        ),
    ],
)
async def test_what_would_be_refused_is_told_with_the_reason(  # noqa: PLR0917 -- a table
    api: Api, document: str, given: dict[str, Any], code: str, message: str
) -> None:
    told = await explained(api, document, **given)
    assert [(error["code"], error["message"]) for error in told["errors"]] == [(code, message)]
    assert (told["isAccepted"], told["charges"]) == (False, [])


async def test_the_place_of_an_error_is_told(api: Api) -> None:
    (error,) = (await explained(api, "{\n  nothing }"))["errors"]
    assert (error["line"], error["column"]) == (2, 3)


async def test_one_of_several_operations_is_explained(api: Api) -> None:
    document = "query A { __typename } mutation B { __typename }"
    assert (await explained(api, document, operationName="B"))["kind"] == "mutation"


async def test_variables_are_an_object(api: Api) -> None:
    (error,) = await api.errors(EXPLAIN, document=RUNS, variables=[1])
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "variables")


async def test_one_operation_explains_one_other(api: Api) -> None:
    one = 'explainOperation(document: "{ __typename }") { isAccepted }'
    errors = await api.errors(f"{{ a: {one} b: {one} }}")
    assert {error["message"] for error in errors} == {"One operation explains one other."}
