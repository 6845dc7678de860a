"""Use cases of syncs: two stores are compared by a job, the plan is looked at and started, and undone if need be."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy import update
from uuid_utils.compat import uuid7

from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import Connector, Job, SyncPlan, SyncRun
from maestro.db.tables.enums import JobState, PlanState
from maestro.errors import Conflict, InvalidInput
from maestro.job_inputs import JobInput, StorageSyncInput, SyncPlanInput, SyncRollbackInput
from maestro.queue.starting import LIVE
from maestro.sync_ends import is_as_planned, options_of, options_with_ends, require_apart, require_store
from maestro.sync_options import SyncOptions, refusal
from resolvers import auditing, jobs
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, refuse_change

_UNDER_WAY: Final = """
    SELECT 1 FROM sync_run r JOIN job j ON j.id = r.job_id
    WHERE r.target_id = $1 AND r.organization_id = $2 AND j.state = ANY($3)
    UNION ALL
    SELECT 1 FROM job j JOIN sync_run r ON r.id = (j.input ->> 'sync_run_id')::uuid
    WHERE j.kind = 'SYNC_ROLLBACK' AND j.state = ANY($3) AND r.target_id = $1 AND j.organization_id = $2
    LIMIT 1
"""


async def plan(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start the comparison of the connectors `source_id` and `target_id`, and return the row of the plan to come.

    All else in `given` are options. InvalidInput for options that cannot be, for connectors of no store, and for ends
    of which one lies within the other; NotFound, Conflict for connectors in the trash; Forbidden.
    """
    source_id, target_id = given["source_id"], given["target_id"]
    options = _options({name: value for name, value in given.items() if name not in ("source_id", "target_id")})
    asked = SyncPlanInput(plan_id=uuid7())

    async def write(writer: Writer) -> Row:
        auditing.concerned(ctx, SyncPlan.__name__, asked.plan_id)
        source, target = await _ends(writer, source_id, target_id, lock=Lock.KEEP)
        require_store(source, field="sourceId")
        require_store(target, field="targetId")
        require_apart(source, target, options)
        await writer.create(
            SyncPlan,
            id=asked.plan_id,
            source_id=source_id,
            target_id=target_id,
            state=PlanState.PLANNING,
            options=options_with_ends(options, source, target),
        )
        return await _with_job(writer, SyncPlan, asked.plan_id, asked=asked, idempotency_key=idempotency_key)

    return await write_once(ctx, SyncPlan, Once("planSync", idempotency_key, given), write=write)


async def start(
    ctx: Context,
    plan_id: UUID,
    *,
    expected_version: int | None = None,
    is_overriding: bool = False,
    idempotency_key: str | None = None,
) -> Row:
    """Start the sync of a plan and return its row, which waits.

    NotFound, Forbidden, StaleVersion; Conflict for a plan that is not ready, has expired, was made with other settings
    of a connector, or would remove too much unless that is overridden, and while another sync fills the same target.
    """
    run_id = uuid7()

    async def write(writer: Writer) -> Row:
        auditing.concerned(ctx, SyncRun.__name__, run_id)
        known = await writer.row(SyncPlan, plan_id)
        source, target = await _ends(writer, known.source_id, known.target_id, lock=Lock.CHANGE)
        ready = await writer.row(SyncPlan, plan_id, lock=Lock.CHANGE)
        if expected_version not in (None, ready.version):
            refuse_change(SyncPlan, ready, expected_version)
        _require_startable(ready, source, target, is_overriding=is_overriding)
        await _require_alone(writer, target.id)
        await writer.create(
            SyncRun,
            id=run_id,
            connector_id=source.id,
            target_id=target.id,
            plan_id=plan_id,
            trigger="MANUAL",
            status=JobState.QUEUED,
        )
        await writer.change(SyncPlan, plan_id, state=PlanState.STARTED)
        asked = StorageSyncInput(sync_run_id=run_id)
        return await _with_job(writer, SyncRun, run_id, asked=asked, idempotency_key=idempotency_key)

    given = {"plan_id": plan_id, "is_overriding": is_overriding}
    return await write_once(ctx, SyncRun, Once("startSync", idempotency_key, given), write=write)


async def roll_back(ctx: Context, run_id: UUID, *, idempotency_key: str | None = None) -> Row:
    """Start the way back from a sync and return its job.

    NotFound, Forbidden, Conflict for one that has not ended, was undone already, or whose target keeps no versions, and
    while another sync fills the same target.
    """

    async def write(writer: Writer) -> Row:
        auditing.concerned(ctx, SyncRun.__name__, run_id)
        run = await writer.row(SyncRun, run_id)
        if run.target_id is None or run.plan_id is None:
            raise Conflict("The target or the plan of this sync is gone.", hint="Bring it back by hand.")
        await _ends(writer, run.connector_id, run.target_id, lock=Lock.CHANGE)
        _require_undoable(await writer.row(SyncRun, run_id, lock=Lock.CHANGE))
        await _require_alone(writer, run.target_id)
        return await jobs.start(writer, SyncRollbackInput(sync_run_id=run_id), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("rollbackSync", idempotency_key, {"id": run_id}), write=write)


async def _with_job(
    writer: Writer, table: type[SyncPlan | SyncRun], key: UUID, *, asked: JobInput, idempotency_key: str | None
) -> Row:
    """Start the job of a row that is there already: who sees some projects alone may start those of their rows."""
    job = await jobs.start(writer, asked, idempotency_key=idempotency_key)
    c = table.__table__.c
    (row,) = await writer.tx.fetch(update(table).where(c.id == key).values(job_id=job.id).returning(*c))
    return row


def _options(given: Mapping[str, Any]) -> SyncOptions:
    try:
        return SyncOptions.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(["input", *(to_camel(str(part)) for part in first["loc"])])
        raise InvalidInput(f"{place}: {first['msg'].removeprefix('Value error, ')}.", field=place) from None


async def _ends(writer: Writer, source_id: UUID, target_id: UUID, *, lock: Lock) -> tuple[Row, Row]:
    """Return both connectors, the target locked as told, in the order of their ids; each in its project permitted."""
    found: dict[UUID, Row] = {}
    for key in sorted({source_id, target_id}):
        found[key] = await writer.in_use(Connector, key, lock=lock if key == target_id else Lock.KEEP)
    return found[source_id], found[target_id]


def _require_startable(plan: Row, source: Row, target: Row, *, is_overriding: bool) -> None:
    again = "Plan anew, by planSync."
    if plan.state != PlanState.READY:
        raise Conflict(f"This plan is not ready to be started: it is {plan.state}.", state=plan.state, hint=again)
    if plan.expires_at is not None and plan.expires_at <= now():
        raise Conflict("This plan has expired.", expiredAt=plan.expires_at.isoformat(), hint=again)
    if not is_as_planned(plan, source, target):
        raise Conflict("The settings of a connector were changed since this plan was made.", hint=again)
    refused = None if is_overriding else refusal(plan.summary, options_of(plan))
    if refused is not None:
        raise Conflict(
            refused,
            removals=plan.summary["remove"]["count"],
            hint="Look whether the source is whole. If it is, start with overrideDeleteGuard.",
        )


def _require_undoable(run: Row) -> None:
    if run.status in LIVE:
        raise Conflict("This sync has not ended.", state=run.status, hint="Wait for its end, or cancel its job.")
    if run.rolled_back_at is not None:
        raise Conflict("This sync was undone already.", rolledBackAt=run.rolled_back_at.isoformat())
    if not run.plan.get("canBeRolledBack"):
        raise Conflict(
            "The target of this sync kept no versions of what was replaced and removed.",
            hint="Have the bucket keep versions before the next sync.",
        )


async def _require_alone(writer: Writer, target_id: UUID) -> None:
    """Raise Conflict while a sync fills the target, whose connector is locked."""
    if await writer.tx.fetch_sql(_UNDER_WAY, target_id, writer.ctx.organization_id, sorted(LIVE)):
        raise Conflict(
            "Another sync, or the way back from one, is filling the same target.",
            hint="Wait for its end, or cancel its job.",
        )
