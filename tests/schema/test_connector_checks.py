"""Tests of connectors by GraphQL, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.catalogue import OPENERS, opened
from maestro.credentials import S3Credential
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from maestro.vendors import S3
from tests.fixtures.connected import PASSWORD, SET_SECRET, Warehouse, warehouse_connector
from tests.fixtures.emulators import S3_KEY, S3_SECRET, free_port
from tests.fixtures.faults import Refuser, listening
from tests.fixtures.graphql import Api, viewer_as, with_settings
from tests.fixtures.silent import Silent, silent
from tests.schema.connector_texts import CHECKS, OBJECTS, TEST, connector, folder_connector

STEPS = ("resolve", "connect", "authenticate", "list", "read", "write")


@pytest.fixture
def settings(tmp_path: Path, changed: dict[str, Any]) -> Settings:
    """Settings that let connectors lead below the folder of the test, and to this machine."""
    return Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path,),
        connector_failures=2,
        connector_denied_networks="169.254.0.0/16,127.0.0.2/32",  # type: ignore[arg-type] # as pydantic reads them
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    ).model_copy(update=changed)


@pytest.fixture
async def made(api: Api, tmp_path: Path) -> str:
    """A connector to a folder with a file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("hello")
    return await folder_connector(api, tmp_path / "files")


@pytest.fixture
async def nobody() -> AsyncIterator[Silent]:
    async with silent() as server:
        yield server


async def examined(api: Api, made: str, **more: Any) -> Any:
    return (await api(TEST, id=made, **more))["testConnector"]


def outcomes(check: Any) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in check["steps"]}


def failure(check: Any) -> Any:
    (failed,) = [one for one in check["steps"] if one["outcome"] == "FAILED"]
    return failed


async def test_a_good_connector_is_healthy_and_written_to_only_when_asked(api: Api, made: str, tmp_path: Path) -> None:
    check = await examined(api, made)
    ok = dict.fromkeys(STEPS, "OK") | {"connect": "SKIPPED"}
    assert (check["status"], check["trigger"], outcomes(check)) == ("HEALTHY", "MANUAL", ok | {"write": "SKIPPED"})
    assert check["connector"]["status"] == "HEALTHY"
    assert check["connector"]["lastTest"]["status"] == "HEALTHY"
    assert outcomes(await examined(api, made, writes=True)) == ok
    assert [one.name for one in (tmp_path / "files").rglob("*") if one.is_file()] == ["a.txt"]


async def test_a_database_is_tested_to_the_write(api: Api, warehouse: Warehouse) -> None:
    made = await warehouse_connector(api, warehouse)
    check = await examined(api, made, writes=True)
    assert (check["status"], outcomes(check)) == ("HEALTHY", dict.fromkeys(STEPS, "OK"))
    told = {one["name"]: one["message"] for one in check["steps"]}
    assert told["resolve"] == "127.0.0.1 is an address; no name to look up."
    assert told["authenticate"].startswith("reader_by_connector, PostgreSQL 1")
    connection = await warehouse.connected()
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE 'maestro_probe%'") == 0
    finally:
        await connection.close()


async def test_a_bucket_is_tested_to_the_write(api: Api, s3_endpoint: str) -> None:
    config = {"bucket": f"b-{uuid4().hex}", "endpointUrl": s3_endpoint, "region": "eu-central-1"}
    key = {"accessKeyId": S3_KEY, "secretAccessKey": S3_SECRET}
    made = await connector(api, {"s3": config})
    await api(SET_SECRET, id=made, secret={"s3": key})
    missing = await examined(api, made)
    assert (missing["status"], failure(missing)["name"], failure(missing)["code"]) == (
        *("FAILING", "authenticate"),
        "NOT_FOUND",
    )
    async with opened("S3", S3.model_validate(config), S3Credential.model_validate(key)) as store:
        await store.create_container()
    good = await examined(api, made, writes=True)
    assert (good["status"], outcomes(good)) == ("HEALTHY", dict.fromkeys(STEPS, "OK") | {"read": "SKIPPED"})


@pytest.mark.parametrize(
    ("code", "status", "step"),
    [("SignatureDoesNotMatch", "FAILING", "authenticate"), ("AccessDenied", "DEGRADED", "list")],
)
async def test_a_store_that_does_not_know_us_is_told_from_one_that_lets_us_list_nothing(
    api: Api, code: str, *, status: str, step: str
) -> None:
    # The emulator of S3 takes every secret: this server answers as Amazon's does.
    server = Refuser()
    server.answer = 403, code
    async with listening(server) as address:
        made = await connector(api, {"s3": {"bucket": "b", "endpointUrl": address, "region": "eu-central-1"}})
        key = {"accessKeyId": S3_KEY, "secretAccessKey": "wrong-and-secret"}
        await api(SET_SECRET, id=made, secret={"s3": key})
        bad = await examined(api, made)
    assert (bad["status"], failure(bad)["name"], failure(bad)["code"]) == (status, step, "FORBIDDEN")
    assert "wrong-and-secret" not in str(bad)


async def test_a_wrong_password_fails_at_authenticate_and_is_not_told(api: Api, warehouse: Warehouse) -> None:
    made = await warehouse_connector(api, warehouse, password="hush-and-wrong")
    check = await examined(api, made)
    assert (check["status"], failure(check)["name"], failure(check)["code"]) == ("FAILING", "authenticate", "FORBIDDEN")
    assert outcomes(check) == {
        **dict.fromkeys(("resolve", "connect"), "OK"),
        "authenticate": "FAILED",
        **dict.fromkeys(("list", "read", "write"), "SKIPPED"),
    }
    assert "hush-and-wrong" not in str(await api(CHECKS, id=made)) + str(check)


async def test_nobody_listening_fails_at_connect(api: Api, warehouse: Warehouse) -> None:
    made = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "port": free_port()}})
    check = await examined(api, made)
    assert (check["status"], failure(check)["name"], failure(check)["code"]) == (
        *("FAILING", "connect"),
        "TRANSIENT_FAILURE",
    )
    assert "firewall" in failure(check)["hint"]


async def test_a_name_that_nobody_has_fails_at_resolve(api: Api, warehouse: Warehouse) -> None:
    made = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "host": "nowhere.invalid"}})
    check = await examined(api, made)
    assert (failure(check)["name"], outcomes(check)["connect"]) == ("resolve", "SKIPPED")


@with_settings(test_timeout=timedelta(seconds=2))
async def test_a_server_that_says_nothing_fails_in_time(api: Api, warehouse: Warehouse, nobody: Silent) -> None:
    made = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "port": nobody.port}})
    check = await examined(api, made)
    assert (check["status"], failure(check)["name"]) == ("FAILING", "authenticate")
    assert failure(check)["code"] in ("TIMED_OUT", "TRANSIENT_FAILURE")


@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"])
async def test_no_connector_leads_to_a_network_that_is_denied(api: Api, warehouse: Warehouse, host: str) -> None:
    made = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "host": host}})
    check = await examined(api, made)
    assert (failure(check)["name"], failure(check)["code"]) == ("resolve", "DESTINATION_REFUSED")
    (error,) = await api.errors("query ($id: ID!) { connector(id: $id) { schemas } }", id=made)
    assert error["extensions"]["code"] == "DESTINATION_REFUSED"


@with_settings(test_timeout=timedelta(seconds=2))
async def test_what_is_changed_while_it_is_tested_is_not_said_to_be_tested(
    api: Api, warehouse: Warehouse, nobody: Silent
) -> None:
    made = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "port": nobody.port}})
    testing = asyncio.create_task(examined(api, made))
    await nobody.until(1)
    await api(
        "mutation ($id: ID!, $config: ConnectorConfigInput!) "
        "{ updateConnector(id: $id, input: {config: $config}) { __typename } }",
        id=made,
        config=warehouse.config,
    )
    check = await testing
    assert check["status"] == "FAILING"
    assert check["connector"] == {"status": "UNTESTED", "lastTest": None}


async def test_the_tests_are_kept_newest_first(api: Api, made: str) -> None:
    for _ in range(3):
        await examined(api, made)
    found = (await api(CHECKS, id=made, first=2))["connector"]
    assert api.statements == 2
    assert [one["status"] for one in found["checks"]["nodes"]] == ["HEALTHY"] * 2
    assert found["checks"]["nodes"][0]["id"] > found["checks"]["nodes"][1]["id"]
    assert found["checks"]["pageInfo"]["hasNextPage"] is True
    assert [one["name"] for one in found["checks"]["nodes"][0]["steps"]] == list(STEPS)


async def test_a_test_changes_no_version_and_is_audited(api: Api, made: str) -> None:
    query = "query ($id: ID!) { connector(id: $id) { version updatedAt } }"
    before = await api(query, id=made)
    await examined(api, made)
    assert await api(query, id=made) == before
    (entry,) = await api.runtime.db.fetch_sql(
        "SELECT target_id, is_allowed, after FROM audit_entry WHERE operation = 'testConnector'"
    )
    assert (entry.target_id, entry.is_allowed) == (uuid_of(Kind.Connector, made), True)
    assert entry.after == {"tested": True, "writes": False}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR])
async def test_testing_takes_its_permission(api: Api, made: str, role: Role) -> None:
    before = await api.state()
    viewer = Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id))
    (error,) = await viewer.errors(TEST, id=made)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_stranger_tests_nothing(api: Api, foreign: Api, made: str) -> None:
    before = await api.state()
    (error,) = await foreign.errors(TEST, id=made)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_a_kind_that_nobody_opens_is_not_supported(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await connector(api, {"mongodb": {"host": "db", "database": "d"}})
    monkeypatch.delitem(OPENERS, "MONGODB", raising=False)
    before = await api.state()
    for text in (TEST, "query ($id: ID!) { connector(id: $id) { collections { name } } }"):
        (error,) = await api.errors(text, id=made)
        assert error["extensions"]["code"] == "NOT_SUPPORTED"
    assert await api.state() == before


async def test_what_fails_again_and_again_is_left_alone_until_a_test_passes(api: Api, warehouse: Warehouse) -> None:
    asked = "query ($id: ID!) { connector(id: $id) { schemas } }"
    wrong = {"postgresql": {**warehouse.config["postgresql"], "port": free_port()}}
    made = await connector(api, wrong)
    codes = [(await api.errors(asked, id=made))[0]["extensions"]["code"] for _ in range(3)]
    assert codes == ["TRANSIENT_FAILURE", "TRANSIENT_FAILURE", "CIRCUIT_OPEN"]
    (error,) = await api.errors(asked, id=made)
    assert 0 < error["extensions"]["retryAfterSeconds"] <= 30
    check = await examined(api, made)
    assert failure(check)["name"] == "connect"
    # Other settings are another matter.
    await api(
        "mutation ($id: ID!, $config: ConnectorConfigInput!) "
        "{ updateConnector(id: $id, input: {config: $config}) { __typename } }",
        id=made,
        config=warehouse.config,
    )
    await api(SET_SECRET, id=made, secret={"postgresql": {"password": PASSWORD}})
    assert "shop" in (await api(asked, id=made))["connector"]["schemas"]


async def test_looking_into_a_healthy_connector_needs_no_test(api: Api, made: str) -> None:
    assert (await api(OBJECTS, id=made))["connector"]["objects"]["nodes"][0]["key"] == "a.txt"
    assert (await api(CHECKS, id=made))["connector"]["status"] == "UNTESTED"
