"""Statements that somebody has a connector's database run: carried out, and how that ended written down."""

import asyncio
import time
from typing import Any
from uuid import UUID

from connectors.sql.capability import SqlSource
from maestro.errors import MaestroError
from maestro.vendor_errors import Cancelled, TimedOut
from maestro.vendors import ConnectorCapability
from ops.connectors import records
from ops.connectors.browsing import HINTS
from ops.connectors.opening import Openings
from ops.connectors.rows import columns_of, taken_from


async def query(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    """Run `statement` with `parameters`, and return its `columns`, `rows` and figures; how it ended is in its row.

    `is_writing` allows it to change something; `timeout_s` is told to the vendor; no more than `max_rows` and
    `max_bytes` are answered. Cancelled, it is stopped at the vendor.
    """
    key, began = UUID(asked["query_id"]), time.monotonic()
    try:
        target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
        target.require(ConnectorCapability.SQL_SOURCE, hint=HINTS[ConnectorCapability.SQL_SOURCE])
        async with openings.use(target) as source:
            made = await _run(source, asked)
    except MaestroError as error:
        await records.failed(openings.db, key, error)
        raise
    except asyncio.CancelledError:
        # Nobody waits any more, but its row is to tell how it ended.
        why = _stopped(asked["timeout_s"], time.monotonic() - began)
        await asyncio.shield(records.failed(openings.db, key, why))
        raise
    openings.moved(target, read=made["size_bytes"])
    await records.succeeded(openings.db, key, made)
    return {**made, "elapsed_ms": round((time.monotonic() - began) * 1000, 1)}


def _stopped(timeout_s: float, elapsed_s: float) -> MaestroError:
    if elapsed_s >= timeout_s:
        return TimedOut(f"The connector has not answered in {timeout_s:g} s.", timeoutSeconds=timeout_s)
    return Cancelled("It was stopped.")


async def _run(source: SqlSource, asked: dict[str, Any]) -> dict[str, Any]:
    async with source.query(
        asked["statement"],
        asked["parameters"],
        timeout_s=asked["timeout_s"],
        is_writing=asked["is_writing"],
        batch_rows=asked["max_rows"] + 1,
    ) as result:
        taken = await taken_from(result, most=asked["max_rows"], most_bytes=asked["max_bytes"])
        return {
            "columns": columns_of(result.columns),
            "rows": taken.rows,
            "row_count": len(taken.rows) if result.affected is None else result.affected,
            "size_bytes": taken.size,
            "is_truncated": taken.is_truncated,
            "vendor_id": result.query_id,
        }
