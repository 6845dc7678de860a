"""What BigQuery tells that local-bigquery does not: answers in its words, replayed to the real library.

The shapes are those of Google's API reference; nothing here was asked of a project.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr, ValidationError

from connectors.sql.bigquery import BigquerySource, bigquery_source
from connectors.sql.bigquery_clients import credentials_of
from connectors.sql.extras import Estimate
from connectors.sql.rows import dicts
from maestro.credentials import BigqueryCredential
from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, PayloadTooLarge, Transient
from maestro.vendor_errors import ConnectorFailed, NotSupported
from maestro.vendors import Bigquery
from tests.fixtures.wire import Asked, Wire, wired

JOBS = "POST /bigquery/v2/projects/p/jobs"


def config_of(**settings: Any) -> Bigquery:
    return Bigquery(project="p", **settings)


def job(asked: Asked, *, kind: str = "SELECT", undeclared: tuple[str, ...] = (), scanned: int = 0) -> dict[str, Any]:
    """The answer to a statement: that it is done, or what a dry run tells."""
    statistics = {
        "statementType": kind,
        "totalBytesProcessed": str(scanned),
        "undeclaredQueryParameters": [{"parameterType": {"type": one}} for one in undeclared],
    }
    return {
        "kind": "bigquery#job",
        "jobReference": asked.body.get("jobReference", {"projectId": "p", "location": "EU"}),
        "configuration": {**asked.body["configuration"], "jobType": "QUERY"},
        "status": {"state": "DONE"},
        "statistics": {"totalBytesProcessed": str(scanned), "query": statistics},
    }


def results(*names: str, rows: list[list[str]]) -> dict[str, Any]:
    return {
        "kind": "bigquery#getQueryResultsResponse",
        "jobComplete": True,
        "totalRows": str(len(rows)),
        "schema": {"fields": [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in names]},
        "rows": [{"f": [{"v": value} for value in row]} for row in rows],
        "jobReference": {"projectId": "p", "jobId": "x", "location": "EU"},
    }


def refusal(status: int, reason: str, message: str = "so it is") -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}


@pytest.fixture
async def wire_and_source() -> AsyncIterator[tuple[Wire, BigquerySource]]:
    wire = Wire()
    wire.answer(JOBS, job)
    wire.answer("GET /bigquery/v2/projects/p/queries/", results("u", rows=[["ada"]]))
    async with wired(wire) as port:
        given = {"dataset": "d", "location": "EU", "maximumGibibytesBilled": 3}
        async with bigquery_source(config_of(endpointUrl=f"http://127.0.0.1:{port}", **given)) as source:
            yield wire, source


@pytest.fixture
def wire(wire_and_source: tuple[Wire, BigquerySource]) -> Wire:
    return wire_and_source[0]


@pytest.fixture
def source(wire_and_source: tuple[Wire, BigquerySource]) -> BigquerySource:
    return wire_and_source[1]


@pytest.mark.parametrize(
    ("status", "reason", "wanted"),
    [
        (400, "invalidQuery", InvalidInput),
        (400, "invalid", InvalidInput),
        (404, "notFound", NotFound),
        (403, "accessDenied", Forbidden),
        (403, "billingNotEnabled", Forbidden),
        (400, "resourceInUse", Conflict),
        (400, "bytesBilledLimitExceeded", PayloadTooLarge),
        (403, "quotaExceeded", ConnectorFailed),
        (400, "resourcesExceeded", ConnectorFailed),
        (501, "notImplemented", NotSupported),
        (400, "jobBackendError", Transient),
        (400, "unheardOf", InvalidInput),
        (418, "unheardOf", ConnectorFailed),
    ],
)
async def test_what_bigquery_refuses_is_told_in_our_words_with_its_reason(
    wire: Wire, source: BigquerySource, *, status: int, reason: str, wanted: type[MaestroError]
) -> None:
    wire.answer(f'^(?!.*"dryRun": true){JOBS}', refusal(status, reason), status=status)
    with pytest.raises(wanted) as failed:
        await dicts(source, "SELECT 1")
    assert type(failed.value) is wanted
    assert failed.value.details["vendorCode"] == reason
    (asked,) = [one for one in wire.lines(JOBS) if not one.body["configuration"].get("dryRun")]
    assert failed.value.details["requestId"] == asked.body["jobReference"]["jobId"]


async def test_a_statement_that_is_not_understood_says_where(wire: Wire, source: BigquerySource) -> None:
    told = "Syntax error: Unexpected identifier FRUM at [2:6]"
    wire.answer(JOBS, refusal(400, "invalidQuery", told), status=400)
    statement = "SELECT 1\nAS v FRUM x"
    with pytest.raises(InvalidInput) as failed:
        await dicts(source, statement)
    assert failed.value.details["position"] == statement.index("FRUM") + 1


async def test_a_statement_is_capped_and_has_a_place_and_an_end(wire: Wire, source: BigquerySource) -> None:
    assert await dicts(source, "SELECT 1") == [{"u": "ada"}]
    dry, real = (one.body["configuration"] for one in wire.lines(JOBS))
    assert (dry["dryRun"], "dryRun" in real) == (True, False)
    assert real["query"]["maximumBytesBilled"] == "3221225472"
    assert real["query"]["defaultDataset"] == {"projectId": "p", "datasetId": "d"}
    assert real["jobTimeoutMs"] == "61000"
    assert [one.body["jobReference"]["location"] for one in wire.lines(JOBS)] == ["EU", "EU"]


async def test_parameters_get_the_types_that_bigquery_expects(wire: Wire, source: BigquerySource) -> None:
    kinds = ("INT64", "JSON", "TIMESTAMP", "DATE")
    wire.answer(JOBS, lambda asked: job(asked, undeclared=kinds))
    await dicts(source, "SELECT ?, ?, ?, ?", ["7", {"a": 1}, None, "2024-02-29"])
    dry, real = (one.body["configuration"]["query"] for one in wire.lines(JOBS))
    assert (dry["parameterMode"], dry.get("queryParameters", [])) == ("POSITIONAL", [])
    assert [one["parameterType"]["type"] for one in real["queryParameters"]] == list(kinds)
    values = [one["parameterValue"].get("value") for one in real["queryParameters"]]
    assert [values[0], json.loads(values[1]), *values[2:]] == ["7", {"a": 1}, None, "2024-02-29"]
    with pytest.raises(InvalidInput, match="takes 4 parameters, and 1 are given"):
        await dicts(source, "SELECT ?, ?, ?, ?", [1])


async def test_a_statement_that_is_prepared_is_looked_at_once(wire: Wire, source: BigquerySource) -> None:
    async with source.prepare("SELECT 1") as prepared:
        assert [list(await prepared.rows()) for _ in range(2)] == [[("ada",)], [("ada",)]]
    assert [one.body["configuration"].get("dryRun") for one in wire.lines(JOBS)] == [True, None, None]


@pytest.mark.parametrize(("kind", "wanted"), [("DELETE", Forbidden), ("SCRIPT", InvalidInput), ("CALL", Forbidden)])
async def test_what_is_no_select_never_runs_as_a_read(
    wire: Wire, source: BigquerySource, *, kind: str, wanted: type[MaestroError]
) -> None:
    wire.answer(JOBS, lambda asked: job(asked, kind=kind))
    with pytest.raises(wanted):
        await dicts(source, "whatever it is")
    assert [one.body["configuration"]["dryRun"] for one in wire.lines(JOBS)] == [True]


async def test_the_price_of_a_statement_is_told(wire: Wire, source: BigquerySource) -> None:
    wire.answer(JOBS, lambda asked: job(asked, scanned=5_000_000_000))
    assert await source.estimate("SELECT 1") == Estimate("SELECT", 5_000_000_000)


@pytest.mark.parametrize("settings", [{}, {"endpointUrl": "https://bigquery-x.p.googleapis.com"}])
async def test_nobody_asks_google_without_a_credential(settings: dict[str, Any]) -> None:
    with pytest.raises(Forbidden, match="no credential"):
        async with bigquery_source(Bigquery(project="p", dataset="d", **settings)):
            pass


def credential_of(**texts: Any) -> BigqueryCredential:
    return BigqueryCredential(**texts)


def credential(private_key: str, **more: str) -> BigqueryCredential:
    told = {"type": "service_account", "client_email": "a@p.iam.gserviceaccount.com", "private_key": private_key}
    return credential_of(serviceAccount=SecretStr(json.dumps({**told, **more})))


def test_a_key_is_signed_with_at_google_only() -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made = credentials_of(
        Bigquery(project="p", dataset="d"), credential(pem.decode(), token_uri="http://169.254.169.254/token")
    )
    assert made.service_account_email == "a@p.iam.gserviceaccount.com"
    assert made._token_uri == "https://oauth2.googleapis.com/token"


def test_a_key_that_cannot_be_read_is_refused_and_not_told() -> None:
    with pytest.raises(Forbidden) as failed:
        credentials_of(Bigquery(project="p", dataset="d"), credential("planted-secret"))
    assert "planted-secret" not in f"{failed.value} {failed.value.hint} {failed.value.details}"


@pytest.mark.parametrize("setting", ["endpointUrl", "storageEndpointUrl"])
def test_credentials_are_told_to_no_other_machine_in_the_clear(setting: str) -> None:
    with pytest.raises(ValidationError, match="http is for a server on this machine only"):
        config_of(**{"dataset": "d", setting: "http://bigquery.example.org"})
