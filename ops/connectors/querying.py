"""Statements and pipelines that somebody has a connector's database run: how they ended is written down."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import UUID

from connectors.documents.capability import DocumentSource
from connectors.sql.capability import Column, SqlSource
from maestro.errors import InvalidInput, MaestroError
from maestro.pipelines import names_in
from maestro.vendor_errors import Cancelled, NotSupported, TimedOut
from maestro.vendors import ConnectorCapability
from ops.connectors import records
from ops.connectors.browsing import HINTS
from ops.connectors.documents import taken_documents
from ops.connectors.opening import Openings
from ops.connectors.rows import Taken, columns_of, taken_from

PIPELINE: Final = "input.pipeline"
"""What the pipeline is called where somebody has sent it."""
_OPERATOR: Final = re.compile(r"\$\w+")


async def query(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    """Run `statement` with `parameters`, and return its `columns`, `rows` and figures; how it ended is in its row.

    `is_writing` allows it to change something; `timeout_s` is told to the vendor; no more than `max_rows` and
    `max_bytes` are answered. Cancelled, it is stopped at the vendor.
    """
    return await _carried_out(openings, asked, ConnectorCapability.SQL_SOURCE, _run)


async def aggregation(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    """Run `pipeline`, Extended JSON, over `collection`; the rest is as of `query`."""
    return await _carried_out(openings, asked, ConnectorCapability.DOCUMENT_SOURCE, _aggregate)


async def _carried_out(  # noqa: PLR0917 -- an errand, what it is able to, and how
    openings: Openings,
    asked: dict[str, Any],
    capability: ConnectorCapability,
    run: Callable[[Any, dict[str, Any]], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    key, began = UUID(asked["query_id"]), time.monotonic()
    try:
        target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
        target.require(capability, hint=HINTS[capability])
        async with openings.use(target) as source:
            made = await run(source, asked)
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
        return _answer(result.columns, taken, affected=result.affected, vendor_id=result.query_id)


async def _aggregate(source: DocumentSource, asked: dict[str, Any]) -> dict[str, Any]:
    pipeline = asked["pipeline"]
    try:
        found = source.aggregate(
            asked["collection"],
            source.opened(pipeline, field=PIPELINE),
            timeout_s=asked["timeout_s"],
            is_writing=asked["is_writing"],
        )
        columns, taken = await taken_documents(found, most=asked["max_rows"], most_bytes=asked["max_bytes"])
    except (InvalidInput, NotSupported) as error:
        error.details["field"] = error.details.get("field") or _place(error.message, pipeline)
        raise
    return _answer(columns, taken)


def _place(message: str, pipeline: Sequence[Any]) -> str:
    """Return where in a pipeline that stands which a message of the vendor names; the pipeline, where it names nothing.

    Of several places of one name the first is told.
    """
    named = set(_OPERATOR.findall(message))
    return next((place for place, name in names_in(pipeline, PIPELINE) if name in named), PIPELINE)


def _answer(
    columns: Sequence[Column], taken: Taken, *, affected: int | None = None, vendor_id: str | None = None
) -> dict[str, Any]:
    return {
        "columns": columns_of(columns),
        "rows": taken.rows,
        "row_count": len(taken.rows) if affected is None else affected,
        "size_bytes": taken.size,
        "is_truncated": taken.is_truncated,
        "vendor_id": vendor_id,
    }
