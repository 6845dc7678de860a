"""The rows of restores: what is told of one while it is done, and of the database that it has replaced."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from maestro.db.direct import connected
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import JobState
from maestro.errors import NotFound

_BEGUN: Final = "UPDATE restore SET state = 'RUNNING', ended_at = NULL WHERE id = $1"
_SAFE: Final = "UPDATE restore SET safety_backup_id = $2 WHERE id = $1"
_VERIFIED: Final = "UPDATE restore SET verification = $2 WHERE id = $1"
_SWAPPED: Final = """
    UPDATE restore SET kept_database = $2, kept_until = $3,
        timings = coalesce(timings, '{}') || jsonb_strip_nulls(jsonb_build_object('unavailable', $4::float8 / 1000))
    WHERE id = $1
"""
_ENDED: Final = """
    UPDATE restore SET state = $2, ended_at = now(), timings = coalesce(timings, '{}') || $3 WHERE id = $1
"""
# A job that has died, or was cancelled, says nothing of its restore any more.
_ABANDONED: Final = """
    UPDATE restore SET state = $2, ended_at = now()
    WHERE job_id = $1 AND state IN ('QUEUED', 'RUNNING', 'CANCELLING') RETURNING id, backup_id
"""
_BACK: Final = "UPDATE restore SET rolled_back_at = now(), kept_database = NULL, kept_until = NULL WHERE id = $1"
_FORGOTTEN: Final = """
    UPDATE restore SET kept_database = NULL, kept_until = NULL WHERE kept_database = ANY($1)
"""
_WHO: Final = """
    SELECT 'USER' AS kind, name || ' <' || email || '>' AS label FROM "user" WHERE id = $1
    UNION ALL SELECT 'SERVICE_ACCOUNT', name FROM service_account WHERE id = $1
"""


async def who(db: Database, actor_id: UUID | None) -> dict[str, Any]:
    """Return who asked for a restore, as the audit log has it; nothing for somebody who is not there any more."""
    found = [] if actor_id is None else await db.fetch_sql(_WHO, actor_id)
    if not found:
        return {}
    return {"actor_id": actor_id, "actor_kind": found[0].kind, "actor_label": found[0].label}


async def begin(db: Database, restore_id: UUID) -> None:
    """Say that a restore is being done."""
    await _write(db, _BEGUN, restore_id)


async def safe(db: Database, restore_id: UUID, backup_id: UUID) -> None:
    """Say which backup was made before anything is changed."""
    await _write(db, _SAFE, restore_id, backup_id)


async def verified(db: Database, restore_id: UUID, found: Mapping[str, Any]) -> None:
    """Say what was compared with the backup."""
    await _write(db, _VERIFIED, restore_id, dict(found))


async def swapped(db: Database, restore_id: UUID, *, kept: str, until: datetime, unavailable_ms: float | None) -> None:
    """Say under which name the replaced database is kept, until when, and for how long nobody was answered."""
    await _write(db, _SWAPPED, restore_id, kept, until, unavailable_ms)


async def end(db: Database, restore_id: UUID, state: JobState, *, seconds: Mapping[str, float]) -> None:
    """Say how a restore has ended, and how long its steps took."""
    await _write(db, _ENDED, restore_id, state.value, dict(seconds))


async def abandon(db: Database, job_id: UUID, state: JobState) -> list[Row]:
    """End the restores that a job has left half done as it has ended itself, and return their ids and backups."""
    return await _write(db, _ABANDONED, job_id, state.value)


async def rolled_back(db: Database, restore_id: UUID) -> None:
    """Say that what a restore had replaced is in use again."""
    await _write(db, _BACK, restore_id)


async def forget_kept(db: Database, names: list[str]) -> None:
    """Say that replaced databases are not kept any more."""
    await _write(db, _FORGOTTEN, names)


async def find(db: Database, restore_id: UUID) -> Row:
    """Return a restore's row; NotFound."""
    rows = await db.fetch_sql("SELECT * FROM restore WHERE id = $1", restore_id)
    if not rows:
        raise NotFound("There is no such Restore.")
    return rows[0]


async def organization_of(url: str, project_id: UUID) -> UUID | None:
    """Return the organisation of a project in the database of a URL; None without such a project."""
    async with connected(url) as connection:
        found: UUID | None = await connection.fetchval("SELECT organization_id FROM project WHERE id = $1", project_id)
    return found


async def _write(db: Database, sql: str, *arguments: Any) -> list[Row]:
    async with db.transaction() as tx:
        return await tx.fetch_sql(sql, *arguments)
