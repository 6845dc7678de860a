"""Answers in the shapes that Snowflake documents and its connectors parse; nothing here was asked of an account."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.sql.snowflake import SnowflakeSource, snowflake_source
from maestro.credentials import SnowflakeCredential
from maestro.vendors import Snowflake
from tests.fixtures.wire import Wire, wired

PASSWORD = "a-secret-that-nobody-sees"
SIGNED_IN = {
    "success": True,
    "code": None,
    "message": None,
    "data": {
        "token": "session",
        "masterToken": "master",
        "validityInSeconds": 3600,
        "masterValidityInSeconds": 14_400,
        "sessionId": 17,
        "displayUserName": "ADA",
        "serverVersion": "9.40.0",
        "firstLogin": False,
        "healthCheckInterval": 45,
        "parameters": [{"name": "AUTOCOMMIT", "value": True}],
        "sessionInfo": {"databaseName": "TESTS", "schemaName": "PUBLIC", "warehouseName": "WH", "roleName": "R"},
    },
}
TEXT = {"type": "text", "length": 16_777_216, "byteLength": None, "precision": None, "scale": None, "nullable": True}
NUMBER = {**TEXT, "type": "fixed", "length": None, "precision": 38, "scale": 0}
MOMENT = {**TEXT, "type": "timestamp_ltz", "length": None, "precision": 0, "scale": 9}


def refusal(number: int, message: str, state: str | None = "42000") -> dict[str, Any]:
    told = {"errorCode": f"{number:06d}", "sqlState": state, "queryId": "01b2-query"}
    return {"success": False, "code": f"{number:06d}", "message": message, "data": told}


def rows(*columns: tuple[str, dict[str, Any]], values: list[list[Any]]) -> dict[str, Any]:
    data = {
        "parameters": [{"name": "TIMEZONE", "value": "UTC"}],
        "rowtype": [{"name": name, "database": "", "schema": "", "table": "", **kind} for name, kind in columns],
        "rowset": values,
        "total": len(values),
        "returned": len(values),
        "queryId": "01b2-query",
        "statementTypeId": 4096,
        "queryResultFormat": "json",
    }
    return {"success": True, "code": None, "message": None, "data": data}


DONE = rows(("status", TEXT), values=[["Statement executed successfully."]])


@pytest.fixture
async def wire_and_port() -> AsyncIterator[tuple[Wire, int]]:
    wire = Wire()
    for path in ("/session", "/telemetry/send", "/queries/v1/abort-request"):
        wire.answer(f"POST {path}", {"success": True, "code": None, "message": None, "data": None})
    wire.answer("/session/v1/login-request", SIGNED_IN)
    async with wired(wire) as port:
        yield wire, port


@pytest.fixture
def wire(wire_and_port: tuple[Wire, int]) -> Wire:
    return wire_and_port[0]


@pytest.fixture
async def source(wire_and_port: tuple[Wire, int]) -> AsyncIterator[SnowflakeSource]:
    async with snowflake_source(config_of(wire_and_port[1]), SnowflakeCredential(password=SecretStr(PASSWORD))) as it:
        yield it


def config_of(port: int, **settings: Any) -> Snowflake:
    given = {"account": "maestro-tests", "user": "ADA", "warehouse": "WH", "database": "TESTS", **settings}
    return Snowflake(**given, host="127.0.0.1", port=port, protocol="http")


def statements(wire: Wire) -> list[str]:
    return [one.body["sqlText"] for one in wire.lines("/queries/v1/query-request")]
