"""Snowflake's warehouses, what has run in them, and the plans of statements."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connectors.sql.extras import HISTORY, Ran, Step, Warehouse, WarehouseSize
from connectors.sql.snowflake_browsing import Rows
from connectors.sql.snowflake_statements import check, quoted
from maestro.errors import InvalidInput, NotFound

_ID: Final = re.compile(r"[0-9a-fA-F-]{8,64}")
_MOST: Final = 10_000
"""Most statements that Snowflake tells of at a time."""
_STATES: Final = {"SUCCESS": "SUCCEEDED", "FAIL": "FAILED", "FAILED_WITH_ERROR": "FAILED", "INCIDENT": "FAILED"}


class SnowflakeCare:
    """Looks after an account by statements: reads by `rows`, writes by `run`."""

    def __init__(self, rows: Rows, run: Callable[[str], Awaitable[None]]) -> None:
        self._rows = rows
        self._run = run

    async def warehouses(self) -> Sequence[Warehouse]:
        """Return the warehouses that can be seen, by name."""
        return sorted((_warehouse(one) for one in await self._rows("SHOW WAREHOUSES")), key=lambda one: one.name)

    async def create_warehouse(self, name: str, size: WarehouseSize, *, auto_suspend_s: int = 60) -> None:
        """Make one that is suspended, and starts when it is asked something; Conflict when there is one."""
        await self._run(
            f"CREATE WAREHOUSE {quoted(name)} WAREHOUSE_SIZE = {size.value} AUTO_SUSPEND = {int(auto_suspend_s)} "
            "AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE"
        )

    async def resize_warehouse(self, name: str, size: WarehouseSize) -> None:
        """Give it another size, for statements that begin from now on; NotFound."""
        await self._run(f"ALTER WAREHOUSE {quoted(name)} SET WAREHOUSE_SIZE = {size.value}")

    async def suspend_warehouse(self, name: str) -> None:
        """Let it end what it does, and stop costing; NotFound, Conflict when it is suspended."""
        await self._run(f"ALTER WAREHOUSE {quoted(name)} SUSPEND")

    async def resume_warehouse(self, name: str) -> None:
        """Start it again; nothing happens to one that runs. NotFound."""
        await self._run(f"ALTER WAREHOUSE {quoted(name)} RESUME IF SUSPENDED")

    async def history(self, *, since: datetime | None = None, limit: int = HISTORY) -> Sequence[Ran]:
        """Return what began last, the latest first; Snowflake keeps seven days of it here."""
        given = [f"RESULT_LIMIT => {max(1, min(int(limit), _MOST))}"]
        if since is not None:
            given.append(f"END_TIME_RANGE_START => '{since.astimezone(UTC).isoformat()}'::TIMESTAMP_LTZ")
        found = await self._rows(
            "SELECT QUERY_ID, QUERY_TYPE, EXECUTION_STATUS, QUERY_TEXT, USER_NAME, START_TIME, TOTAL_ELAPSED_TIME, "  # noqa: S608
            "BYTES_SCANNED, ROWS_PRODUCED, WAREHOUSE_NAME, ERROR_MESSAGE "
            f"FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY({', '.join(given)})) ORDER BY START_TIME DESC"
        )
        return [_ran(one) for one in found]

    async def profile(self, query_id: str) -> Sequence[Step]:
        """Return the operators of a statement that has run; NotFound."""
        if not _ID.fullmatch(query_id):
            raise InvalidInput(f"{query_id[:64]} is no id of a statement.")
        found = await self._rows(
            "SELECT OPERATOR_ID, PARENT_OPERATORS, OPERATOR_TYPE, OPERATOR_STATISTICS, EXECUTION_TIME_BREAKDOWN, "  # noqa: S608
            f"OPERATOR_ATTRIBUTES FROM TABLE(GET_QUERY_OPERATOR_STATS('{query_id}')) ORDER BY STEP_ID, OPERATOR_ID"
        )
        if not found:
            raise NotFound(f"Snowflake knows no operators of {query_id}, or does not tell them.")
        return [_operator(one) for one in found]

    async def explain(self, statement: str, parameters: Sequence[Any] = ()) -> Sequence[Step]:
        """Return the plan of a statement, which is not run."""
        check(statement, is_writing=True)
        found = await self._rows(f"EXPLAIN USING TABULAR {statement}", parameters)
        return [_planned(one) for one in found if one["id"] is not None]


def _warehouse(told: dict[str, Any]) -> Warehouse:
    seconds = told["auto_suspend"]
    return Warehouse(
        told["name"],
        told["size"],
        told["state"],
        int(told["running"] or 0),
        int(told["queued"] or 0),
        int(seconds) if seconds else None,
        told["comment"] or None,
    )


def _ran(told: dict[str, Any]) -> Ran:
    took = told["TOTAL_ELAPSED_TIME"]
    state = told["EXECUTION_STATUS"].upper()
    return Ran(
        id=told["QUERY_ID"],
        kind=told["QUERY_TYPE"],
        state=_STATES.get(state, state),
        statement=told["QUERY_TEXT"],
        user=told["USER_NAME"],
        started_at=told["START_TIME"],
        took_s=None if took is None else took / 1000,
        scanned_bytes=told["BYTES_SCANNED"],
        rows=told["ROWS_PRODUCED"],
        warehouse=told["WAREHOUSE_NAME"],
        error=told["ERROR_MESSAGE"],
    )


def _operator(told: dict[str, Any]) -> Step:
    statistics = _json(told["OPERATOR_STATISTICS"]) or {}
    percentage = (_json(told["EXECUTION_TIME_BREAKDOWN"]) or {}).get("overall_percentage")
    return Step(
        id=int(told["OPERATOR_ID"]),
        kind=told["OPERATOR_TYPE"],
        parents=tuple(map(int, _json(told["PARENT_OPERATORS"]) or ())),
        share=None if percentage is None else float(percentage),
        rows_in=statistics.get("input_rows"),
        rows_out=statistics.get("output_rows"),
        attributes=_json(told["OPERATOR_ATTRIBUTES"]) or {},
    )


def _planned(told: dict[str, Any]) -> Step:
    parents = _json(told.get("parentOperators"))
    known = ("objects", "alias", "expressions", "partitionsTotal", "partitionsAssigned", "bytesAssigned")
    return Step(
        id=int(told["id"]),
        kind=told["operation"],
        parents=tuple(map(int, parents or ())),
        attributes={name: told[name] for name in known if told.get(name) is not None},
    )


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
