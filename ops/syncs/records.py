"""The rows of syncs: plans with their items, and runs, as jobs read and write them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import JobState, SyncAction, SyncItemState
from maestro.errors import NotFound

PAGE: Final = 500
"""Items that are read at a time."""

_PLAN: Final = "SELECT * FROM sync_plan WHERE id = $1 AND organization_id = $2"
_RUN: Final = "SELECT * FROM sync_run WHERE id = $1 AND organization_id = $2"
_CLEAR: Final = "DELETE FROM sync_item WHERE plan_id = $1"
_EXPIRE: Final = """
    WITH expired AS (
        UPDATE sync_plan SET state = 'EXPIRED', version = version + 1 WHERE state = 'READY' AND expires_at < now()
        RETURNING id
    )
    DELETE FROM sync_item USING expired WHERE plan_id = expired.id
"""
_ADD_ITEMS: Final = """
    INSERT INTO sync_item (organization_id, plan_id, number, key, action, size_bytes, source, target, state)
    SELECT $2, $1, i.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::jsonb[], $8::jsonb[],
        $9::text[]) i
"""
_READY: Final = """
    UPDATE sync_plan SET state = 'READY', summary = $2, ready_at = now(), expires_at = now() + $3, error_message = NULL,
        version = version + 1, updated_at = now()
    WHERE id = $1
"""
_FAILED: Final = """
    UPDATE sync_plan SET state = 'FAILED', error_message = $2, version = version + 1, updated_at = now()
    WHERE job_id = $1 AND state = 'PLANNING'
"""
_BEGUN: Final = """
    UPDATE sync_run SET status = 'RUNNING', started_at = coalesce(started_at, now()), ended_at = NULL, plan = $2
    WHERE id = $1
"""
_PROGRESS: Final = "UPDATE sync_run SET progress = $2 WHERE id = $1"
_ENDED: Final = "UPDATE sync_run SET status = $2, stats = $3, ended_at = now() WHERE id = $1"
_ABANDONED: Final = """
    UPDATE sync_run SET status = $2, ended_at = now()
    WHERE job_id = $1 AND status IN ('QUEUED', 'RUNNING', 'CANCELLING')
"""
_ROLLED_BACK: Final = "UPDATE sync_run SET rolled_back_at = now() WHERE id = $1"
_TO_DO: Final = """
    SELECT * FROM sync_item WHERE plan_id = $1 AND number > $2 AND state IN ('PENDING', 'FAILED')
        AND action = ANY($3) ORDER BY number LIMIT $4
"""
_DONE: Final = """
    SELECT * FROM sync_item WHERE plan_id = $1 AND number > $2 AND state = 'DONE' ORDER BY number LIMIT $3
"""
_SETTLE: Final = """
    UPDATE sync_item i SET state = d.state, target = CASE WHEN d.written IS NULL THEN i.target
            ELSE coalesce(i.target, '{}') || jsonb_build_object('written', d.written) END,
        error = d.error, upload = CASE WHEN d.state = 'DONE' THEN NULL ELSE i.upload END, attempts = i.attempts + 1
    FROM unnest($2::bigint[], $3::text[], $4::jsonb[], $5::jsonb[]) d(number, state, written, error)
    WHERE i.plan_id = $1 AND i.number = d.number
"""
_UPLOAD: Final = "UPDATE sync_item SET upload = $3 WHERE plan_id = $1 AND number = $2"
_GROWTH: Final = """
    SELECT coalesce(sum(CASE action WHEN 'ADD' THEN size_bytes ELSE size_bytes - (target ->> 'size')::bigint END), 0)
        AS bytes
    FROM sync_item
    WHERE plan_id = $1 AND action IN ('ADD', 'UPDATE') AND state IN ('PENDING', 'FAILED') AND upload IS NULL
"""
_COUNTED: Final = """
    SELECT action, state, count(*) AS count, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM sync_item
    WHERE plan_id = $1 GROUP BY action, state
"""


async def plan(db: Database, plan_id: UUID, organization_id: UUID) -> Row:
    """Return the row of a plan of an organisation; NotFound."""
    return await _one(db, _PLAN, "SyncPlan", plan_id, organization_id)


async def run(db: Database, run_id: UUID, organization_id: UUID) -> Row:
    """Return the row of a run of an organisation; NotFound."""
    return await _one(db, _RUN, "SyncRun", run_id, organization_id)


async def expire(db: Database) -> None:
    """Forget the objects of plans, of all organisations, that nobody has started in time."""
    await _write(db, _EXPIRE)


async def clear(db: Database, plan_id: UUID) -> None:
    """Remove the items of a plan that is made anew."""
    await _write(db, _CLEAR, plan_id)


async def add_items(db: Database, plan_id: UUID, organization_id: UUID, *, items: Sequence[Mapping[str, Any]]) -> None:
    """Insert items, with the columns `number`, `key`, `action`, `size_bytes`, `source`, `target` and `state`."""
    names = ("number", "key", "action", "size_bytes", "source", "target", "state")
    await _write(db, _ADD_ITEMS, plan_id, organization_id, *([one[name] for one in items] for name in names))


async def ready(db: Database, plan_id: UUID, summary: Mapping[str, Any], *, lifetime: timedelta) -> None:
    """Say that a plan can be looked at and started for so long."""
    await _write(db, _READY, plan_id, dict(summary), lifetime)


async def abandon_plan(db: Database, job_id: UUID, message: str) -> None:
    """Say that the plan of a job was not made."""
    await _write(db, _FAILED, job_id, message)


async def begin(db: Database, run_id: UUID, plan: Mapping[str, Any]) -> None:
    """Say that a sync is running, and what it sets out to do."""
    await _write(db, _BEGUN, run_id, dict(plan))


async def end(db: Database, run_id: UUID, state: JobState, *, stats: Mapping[str, Any]) -> None:
    """Say how a sync has ended."""
    await _write(db, _ENDED, run_id, state.value, dict(stats))


async def abandon_run(db: Database, job_id: UUID, state: JobState) -> None:
    """End the sync of a job that has ended without saying how."""
    await _write(db, _ABANDONED, job_id, state.value)


async def rolled_back(db: Database, run_id: UUID) -> None:
    """Say that a sync was undone."""
    await _write(db, _ROLLED_BACK, run_id)


async def to_do(db: Database, plan_id: UUID, *, after: int, actions: Sequence[SyncAction]) -> list[Row]:
    """Return the next items that are not done, by their numbers."""
    return await db.fetch_sql(_TO_DO, plan_id, after, [one.value for one in actions], PAGE)


async def done(db: Database, plan_id: UUID, *, after: int) -> list[Row]:
    """Return the next items that are done, by their numbers."""
    return await db.fetch_sql(_DONE, plan_id, after, PAGE)


async def settle(
    db: Database,
    plan_id: UUID,
    run_id: UUID,
    *,
    items: Sequence[tuple[int, SyncItemState, Mapping[str, Any] | None, Mapping[str, Any] | None]],
    progress: Mapping[str, Any],
) -> None:
    """Say how far a sync has come, and what has become of items.

    Of each item: number, state, what was written in the target, and what went wrong.
    """
    numbers, states, written, errors = (list(column) for column in zip(*items, strict=True)) if items else ([],) * 4
    async with db.transaction() as tx:
        if items:
            await tx.fetch_sql(_SETTLE, plan_id, numbers, [one.value for one in states], written, errors)
        await tx.fetch_sql(_PROGRESS, run_id, dict(progress))


async def growth(db: Database, plan_id: UUID) -> int:
    """Return by how many bytes the target grows when all is copied that has not been begun."""
    (row,) = await db.fetch_sql(_GROWTH, plan_id)
    return int(row.bytes)


async def upload(db: Database, plan_id: UUID, number: int, *, state: Mapping[str, Any] | None) -> None:
    """Keep how an upload in parts goes on; None for one that does not."""
    await _write(db, _UPLOAD, plan_id, number, None if state is None else dict(state))


async def counted(db: Database, plan_id: UUID) -> dict[tuple[SyncAction, SyncItemState], tuple[int, int]]:
    """Return how many items of a plan there are of each action and state, and of how many bytes."""
    rows = await db.fetch_sql(_COUNTED, plan_id)
    return {(SyncAction(row.action), SyncItemState(row.state)): (row.count, row.bytes) for row in rows}


async def _one(db: Database, sql: str, noun: str, *arguments: Any) -> Row:
    rows = await db.fetch_sql(sql, *arguments)
    if not rows:
        raise NotFound(f"There is no such {noun}.")
    return rows[0]


async def _write(db: Database, sql: str, *arguments: Any) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql(sql, *arguments)
