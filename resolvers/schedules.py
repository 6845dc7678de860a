"""Use cases of schedules: when jobs of a kind begin by themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete as delete_from

from maestro.clock import now
from maestro.cron import check_cron, next_runs
from maestro.db.rows import Row
from maestro.db.tables import Connector, JobSchedule
from maestro.db.tables.enums import CatchUp, JobKind
from maestro.errors import InvalidInput
from maestro.job_inputs import INPUTS, JobInput, checked, read
from resolvers import installation, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, refuse_change, writing

HIGHEST_PRIORITY: Final = 1_000
MOST_NEXT_RUNS: Final = 100
"""So many of the times to come are told at once."""


async def create(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create a schedule from `name`, `kind`, `cron` and, if given, `timezone`, `input`, `priority` and `catch_up`.

    InvalidInput with the place of what cannot be, Forbidden for who may not start such jobs, and for those of the whole
    installation outside of the first organisation, NameTaken.
    """
    kind = JobKind(given["kind"])
    asked = checked(kind, given.get("input", {}))
    cron, timezone = given["cron"], given.get("timezone", "UTC")
    check_cron(cron, timezone)
    values = {
        "name": validation.name(given["name"]),
        "kind": kind,
        "cron": cron,
        "timezone": timezone,
        "input": asked.stored(),
        "priority": priority(given.get("priority", 0)),
        "catch_up": CatchUp(given.get("catch_up", CatchUp.LAST)),
        "next_run_at": _next(cron, timezone),
    }
    await _permit(ctx, kind)

    async def write(writer: Writer) -> Row:
        await _require_connectors(writer, asked)
        return await writer.create(JobSchedule, **values)

    return await write_once(ctx, JobSchedule, Once("createSchedule", idempotency_key, given), write=write)


async def change(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `cron`, `timezone`, `input`, `priority` or `catch_up`; other times count from now on.

    InvalidInput, NotFound, Forbidden, StaleVersion, NameTaken.
    """
    validation.not_null(changes)
    is_here = await installation.is_here(ctx)
    async with writing(ctx) as writer:
        current = await writer.row(JobSchedule, key, lock=Lock.CHANGE)
        _require_kind(ctx, JobKind(current.kind), is_here=is_here)
        values = _changed(current, changes)
        if "input" in values:
            await _require_connectors(writer, read(INPUTS[JobKind(current.kind)], values["input"]))
        return await writer.change(JobSchedule, key, expected_version=expected_version, **values)


async def pause(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Pause a schedule: no job begins by it until it is resumed. Pausing again changes nothing.

    NotFound, Forbidden for who may not start such jobs, StaleVersion.
    """
    return await _switch(ctx, key, expected_version=expected_version, is_paused=True)


async def resume(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Resume a schedule; what it does about the times that have passed is its `catch_up`. Errors as of `pause`."""
    return await _switch(ctx, key, expected_version=expected_version, is_paused=False)


async def delete(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Remove a schedule for good and return its row; its jobs stay. NotFound, Forbidden, StaleVersion."""
    is_here = await installation.is_here(ctx)
    async with writing(ctx) as writer:
        current = await writer.row(JobSchedule, key, lock=Lock.CHANGE)
        _require_kind(ctx, JobKind(current.kind), is_here=is_here)
        if expected_version not in (None, current.version):
            refuse_change(JobSchedule, current, expected_version)
        c = JobSchedule.__table__.c
        await writer.tx.fetch(delete_from(JobSchedule).where(c.id == key, c.organization_id == ctx.organization_id))
        writer.changed(JobSchedule, key, before={name: current[name] for name in ("name", "kind", "cron", "timezone")})
        return current


def coming(schedule: Row, first: int) -> list[datetime]:
    """Return the times at which a schedule begins next, none while it is paused; InvalidInput for too many."""
    if not 0 <= first <= MOST_NEXT_RUNS:
        raise InvalidInput(f"At most {MOST_NEXT_RUNS} times are told at once.", field="first", limit=MOST_NEXT_RUNS)
    if schedule.is_paused or schedule.next_run_at is None:
        return []
    return next_runs(schedule.cron, schedule.timezone, now(), first)


def priority(value: int) -> int:
    """Return a priority; InvalidInput beyond a thousand either way."""
    if abs(value) > HIGHEST_PRIORITY:
        raise InvalidInput(f"A priority is at most {HIGHEST_PRIORITY:,}.", field="priority", limit=HIGHEST_PRIORITY)
    return value


async def _require_connectors(writer: Writer, asked: JobInput) -> None:
    """Raise NotFound, Conflict or Forbidden unless jobs may work with the connectors that they are given."""
    for key in sorted(asked.connectors):
        await writer.in_use(Connector, key, needs=asked.needs)


async def _permit(ctx: Context, kind: JobKind) -> None:
    _require_kind(ctx, kind, is_here=await installation.is_here(ctx))


def _require_kind(ctx: Context, kind: JobKind, *, is_here: bool) -> None:
    """Raise Forbidden for who may not start jobs of a kind: whoever changes a schedule decides when they begin."""
    model = INPUTS.get(kind)
    if model is None:
        return
    ctx.require(model.needs)
    if model.is_of_installation:
        installation.require(is_here=is_here)


def _changed(current: Row, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(changes)
    if "name" in values:
        values["name"] = validation.name(values["name"])
    if "input" in values:
        values["input"] = checked(JobKind(current.kind), values["input"]).stored()
    if "priority" in values:
        values["priority"] = priority(values["priority"])
    cron, timezone = values.get("cron", current.cron), values.get("timezone", current.timezone)
    if (cron, timezone) != (current.cron, current.timezone):
        check_cron(cron, timezone)
        values["next_run_at"] = _next(cron, timezone)
    return values


async def _switch(ctx: Context, key: UUID, *, expected_version: int | None, is_paused: bool) -> Row:
    is_here = await installation.is_here(ctx)
    async with writing(ctx) as writer:
        current = await writer.row(JobSchedule, key, lock=Lock.CHANGE)
        _require_kind(ctx, JobKind(current.kind), is_here=is_here)
        if current.is_paused is not is_paused:
            return await writer.change(JobSchedule, key, expected_version=expected_version, is_paused=is_paused)
        if expected_version not in (None, current.version):
            refuse_change(JobSchedule, current, expected_version)
        return current


def _next(cron: str, timezone: str) -> datetime | None:
    return next(iter(next_runs(cron, timezone, now(), 1)), None)
