"""A sync begun: nobody else fills the same target meanwhile, and what a schedule starts gets its rows."""

from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.errors import Conflict
from maestro.sync_ends import options_with_ends, require_apart
from maestro.sync_options import SyncOptions
from ops.syncs.opening import connector

_LOCK: Final = "SELECT id FROM connector WHERE id = $1 FOR NO KEY UPDATE"
_OTHERS: Final = """
    SELECT r.id FROM sync_run r JOIN job j ON j.id = r.job_id
    WHERE r.target_id = $1 AND r.job_id <> $2 AND r.status IN ('RUNNING', 'CANCELLING')
        AND j.state IN ('RUNNING', 'CANCELLING')
    UNION ALL
    SELECT r.id FROM job j JOIN sync_run r ON r.id = (j.input ->> 'sync_run_id')::uuid
    WHERE j.kind = 'SYNC_ROLLBACK' AND j.state IN ('RUNNING', 'CANCELLING') AND r.target_id = $1 AND j.id <> $2
    LIMIT 1
"""
_MINE: Final = "SELECT id, plan_id FROM sync_run WHERE job_id = $1 ORDER BY id LIMIT 1"
_PLAN: Final = """
    INSERT INTO sync_plan (id, organization_id, source_id, target_id, job_id, state, options)
    VALUES ($1, $2, $3, $4, $5, 'PLANNING', $6)
"""
_RUN: Final = """
    INSERT INTO sync_run (id, organization_id, connector_id, target_id, plan_id, job_id, trigger, status)
    VALUES ($1, $2, $3, $4, $5, $6, 'SCHEDULE', 'RUNNING')
"""
_AGAIN: Final = "UPDATE sync_run SET plan_id = $2, status = 'RUNNING', ended_at = NULL WHERE id = $1"
_RUNNING: Final = "UPDATE sync_run SET status = 'RUNNING', ended_at = NULL WHERE id = $1"
_STARTED: Final = "UPDATE sync_plan SET state = 'STARTED', version = version + 1, updated_at = now() WHERE id = $1"


async def begin(db: Database, run: Row, job_id: UUID) -> None:
    """Begin the sync that somebody has started; Conflict while another one fills the same target."""
    async with db.transaction() as tx:
        await _require_alone(tx, run.target_id, job_id)
        await tx.fetch_sql(_RUNNING, run.id)


async def begin_scheduled(
    db: Database, organization_id: UUID, job_id: UUID, *, ends: tuple[UUID, UUID], options: SyncOptions
) -> tuple[UUID, UUID]:
    """Make the rows of a sync that a schedule has started, with a new plan, and return those of run and plan.

    Conflict as of `begin`, NotFound for a connector, InvalidInput for ends that lie within one another.
    """
    source = await connector(db, ends[0], organization_id)
    target = await connector(db, ends[1], organization_id)
    require_apart(source, target, options)
    plan_id = uuid7()
    async with db.transaction() as tx:
        await _require_alone(tx, target.id, job_id)
        stored = options_with_ends(options, source, target)
        await tx.fetch_sql(_PLAN, plan_id, organization_id, source.id, target.id, job_id, stored)
        mine = await tx.fetch_sql(_MINE, job_id)
        run_id: UUID = mine[0].id if mine else uuid7()
        if mine:
            await tx.fetch_sql(_AGAIN, run_id, plan_id)
        else:
            await tx.fetch_sql(_RUN, run_id, organization_id, source.id, target.id, plan_id, job_id)
    return run_id, plan_id


async def require_alone(db: Database, target_id: UUID, job_id: UUID) -> None:
    """Raise Conflict while another sync fills a target."""
    async with db.transaction() as tx:
        await _require_alone(tx, target_id, job_id)


async def started(db: Database, plan_id: UUID) -> None:
    """Say that a plan is carried out."""
    async with db.transaction() as tx:
        await tx.fetch_sql(_STARTED, plan_id)


async def _require_alone(tx: Transaction, target_id: UUID, job_id: UUID) -> None:
    await tx.fetch_sql(_LOCK, target_id)
    if await tx.fetch_sql(_OTHERS, target_id, job_id):
        raise Conflict(
            "Another sync, or the way back from one, is filling the same target.",
            hint="Wait for its end, or cancel its job, then start again.",
        )
