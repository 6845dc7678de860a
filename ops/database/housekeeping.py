"""Housekeeping: what nobody needs any more is forgotten, and runs that have fallen silent are lost.

All of it in small transactions, so that nobody waits for it; stopped at any point, the next one goes on. What could be
used again after a restore of an older backup is kept until it has expired by itself: a session that was revoked, a link
that was used. The database that is replaced tells the restored one of them.
"""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final

from maestro.access.sessions import LINK_TTL
from maestro.db.engine import Database
from maestro.db.tables.enums import RunStatus
from maestro.events import Event, publish, topic
from maestro.ids import Kind
from maestro.progress import Progress, untold
from maestro.settings import Settings

BATCH: Final = 1_000
"""So many rows go in one transaction."""

_LIVING: Final = ", ".join(f"'{status.value}'" for status in RunStatus if not status.is_terminal)
_OLD: Final = {
    "idempotency_keys": ("idempotency_key", "created_at < now() - $1::interval"),
    "ingest_batches": (
        "ingest_batch",
        f"""EXISTS (SELECT FROM run WHERE run.id = ingest_batch.run_id AND run.ended_at < now() - $1::interval
            AND run.status NOT IN ({_LIVING}))""",
    ),
    "sign_in_links": (
        "sign_in_link",
        f"greatest(expires_at, created_at + interval '{LINK_TTL.total_seconds()} s') < now() - $1::interval",
    ),
    "sessions": ("session", "expires_at < now() - $1::interval"),
    "invitations": ("invitation", "accepted_at IS NULL AND expires_at < now() - $1::interval"),
    "document_usage": ("document_usage", "last_used_at < now() - $1::interval"),
    "daily_points": ("points_by_day", "day < (now() AT TIME ZONE 'UTC' - $1::interval)::date"),
    "sync_plans": (
        "sync_plan",
        """greatest(expires_at, updated_at) < now() - $1::interval AND NOT EXISTS (
            SELECT FROM sync_run r WHERE r.plan_id = sync_plan.id AND coalesce(r.ended_at, now()) > now() - $1::interval
        )""",
    ),
    "connector_checks": ("connector_check", "at < now() - $1::interval"),
    "connector_queries": ("connector_query", "started_at < now() - $1::interval"),
    "profiles": ("profile", "coalesce(ended_at, created_at) < now() - $1::interval"),
}
"""What is forgotten, by its name here: the table and the condition under which a row is old."""
_COUNT: Final = "SELECT count(*) AS n FROM {table} WHERE {condition}"
_FORGET: Final = """
    WITH gone AS (
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table} WHERE {condition} LIMIT $2 FOR UPDATE SKIP LOCKED
        )) RETURNING 1
    )
    SELECT count(*) AS n FROM gone
"""
# Whoever logs to it just now has it locked, and it lives.
_SILENT: Final = """
    status = 'RUNNING' AND deleted_at IS NULL AND greatest(heartbeat_at, started_at, created_at) < now() - $1::interval
"""
_COUNT_SILENT: Final = f"SELECT count(*) AS n FROM run WHERE {_SILENT}"  # noqa: S608 -- our own SQL, put together
_LOSE: Final = f"""
    WITH silent AS (
        SELECT id, greatest(heartbeat_at, started_at, created_at) AS last FROM run
        WHERE {_SILENT} ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE run SET status = 'LOST', ended_at = coalesce(greatest(heartbeat_at, started_at), created_at),
        status_reason = to_char(last AT TIME ZONE 'UTC', '"No sign of life since "YYYY-MM-DD"T"HH24:MI:SS"Z."'),
        version = version + 1, updated_at = now()
    FROM silent WHERE run.id = silent.id RETURNING run.id
"""  # noqa: S608 -- our own SQL, put together


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long things are left alone, by the names of what is counted in `Tidied`."""

    lost_runs: timedelta
    idempotency_keys: timedelta
    ingest_batches: timedelta
    sign_in_links: timedelta
    sessions: timedelta
    invitations: timedelta
    document_usage: timedelta
    daily_points: timedelta
    sync_plans: timedelta
    connector_checks: timedelta
    connector_queries: timedelta
    profiles: timedelta

    @classmethod
    def by(cls, settings: Settings) -> "Keeping":
        """Return what the settings say."""
        return cls(
            lost_runs=settings.run_silence,
            idempotency_keys=settings.idempotency_history,
            ingest_batches=settings.batch_history,
            sign_in_links=settings.sign_in_history,
            sessions=settings.sign_in_history,
            invitations=settings.sign_in_history,
            document_usage=settings.document_usage_history,
            daily_points=settings.daily_points_history,
            sync_plans=settings.sync_history,
            connector_checks=settings.connector_check_history,
            connector_queries=settings.connector_check_history,
            profiles=settings.profile_history,
        )


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many runs were found to be lost, and how much of what was forgotten; in a dry run, would be."""

    is_dry_run: bool = False
    lost_runs: int = 0
    idempotency_keys: int = 0
    ingest_batches: int = 0
    sign_in_links: int = 0
    sessions: int = 0
    invitations: int = 0
    document_usage: int = 0
    daily_points: int = 0
    sync_plans: int = 0
    connector_checks: int = 0
    connector_queries: int = 0
    profiles: int = 0


async def tidy(db: Database, keeping: Keeping, *, dry_run: bool = False, progress: Progress = untold) -> Tidied:
    """Forget what is older than it has to be, and say of runs that have fallen silent that they are lost.

    Over all organisations, by the server's system role. Safe beside another one and beside everything else.
    """
    counts: dict[str, int] = {}
    chores = [one.name for one in fields(Keeping)]
    for place, name in enumerate(chores):
        progress(name.replace("_", " ").capitalize(), place, len(chores), unit="chores")
        patience: timedelta = getattr(keeping, name)
        if name == "lost_runs":
            counts[name] = await _lose(db, patience, dry_run=dry_run)
        else:
            counts[name] = await _forget(db, name, patience, dry_run=dry_run)
    progress("Tidied", len(chores), len(chores), unit="chores")
    return Tidied(is_dry_run=dry_run, **counts)


async def _forget(db: Database, name: str, patience: timedelta, *, dry_run: bool) -> int:
    table, condition = _OLD[name]
    if dry_run:
        return int((await db.fetch_sql(_COUNT.format(table=table, condition=condition), patience))[0].n)
    sql, total = _FORGET.format(table=table, condition=condition), 0
    while True:
        async with db.transaction() as tx:
            (row,) = await tx.fetch_sql(sql, patience, BATCH)
        total += int(row.n)
        if row.n < BATCH:
            return total


async def _lose(db: Database, patience: timedelta, *, dry_run: bool) -> int:
    if dry_run:
        return int((await db.fetch_sql(_COUNT_SILENT, patience))[0].n)
    total = 0
    while True:
        async with db.transaction() as tx:
            lost = await tx.fetch_sql(_LOSE, patience, BATCH)
            await publish(tx, [Event(topic(Kind.Run, run.id), {"change": "status"}) for run in lost])
        total += len(lost)
        if len(lost) < BATCH:
            return total
