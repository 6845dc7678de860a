"""Use cases of statements and pipelines that connectors' databases run: they are run, stopped, and remembered."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from dataloaders.connector_finds import FoundColumn, columns_of
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Connector, ConnectorQuery
from maestro.db.tables.enums import JobState
from maestro.errands import ErrandKind
from maestro.errors import InvalidInput, MaestroError, NotFound
from maestro.events import Event, topic
from maestro.ids import Kind
from maestro.pipelines import require_allowed
from maestro.storable import require_storable
from maestro.vendor_errors import Cancelled
from ops.connectors import records
from resolvers import validation
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

LONGEST_STATEMENT: Final = 100_000
LONGEST_KEY: Final = 200
LONGEST_NAME: Final = 255
"""Characters of the name of a collection."""
MOST_PARAMETERS: Final = 1_000
DEFAULT_ROWS: Final = 1_000
DEFAULT_S: Final = 60
STOPPING_S: Final = 5.0
"""So much longer than the vendor may take the errand may: the vendor stops a statement in time by itself."""
_LIVING: Final = (JobState.RUNNING, JobState.CANCELLING)


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What a statement has answered; the rows as JSON holds them."""

    id: UUID
    columns: list[FoundColumn]
    rows: list[list[Any]]
    row_count: int
    is_truncated: bool
    size_bytes: int
    elapsed_ms: float
    vendor_id: str | None


async def run(ctx: Context, connector_id: UUID, given: Mapping[str, Any]) -> QueryAnswer:
    """Have a connector's database run `statement` with `parameters`, and return its rows.

    `max_rows`, `timeout_seconds`, `allow_writes` and `cancel_key` may be given. InvalidInput, NotFound, Conflict;
    Forbidden for a statement that may write without CONNECTOR_MANAGE; Cancelled; errors of errands and of the vendor.
    """
    return await _run(ctx, connector_id, ErrandKind.QUERY, asked=_statement(given) | _bounds(ctx, given))


async def run_aggregation(ctx: Context, connector_id: UUID, given: Mapping[str, Any]) -> QueryAnswer:
    """Have a connector's database put `collection` through `pipeline`, and return what that makes as rows.

    What else may be given, and the errors, are as of `run`; Forbidden with the place of what is not allowed as well.
    """
    return await _run(ctx, connector_id, ErrandKind.AGGREGATION, asked=_pipeline(given) | _bounds(ctx, given))


async def _run(ctx: Context, connector_id: UUID, kind: ErrandKind, *, asked: Mapping[str, Any]) -> QueryAnswer:
    key = uuid7()
    # Heard before anybody can know of it: nothing that stops it is missed.
    async with ctx.runtime.events.subscribed(topic(Kind.ConnectorQuery, key)) as events:
        async with writing(ctx) as writer:
            await _begin(writer, key, connector_id, asked=asked)
        ctx.allow(asked["timeout_s"] + 2 * STOPPING_S)
        arguments = {
            **asked,
            "query_id": str(key),
            "connector_id": str(connector_id),
            "organization_id": str(ctx.organization_id),
        }
        try:
            found = await _until_stopped(ctx, kind, arguments, events=events)
        except MaestroError as error:
            # Where its process has ended, nobody else writes it down.
            await records.failed(ctx.db, key, error)
            raise
    return QueryAnswer(id=key, **{**found, "columns": columns_of(found["columns"])})


async def cancel(ctx: Context, key: UUID | None, *, cancel_key: str | None) -> list[Row]:
    """Have queries stopped, wherever they run, and return them: the one of an id, or one's own under a key.

    One that has ended is returned as it is. InvalidInput when not one of both is given, NotFound; Forbidden for
    somebody else's without CONNECTOR_MANAGE.
    """
    if (key is None) is (cancel_key is None):
        raise InvalidInput("Either an id or a cancelKey is wanted.", field="id")
    validation.text(cancel_key, field="cancelKey", limit=LONGEST_KEY)
    async with writing(ctx) as writer:
        if key is None:
            found = await _under_key(writer, str(cancel_key))
        else:
            row = await writer.row(ConnectorQuery, key, lock=Lock.CHANGE)
            if row.started_by_id != ctx.viewer.actor_id:
                await writer.permit(ConnectorQuery, row, Permission.CONNECTOR_MANAGE)
            found = [row]
        return [await _stop(writer, row) for row in found]


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement, parameters = given["statement"], given.get("parameters") or []
    if not statement.strip() or len(statement) > LONGEST_STATEMENT:
        raise InvalidInput(
            f"A statement has from 1 to {LONGEST_STATEMENT:,} characters.",
            field="input.statement",
            limit=LONGEST_STATEMENT,
        )
    validation.text(statement, field="input.statement")
    if len(parameters) > MOST_PARAMETERS:
        raise InvalidInput(
            f"A statement has at most {MOST_PARAMETERS:,} parameters.", field="input.parameters", limit=MOST_PARAMETERS
        )
    require_storable(parameters, field="input.parameters")
    return {"statement": statement, "parameters": parameters}


def _pipeline(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is run, with it as a command of MongoDB in JSON, which is what the history keeps."""
    collection, pipeline = given["collection"], given["pipeline"]
    if not collection.strip() or len(collection) > LONGEST_NAME:
        raise InvalidInput(f"A name has from 1 to {LONGEST_NAME} characters.", field="input.collection")
    validation.text(collection, field="input.collection")
    require_storable(pipeline, field="input.pipeline")
    require_allowed(pipeline, field="input.pipeline", is_writing=given.get("allow_writes", False))
    statement = orjson.dumps({"aggregate": collection, "pipeline": pipeline}).decode()
    if len(statement) > LONGEST_STATEMENT:
        raise InvalidInput(
            f"A pipeline has at most {LONGEST_STATEMENT:,} characters.", field="input.pipeline", limit=LONGEST_STATEMENT
        )
    return {"statement": statement, "collection": collection, "pipeline": pipeline}


def _bounds(ctx: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    settings, cancel_key = ctx.runtime.settings, given.get("cancel_key")
    validation.text(cancel_key, field="input.cancelKey")
    if len(cancel_key or "") > LONGEST_KEY:
        raise InvalidInput(f"A cancelKey has at most {LONGEST_KEY} characters.", field="input.cancelKey")
    longest_s = settings.query_timeout.total_seconds()
    return {
        "cancel_key": cancel_key,
        "max_rows": _within(given.get("max_rows", DEFAULT_ROWS), settings.query_rows, field="input.maxRows"),
        "max_bytes": settings.query_bytes,
        "timeout_s": _within(given.get("timeout_seconds", DEFAULT_S), int(longest_s), field="input.timeoutSeconds"),
        "is_writing": given.get("allow_writes", False),
    }


def _within(value: int, most: int, *, field: str) -> int:
    if not 1 <= value <= most:
        raise InvalidInput(f"{field.rpartition('.')[2]} is from 1 to {most:,} here.", field=field, limit=most)
    return value


async def _begin(writer: Writer, key: UUID, connector_id: UUID, *, asked: Mapping[str, Any]) -> None:
    """Write down what is about to be run, in the history and in the audit log."""
    connector = await writer.in_use(Connector, connector_id, lock=Lock.KEEP)
    if asked["is_writing"]:
        await writer.permit(Connector, connector, Permission.CONNECTOR_MANAGE)
    row = {
        "connector_id": connector_id,
        "started_by_id": writer.ctx.viewer.actor_id,
        "statement": asked["statement"],
        "is_writing": asked["is_writing"],
    }
    # The connector is what the log has it under.
    writer.changed(Connector, connector_id, after={**row, "query_id": str(key)})
    await writer.create(ConnectorQuery, id=key, state=JobState.RUNNING.value, cancel_key=asked["cancel_key"], **row)


async def _until_stopped(
    ctx: Context, kind: ErrandKind, arguments: Mapping[str, Any], *, events: AsyncIterator[Event]
) -> dict[str, Any]:
    """Run the errand until it has ended, or somebody stops it."""
    timeout_s = arguments["timeout_s"] + STOPPING_S
    running = asyncio.create_task(ctx.runtime.errands.run(kind, arguments, timeout_s=timeout_s))
    stopping = asyncio.create_task(_stopped(ctx, UUID(arguments["query_id"]), events))
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise Cancelled("Somebody has stopped the query.")
    finally:
        for task in (running, stopping):
            task.cancel()
        await asyncio.gather(running, stopping, return_exceptions=True)


async def _stopped(ctx: Context, key: UUID, events: AsyncIterator[Event]) -> None:
    """Return when somebody wants the query to stop."""
    async for event in events:
        if not event.is_gap:
            return
        c = ConnectorQuery.__table__.c
        found = await ctx.db.fetch(select(c.state).where(c.id == key, c.organization_id == ctx.organization_id))
        if not found or found[0].state != JobState.RUNNING:
            return


async def _under_key(writer: Writer, cancel_key: str) -> list[Row]:
    c = ConnectorQuery.__table__.c
    query = select(*c).where(
        c.organization_id == writer.ctx.organization_id,
        c.cancel_key == cancel_key,
        c.started_by_id == writer.ctx.viewer.actor_id,
        c.ended_at.is_(None),
    )
    found = await writer.tx.fetch(Lock.CHANGE.added(query.order_by(c.id)))
    if not found:
        raise NotFound(
            "No query of yours runs under this key.", hint="It may have ended, or was sent under another key."
        )
    return found


async def _stop(writer: Writer, row: Row) -> Row:
    if row.state not in _LIVING:
        return row
    c = ConnectorQuery.__table__.c
    values = {"state": JobState.CANCELLING.value, "cancelled_by_id": writer.ctx.viewer.actor_id}
    query = update(ConnectorQuery).where(c.id == row.id, c.organization_id == writer.ctx.organization_id)
    (changed,) = await writer.tx.fetch(query.values(**values).returning(*c))
    writer.changed(ConnectorQuery, row.id, before={"state": row.state}, after=values)
    writer.tell(Event(topic(Kind.ConnectorQuery, row.id)))
    return changed
