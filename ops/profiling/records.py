"""The rows of profiles: asked by a job, taken up by a process, delivered by it, and looked at by the job."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import JobState
from maestro.errors import NotFound
from maestro.events import Event, publish
from ops.profiling.files import Found

TOPIC: Final = "profiles"
"""Processes hear here what is asked of them: the id of a profile, or to say that they are there."""

_BEGUN: Final = """
    UPDATE profile SET state = 'RUNNING', process = NULL, taken_at = NULL, beat_at = NULL, delivered_at = NULL,
        error = NULL, summary = NULL, ended_at = NULL
    WHERE id = $1 RETURNING kind, seconds, target
"""
_EMPTIED: Final = "DELETE FROM profile_file WHERE profile_id = $1"
_LOOKED: Final = """
    SELECT process, error, delivered_at IS NOT NULL AS is_delivered, summary,
        extract(epoch FROM now() - taken_at)::float8 AS taken_s, extract(epoch FROM now() - beat_at)::float8 AS silent_s
    FROM profile WHERE id = $1
"""
_TAKEN: Final = """
    UPDATE profile SET process = $2, taken_at = now(), beat_at = now()
    WHERE id = $1 AND state = 'RUNNING' AND process IS NULL RETURNING id, organization_id, kind, seconds, options
"""
_BEATEN: Final = "UPDATE profile SET beat_at = now() WHERE id = $1 AND process = $2 AND state = 'RUNNING' RETURNING id"
_DELIVERED: Final = """
    UPDATE profile SET summary = $3, error = $4, delivered_at = now(), beat_at = now()
    WHERE id = $1 AND process = $2 AND state = 'RUNNING' RETURNING id, organization_id
"""
_STORED: Final = """
    INSERT INTO profile_file (id, organization_id, profile_id, name, media_type, size_bytes, content)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_ENDED: Final = "UPDATE profile SET state = $2, ended_at = now() WHERE id = $1 AND state = 'RUNNING'"
# A job that has died, has failed or was cancelled says nothing of its profile any more.
_ABANDONED: Final = """
    UPDATE profile SET state = $2, ended_at = now() WHERE job_id = $1 AND state IN ('QUEUED', 'RUNNING', 'CANCELLING')
"""


async def begin(db: Database, profile_id: UUID) -> Row:
    """Say that a profile is asked for, and return what; NotFound when its row is gone."""
    async with db.transaction() as tx:
        rows = await tx.fetch_sql(_BEGUN, profile_id)
        await tx.fetch_sql(_EMPTIED, profile_id)
    if not rows:
        raise NotFound("There is no such Profile.")
    return rows[0]


async def ask(db: Database, profile_id: UUID, target: str) -> None:
    """Tell all processes that a profile is wanted of one of them."""
    async with db.transaction() as tx:
        await publish(tx, [Event(TOPIC, {"profile": profile_id.hex, "target": target})])


async def look(db: Database, profile_id: UUID) -> Row:
    """Return how far a profile has come; NotFound when its row is gone."""
    rows = await db.fetch_sql(_LOOKED, profile_id)
    if not rows:
        raise NotFound("There is no such Profile.")
    return rows[0]


async def end(db: Database, profile_id: UUID) -> None:
    """Say that a profile is there."""
    await _write(db, _ENDED, profile_id, JobState.SUCCEEDED.value)


async def abandon(db: Database, job_id: UUID, state: JobState) -> None:
    """End the profile of a job that has ended without saying how."""
    await _write(db, _ABANDONED, job_id, state.value)


async def take(db: Database, profile_id: UUID, process: str) -> Row | None:
    """Take a profile up for a process, and return what is asked; None when somebody else has, or it is over."""
    async with db.transaction() as tx:
        rows = await tx.fetch_sql(_TAKEN, profile_id, process)
    return rows[0] if rows else None


async def beat(db: Database, profile_id: UUID, process: str) -> bool:
    """Give a sign of life, and say whether the profile is still wanted of the process."""
    async with db.transaction() as tx:
        return bool(await tx.fetch_sql(_BEATEN, profile_id, process))


async def deliver(db: Database, profile_id: UUID, process: str, *, found: Found) -> None:
    """Store what was found, unless it is wanted no more."""
    async with db.transaction() as tx:
        rows = await tx.fetch_sql(_DELIVERED, profile_id, process, dict(found.summary), None)
        for row in rows:
            for one in found.files:
                place = (uuid7(), row.organization_id, profile_id)
                await tx.fetch_sql(_STORED, *place, one.name, one.media_type, len(one.content), one.content)


async def refuse(db: Database, profile_id: UUID, process: str, *, error: Mapping[str, Any]) -> None:
    """Say why the process cannot do it: `code`, `message` and perhaps a `hint`."""
    await _write(db, _DELIVERED, profile_id, process, None, dict(error))


async def _write(db: Database, sql: str, *arguments: Any) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql(sql, *arguments)
