"""The health of the database and its slow statements by GraphQL: for who runs the server, and nobody else."""

from asyncio import to_thread

import pytest

from maestro.db import statistics
from maestro.db.engine import Database
from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.fixtures.members import new_member

HEALTH = """{ databaseHealth {
  takenAt statisticsSince serverVersion sizeBytes hitRate indexHitRate
  findings { kind severity subject value unit message remedy sql }
  tables { name liveRows deadRows deadRatio modifiedRows totalBytes tableBytes toastBytes indexBytes bloatBytes
    transactionAge lastVacuumAt lastAnalyzeAt options }
  indexes { name table sizeBytes bloatBytes scans isUnique isValid }
} }"""
SLOW = """query ($first: Int! = 200, $orderBy: StatementOrder! = CALLS) {
  slowStatements(first: $first, orderBy: $orderBy) {
    since hidden statements { id text role calls totalMs meanMs maxMs share rows hitRate reads temporary } } }"""


async def test_the_health_is_told_with_tables_and_indexes(api: Api, database_url: str) -> None:
    assert await to_thread(statistics.prepare, database_url)
    health = (await api(HEALTH))["databaseHealth"]
    assert health["findings"] == []
    tables = {one["name"]: one for one in health["tables"]}
    assert tables["run"]["options"][0] == "fillfactor=85"
    assert health["tables"][0]["totalBytes"] >= health["tables"][-1]["totalBytes"]
    indexes = {one["name"]: one for one in health["indexes"]}
    assert (indexes["pk_run"]["table"], indexes["pk_run"]["isUnique"], indexes["pk_run"]["isValid"]) == (
        "run",
        True,
        True,
    )


async def test_a_finding_says_what_helps(api: Api, db: Database) -> None:
    await db.fetch_sql("CREATE TABLE t (a int)")
    await db.fetch_sql("CREATE INDEX one ON t (a)")
    await db.fetch_sql("CREATE INDEX two ON t (a)")
    found = (await api(HEALTH))["databaseHealth"]["findings"]
    assert [one for one in found if one["subject"] == "one"] == [
        {
            "kind": "DUPLICATE_INDEX",
            "severity": "WARNING",
            "subject": "one",
            "value": 8192.0,
            "unit": "bytes",
            "message": "The index one of t is the same as two.",
            "remedy": "Drop it: each write has to keep up both.",
            "sql": 'DROP INDEX CONCURRENTLY IF EXISTS "one"',
        }
    ]


async def test_slow_statements_are_told_without_values(api: Api, database_url: str) -> None:
    assert await to_thread(statistics.prepare, database_url)
    await api.runtime.db.fetch_sql("SELECT 'hunter2' AS secret")
    found = (await api(SLOW))["slowStatements"]
    assert "SELECT $1 AS secret" in [one["text"] for one in found["statements"]]
    assert "hunter2" not in str(found)
    assert found["hidden"] == 0
    assert len((await api(SLOW, first=1, orderBy="MAX_TIME"))["slowStatements"]["statements"]) == 1


async def test_too_many_statements_are_refused(api: Api) -> None:
    (error,) = await api.errors(SLOW, first=201)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "first")


@pytest.mark.parametrize("query", [HEALTH, SLOW])
async def test_the_owner_of_another_organization_is_refused(foreign: Api, query: str) -> None:
    (error,) = await foreign.errors(query)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["hint"] == "Switch to it, or ask whoever runs the server."


@pytest.mark.parametrize("query", [HEALTH, SLOW])
async def test_a_maintainer_is_refused(api: Api, query: str) -> None:
    (error,) = await (await new_member(api, Role.MAINTAINER)).errors(query)
    assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "maintenance:run")
