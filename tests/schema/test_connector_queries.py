"""Statements that connectors' databases run, by GraphQL, against a real server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from maestro.access import Limits, Permission, Viewer
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from ops.connectors import records
from tests.fixtures.connected import Warehouse, warehouse_connector
from tests.fixtures.graphql import Api, viewer_as, with_settings
from tests.schema.connector_texts import CANCEL, RUN

HISTORY = """
query ($id: ID!) {
  connector(id: $id) {
    queries {
      nodes { id statement state isWriting rowCount sizeBytes isTruncated errorCode errorMessage
        startedBy { name } cancelledBy { name } endedAt }
    }
  }
}
"""
VALUES = """
SELECT 9007199254740993 AS big, 7::int AS small, 0.1::numeric(5, 3) AS exact, 'NaN'::float8 AS nothing, true AS yes,
    '\\x00ff'::bytea AS bytes, timestamptz '2026-01-31 12:00:00.5Z' AS at, date '2026-01-31' AS day,
    NULL::text AS absent,
    '{"a": 1}'::jsonb AS doc, ARRAY[1, 2] AS list
"""
PATIENCE_S = 5.0


@pytest.fixture
async def made(api: Api, warehouse: Warehouse) -> str:
    """A connector to the database."""
    return await warehouse_connector(api, warehouse)


async def run(api: Api, made: str, statement: str, **more: Any) -> Any:
    return (await api(RUN, input={"connectorId": made, "statement": statement, **more}))["runQuery"]


async def refused(api: Api, made: str, statement: str, **more: Any) -> Any:
    (error,) = await api.errors(RUN, input={"connectorId": made, "statement": statement, **more})
    return error["extensions"]


async def history(api: Api, made: str) -> Any:
    return (await api(HISTORY, id=made))["connector"]["queries"]["nodes"]


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await look():  # noqa: ASYNC110 -- the database tells nobody
            await asyncio.sleep(0.05)


async def test_values_are_answered_without_loss(api: Api, made: str) -> None:
    answer = await run(api, made, VALUES)
    (row,) = answer["rows"]
    assert row == [
        *("9007199254740993", 7, "0.100", None, True, "AP8=", "2026-01-31T12:00:00.500000+00:00", "2026-01-31", None),
        *({"a": 1}, [1, 2]),
    ]
    assert [one["type"] for one in answer["columns"]][:6] == [
        *("INTEGER", "INTEGER", "DECIMAL", "FLOAT", "BOOLEAN", "BINARY")
    ]
    assert (answer["rowCount"], answer["isTruncated"]) == (1, False)
    assert answer["sizeBytes"] > 50
    assert answer["elapsedMs"] > 0


async def test_parameters_never_become_part_of_the_statement_and_are_not_kept(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT $1::text AS x", parameters=["'; DROP TABLE a; --"])
    assert answer["rows"] == [["'; DROP TABLE a; --"]]
    (kept,) = await history(api, made)
    assert kept["statement"] == "SELECT $1::text AS x"
    assert "DROP" not in str(kept)
    entries = await api.runtime.db.fetch_sql("SELECT after::text AS told FROM audit_entry WHERE operation = 'runQuery'")
    assert [("SELECT $1" in entry.told, "DROP" in entry.told) for entry in entries] == [(True, False)]


async def test_no_more_rows_are_answered_than_are_asked_for(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT n FROM generate_series(1, 100) n", maxRows=3)
    assert (answer["rows"], answer["rowCount"], answer["isTruncated"]) == ([[1], [2], [3]], 3, True)
    exact = await run(api, made, "SELECT n FROM generate_series(1, 3) n", maxRows=3)
    assert (exact["rowCount"], exact["isTruncated"]) == (3, False)


@with_settings(query_bytes=2000)
async def test_no_more_bytes_are_answered_than_a_setting_allows(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT repeat('x', 500) FROM generate_series(1, 100)")
    assert (answer["rowCount"], answer["isTruncated"]) == (3, True)
    assert answer["sizeBytes"] <= 2000


async def test_a_query_changes_nothing_unless_it_may(api: Api, made: str, warehouse: Warehouse) -> None:
    name = f"t_{uuid4().hex}"
    assert (await refused(api, made, f"CREATE TABLE {name} (a int)"))["code"] == "FORBIDDEN"
    connection = await warehouse.connected()
    try:
        assert await connection.fetchval("SELECT to_regclass($1)", name) is None
        await run(api, made, f"CREATE TABLE {name} (a int)", allowWrites=True)
        answer = await run(api, made, f"INSERT INTO {name} VALUES (1), (2)", allowWrites=True)
        assert (answer["rowCount"], answer["rows"], answer["columns"]) == (2, [], [])
        assert await connection.fetchval(f"SELECT count(*) FROM {name}") == 2
        await connection.execute(f"DROP TABLE {name}")
    finally:
        await connection.close()
    assert [one["isWriting"] for one in await history(api, made)] == [True, True, False]


async def test_writing_takes_the_permission_to_manage_connectors_too(api: Api, made: str) -> None:
    reader = Api(api.runtime, reading(api.viewer.actor_id, api))
    assert (await run(reader, made, "SELECT 1"))["rows"] == [[1]]
    before = await api.state()
    extensions = await refused(reader, made, "SELECT 1", allowWrites=True)
    assert (extensions["code"], extensions["permission"]) == ("FORBIDDEN", "connector:manage")
    assert await api.state() == before


def reading(actor: UUID, api: Api) -> Viewer:
    """Somebody who may query connectors and not manage them."""
    limits = Limits(scopes=frozenset({Permission.CONNECTOR_READ, Permission.CONNECTOR_QUERY}))
    return viewer_as(Role.MAINTAINER, actor, api.viewer.organization_id, limits=limits)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"statement": " "}, "input.statement"),
        ({"statement": "x" * 100_001}, "input.statement"),
        ({"maxRows": 0}, "input.maxRows"),
        ({"maxRows": 100_001}, "input.maxRows"),
        ({"timeoutSeconds": 0}, "input.timeoutSeconds"),
        ({"timeoutSeconds": 601}, "input.timeoutSeconds"),
        ({"cancelKey": "x" * 201}, "input.cancelKey"),
        ({"parameters": [1] * 1001}, "input.parameters"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_no_trace(
    api: Api, made: str, *, given: dict[str, Any], field: str
) -> None:
    before = await api.state()
    extensions = await refused(api, made, **{"statement": "SELECT 1", **given})
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


async def test_an_error_of_the_database_is_told_and_kept(api: Api, made: str) -> None:
    extensions = await refused(api, made, "SELEC 1")
    assert (extensions["code"], extensions["vendorCode"]) == ("BAD_USER_INPUT", "42601")
    (kept,) = await history(api, made)
    assert (kept["state"], kept["errorCode"]) == ("FAILED", "BAD_USER_INPUT")
    assert kept["endedAt"] is not None


async def test_a_wrong_password_is_forbidden_and_told_nowhere(api: Api, warehouse: Warehouse) -> None:
    made = await warehouse_connector(api, warehouse, "Wrong", password="not-the-password")
    assert (await refused(api, made, "SELECT 1"))["code"] == "FORBIDDEN"
    assert "not-the-password" not in str(await history(api, made))


async def test_a_statement_that_takes_too_long_is_stopped_by_the_database(
    api: Api, made: str, warehouse: Warehouse
) -> None:
    extensions = await refused(api, made, "SELECT pg_sleep(60)", timeoutSeconds=1)
    assert extensions["code"] == "TIMED_OUT"
    assert [one for one in await warehouse.running() if "pg_sleep(60)" in one] == []
    assert [one["errorCode"] for one in await history(api, made)] == ["TIMED_OUT"]


@pytest.mark.parametrize("by", ["id", "key"])
async def test_another_request_stops_a_query_within_seconds(
    api: Api, made: str, warehouse: Warehouse, *, by: str
) -> None:
    mark = f"SELECT pg_sleep(61), '{uuid4().hex}'"
    running = asyncio.create_task(api.run(RUN, input={"connectorId": made, "statement": mark, "cancelKey": "mine"}))
    await until(lambda: _runs(warehouse, mark))
    (query,) = await history(api, made)
    began = asyncio.get_running_loop().time()
    asked = {"id": query["id"]} if by == "id" else {"key": "mine"}
    (stopped,) = (await api(CANCEL, **asked))["cancelQuery"]
    _, (error,) = await running
    assert (stopped["id"], stopped["state"]) == (query["id"], "CANCELLING")
    assert error["extensions"]["code"] == "CANCELLED"
    await until(lambda: _is_stopped(warehouse, mark))
    assert asyncio.get_running_loop().time() - began < PATIENCE_S
    await until(lambda: _has_state(api, made, "CANCELLED"))
    (kept,) = await history(api, made)
    assert kept["cancelledBy"] == {"name": "Owner"}


async def test_a_query_is_stopped_when_its_client_goes_away(api: Api, made: str, warehouse: Warehouse) -> None:
    mark = f"SELECT pg_sleep(62), '{uuid4().hex}'"
    running = asyncio.create_task(api.run(RUN, input={"connectorId": made, "statement": mark}))
    await until(lambda: _runs(warehouse, mark))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: _is_stopped(warehouse, mark))
    await until(lambda: _has_state(api, made, "CANCELLED"))


async def test_a_query_that_has_ended_is_not_stopped_any_more(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT 1", cancelKey="mine")
    assert [one["state"] for one in (await api(CANCEL, id=answer["id"]))["cancelQuery"]] == ["SUCCEEDED"]
    (error,) = await api.errors(CANCEL, key="mine")
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_stopping_takes_an_id_or_a_key_and_not_both(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT 1")
    for asked in ({}, {"id": answer["id"], "key": "mine"}):
        (error,) = await api.errors(CANCEL, **asked)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_somebody_elses_query_is_stopped_by_who_manages_connectors_alone(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT 1", cancelKey="mine")
    other = Api(api.runtime, viewer_as(Role.MAINTAINER, uuid4(), api.viewer.organization_id))
    assert len((await other(CANCEL, id=answer["id"]))["cancelQuery"]) == 1
    narrowed = Api(api.runtime, reading(uuid4(), api))
    (error,) = await narrowed.errors(CANCEL, id=answer["id"])
    assert error["extensions"]["code"] == "FORBIDDEN"
    (error,) = await narrowed.errors(CANCEL, key="mine")
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_strangers_run_and_stop_nothing(api: Api, foreign: Api, made: str) -> None:
    answer = await run(api, made, "SELECT 1")
    before = await api.state()
    assert (await refused(foreign, made, "SELECT 1"))["code"] == "NOT_FOUND"
    (error,) = await foreign.errors(CANCEL, id=answer["id"])
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_queries_of_processes_that_are_gone_are_ended(api: Api, made: str) -> None:
    answer = await run(api, made, "SELECT 1")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector_query SET ended_at = NULL, state = 'RUNNING'")
    patience = api.runtime.settings.query_timeout
    assert await records.abandon(api.runtime.db, patience) == 0
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector_query SET started_at = now() - interval '1 hour'")
    assert await records.abandon(api.runtime.db, patience) == 1
    (kept,) = await history(api, made)
    assert (kept["id"], kept["state"], kept["errorCode"]) == (answer["id"], "FAILED", "ERRAND_LOST")


async def test_the_history_costs_one_statement(api: Api, made: str) -> None:
    for number in range(3):
        await run(api, made, f"SELECT {number}")
    nodes = (await api("{ connectors { nodes { queries { nodes { statement } } } } }"))["connectors"]["nodes"]
    assert [one["statement"] for one in nodes[0]["queries"]["nodes"]] == ["SELECT 2", "SELECT 1", "SELECT 0"]
    assert api.statements == 2


async def _runs(warehouse: Warehouse, mark: str) -> bool:
    return any(mark in statement for statement in await warehouse.running())


async def _is_stopped(warehouse: Warehouse, mark: str) -> bool:
    return not await _runs(warehouse, mark)


async def _has_state(api: Api, made: str, state: str) -> bool:
    found = await api.runtime.db.fetch_sql(
        "SELECT state FROM connector_query WHERE connector_id = $1", uuid_of(Kind.Connector, made)
    )
    return [row.state for row in found] == [state]
