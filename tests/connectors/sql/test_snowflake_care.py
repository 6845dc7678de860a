"""Warehouses of Snowflake, what has run in them, and plans, which fakesnow lacks: replayed by a small server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.sql.extras import Ran, Step, Warehouse, WarehouseSize
from connectors.sql.snowflake import SnowflakeSource
from maestro.errors import InvalidInput
from tests.connectors.sql.snowflake_recorded import (
    DONE,
    MOMENT,
    NUMBER,
    PASSWORD,
    TEXT,
    config_of,
    rows,
    statements,
)
from tests.connectors.sql.snowflake_recorded import source as source
from tests.connectors.sql.snowflake_recorded import wire as wire
from tests.connectors.sql.snowflake_recorded import wire_and_port as wire_and_port
from tests.fixtures.connected import secured_connector
from tests.fixtures.graphql import Api
from tests.fixtures.wire import Wire
from tests.schema.connector_texts import administer


async def test_warehouses_are_listed_made_and_looked_after(wire: Wire, source: SnowflakeSource) -> None:
    names = ("name", "state", "size", "running", "queued", "auto_suspend", "comment")
    kinds = [NUMBER if name in ("running", "queued", "auto_suspend") else TEXT for name in names]
    values: list[list[Any]] = [
        ["WH", "STARTED", "X-Small", "2", "1", "600", ""],
        ["B", "SUSPENDED", "Large", "0", "0", None, "Of B"],
    ]
    wire.answer("query-request", DONE)
    wire.answer("SHOW WAREHOUSES", rows(*zip(names, kinds, strict=True), values=values))
    assert await source.warehouses() == [
        Warehouse("B", "Large", "SUSPENDED", 0, 0, None, "Of B"),
        Warehouse("WH", "X-Small", "STARTED", 2, 1, 600),
    ]
    await source.create_warehouse('B "2"', WarehouseSize.SMALL, auto_suspend_s=90)
    await source.resize_warehouse("B", WarehouseSize.MEDIUM)
    await source.suspend_warehouse("B")
    await source.resume_warehouse("B")
    assert statements(wire)[1:] == [
        (
            'CREATE WAREHOUSE "B ""2""" WAREHOUSE_SIZE = SMALL AUTO_SUSPEND = 90 AUTO_RESUME = TRUE '
            "INITIALLY_SUSPENDED = TRUE"
        ),
        'ALTER WAREHOUSE "B" SET WAREHOUSE_SIZE = MEDIUM',
        'ALTER WAREHOUSE "B" SUSPEND',
        'ALTER WAREHOUSE "B" RESUME IF SUSPENDED',
    ]


async def test_what_has_run_is_told(wire: Wire, source: SnowflakeSource) -> None:
    columns = {
        "QUERY_ID": TEXT,
        "QUERY_TYPE": TEXT,
        "EXECUTION_STATUS": TEXT,
        "QUERY_TEXT": TEXT,
        "USER_NAME": TEXT,
        "START_TIME": MOMENT,
        "TOTAL_ELAPSED_TIME": NUMBER,
        "BYTES_SCANNED": NUMBER,
        "ROWS_PRODUCED": NUMBER,
        "WAREHOUSE_NAME": TEXT,
        "ERROR_MESSAGE": TEXT,
    }
    one = ["01b2", "SELECT", "FAIL", "select 1/0", "ADA", "1709209815.123456000", "1500", "4096", None, "WH", "by 0"]
    wire.answer("query-request", rows(*columns.items(), values=[one]))
    began = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
    assert await source.history(since=datetime(2024, 2, 29, tzinfo=UTC), limit=5) == [
        Ran(
            id="01b2",
            kind="SELECT",
            state="FAILED",
            statement="select 1/0",
            user="ADA",
            started_at=began,
            took_s=1.5,
            scanned_bytes=4096,
            warehouse="WH",
            error="by 0",
        )
    ]
    assert "RESULT_LIMIT => 5, END_TIME_RANGE_START => '2024-02-29T00:00:00+00:00'" in statements(wire)[0]


async def test_the_operators_of_a_statement_are_told(wire: Wire, source: SnowflakeSource) -> None:
    names = [
        "OPERATOR_ID",
        "PARENT_OPERATORS",
        "OPERATOR_TYPE",
        "OPERATOR_STATISTICS",
        "EXECUTION_TIME_BREAKDOWN",
        "OPERATOR_ATTRIBUTES",
    ]
    kinds = [NUMBER, TEXT, TEXT, TEXT, TEXT, TEXT]
    told = [
        ["0", None, "Result", '{"input_rows": 5}', '{"overall_percentage": 0.25}', '{"expressions": ["A"]}'],
        ["1", "[0]", "TableScan", '{"output_rows": 5}', None, None],
    ]
    wire.answer("query-request", rows(*zip(names, kinds, strict=True), values=told))
    assert await source.profile("01b2c3d4-0000-1111-2222-333344445555") == [
        Step(id=0, kind="Result", share=0.25, rows_in=5, attributes={"expressions": ["A"]}),
        Step(id=1, kind="TableScan", parents=(0,), rows_out=5),
    ]
    with pytest.raises(InvalidInput):
        await source.profile("x') OR 1=1 --")


async def test_a_plan_is_told_and_nothing_is_run(wire: Wire, source: SnowflakeSource) -> None:
    names = ["step", "id", "parentOperators", "operation", "objects", "partitionsTotal"]
    kinds = [NUMBER, NUMBER, TEXT, TEXT, TEXT, NUMBER]
    told: list[list[Any]] = [
        [None, None, None, "GlobalStats", None, "3"],
        ["1", "0", None, "Delete", "TESTS.PUBLIC.T", None],
        ["1", "1", "[0]", "TableScan", "TESTS.PUBLIC.T", "3"],
    ]
    wire.answer("query-request", rows(*zip(names, kinds, strict=True), values=told))
    assert await source.explain("DELETE FROM t") == [
        Step(id=0, kind="Delete", attributes={"objects": "TESTS.PUBLIC.T"}),
        Step(id=1, kind="TableScan", parents=(0,), attributes={"objects": "TESTS.PUBLIC.T", "partitionsTotal": 3}),
    ]
    assert statements(wire) == ["EXPLAIN USING TABULAR DELETE FROM t"]


LOOK = """
query ($id: ID!) {
  connector(id: $id) {
    warehouses { name size state runningCount queuedCount autoSuspendSeconds comment }
  }
}
"""
PLAN = """
query ($id: ID!) {
  connector(id: $id) { queryPlan(statement: "SELECT * FROM t WHERE a = ?", parameters: [1]) {
    number operation parents attributes
  } }
}
"""
CREATED = 'CREATE WAREHOUSE "B" WAREHOUSE_SIZE = SMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE'


async def test_warehouses_and_plans_are_asked_for_by_graphql(api: Api, wire_and_port: tuple[Wire, int]) -> None:
    wire, port = wire_and_port
    config = config_of(port).model_dump(by_alias=True)
    made = await secured_connector(api, {"snowflake": config}, {"snowflake": {"password": PASSWORD}})
    names = ("name", "state", "size", "running", "queued", "auto_suspend", "comment")
    kinds = [NUMBER if name in ("running", "queued", "auto_suspend") else TEXT for name in names]
    wire.answer("query-request", DONE)
    shown = rows(*zip(names, kinds, strict=True), values=[["B", "SUSPENDED", "Large", "0", "1", "600", "Of B"]])
    wire.answer("SHOW WAREHOUSES", shown)
    step = ["1", "0", None, "TableScan", "TESTS.PUBLIC.T", "3"]
    told = ["step", "id", "parentOperators", "operation", "objects", "partitionsTotal"]
    wire.answer(
        "EXPLAIN", rows(*zip(told, [NUMBER, NUMBER, TEXT, TEXT, TEXT, NUMBER], strict=True), values=[list(step)])
    )
    assert (await api(LOOK, id=made))["connector"]["warehouses"] == [
        {
            "name": "B",
            "size": "Large",
            "state": "SUSPENDED",
            "runningCount": 0,
            "queuedCount": 1,
            "autoSuspendSeconds": 600,
            "comment": "Of B",
        }
    ]
    assert (await api(PLAN, id=made))["connector"]["queryPlan"] == [
        {
            "number": 0,
            "operation": "TableScan",
            "parents": [],
            "attributes": {"objects": "TESTS.PUBLIC.T", "partitionsTotal": 3},
        }
    ]
    await administer(api, made, createWarehouse={"name": "B", "size": "SMALL"})
    await administer(api, made, resizeWarehouse={"name": "B", "size": "MEDIUM"})
    await administer(api, made, suspendWarehouse={"name": "B"})
    await administer(api, made, resumeWarehouse={"name": "B"})
    assert statements(wire) == [
        "SHOW WAREHOUSES",
        "EXPLAIN USING TABULAR SELECT * FROM t WHERE a = ?",
        CREATED,
        'ALTER WAREHOUSE "B" SET WAREHOUSE_SIZE = MEDIUM',
        'ALTER WAREHOUSE "B" SUSPEND',
        'ALTER WAREHOUSE "B" RESUME IF SUSPENDED',
    ]
