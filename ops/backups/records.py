"""The rows of backups: what is told of one while it is made, proved and removed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import BackupKind, JobState
from maestro.errors import NotFound
from ops.backups.manifest import Manifest, plain

_BEGUN: Final = """
    INSERT INTO backup (id, organization_id, job_id, kind, label, state, is_encrypted, is_protected, location)
    VALUES ($1, $2, $3, $4, $5, 'RUNNING', $6, $7, $8)
    ON CONFLICT (id) DO UPDATE SET state = 'RUNNING', job_id = excluded.job_id, location = excluded.location,
        is_encrypted = excluded.is_encrypted, ended_at = NULL
"""
_MADE: Final = """
    UPDATE backup SET size_bytes = $2, manifest = $3, checksum = $4, schema_revision = $5, is_encrypted = $6
    WHERE id = $1
"""
_PROVED: Final = "UPDATE backup SET verified_at = $2, verification = $3 WHERE id = $1"
_ENDED: Final = "UPDATE backup SET state = $2, ended_at = now() WHERE id = $1"
# A job that has died, or was cancelled, says nothing of its backup any more.
_ABANDONED: Final = """
    UPDATE backup SET state = $2, ended_at = now() WHERE job_id = $1 AND state IN ('QUEUED', 'RUNNING', 'CANCELLING')
    RETURNING id
"""
_REMOVED: Final = "UPDATE backup SET removed_at = now() WHERE id = ANY($1) AND removed_at IS NULL"
_EXPIRING: Final = """
    UPDATE backup SET expires_at = t.at FROM unnest($1::uuid[], $2::timestamptz[]) t(id, at) WHERE backup.id = t.id
"""
# A copy of files is verified by their digests as it is made.
_COPIED: Final = """
    UPDATE backup SET size_bytes = $2, manifest = $3, state = 'SUCCEEDED', ended_at = now(), verified_at = now()
    WHERE id = $1
"""
_BASE_GONE: Final = """
    UPDATE backup SET removed_at = now() WHERE kind = 'BASE' AND removed_at IS NULL AND manifest ->> 'id' = ANY($1)
"""
_LISTED: Final = """
    SELECT id, kind, state, created_at, verified_at, is_protected, is_encrypted, location FROM backup
    WHERE kind = $1 AND removed_at IS NULL ORDER BY created_at, id
"""
_KNOWN: Final = "SELECT id FROM backup WHERE id = ANY($1)"
_ADOPTED: Final = """
    INSERT INTO backup (id, organization_id, kind, label, state, size_bytes, manifest, checksum, location,
        schema_revision, is_encrypted, created_at, ended_at)
    VALUES ($1, $2, $3, $4, 'SUCCEEDED', $5, $6, $7, $8, $9, $10, $11, $11) ON CONFLICT (id) DO NOTHING
"""


async def begin(db: Database, row: Mapping[str, Any]) -> None:
    """Say that a backup is being made; makes its row where nobody has, as for a schedule.

    `row` has `id`, `organization_id`, `job_id`, `kind`, `label`, `is_encrypted`, `is_protected` and `location`.
    """
    names = ("id", "organization_id", "job_id", "kind", "label", "is_encrypted", "is_protected", "location")
    await _write(db, _BEGUN, *(row[name] for name in names))


async def made(db: Database, manifest: Manifest, *, checksum: str) -> None:
    """Say what is in a backup that was made; `checksum` is the SHA-256 of its signed manifest."""
    size, revision = manifest.size_bytes + manifest.blob_bytes, manifest.schema_revision
    is_encrypted = manifest.encryption is not None
    await _write(db, _MADE, manifest.backup_id, size, summary(manifest), checksum, revision, is_encrypted)


async def proved(db: Database, backup_id: UUID, *, at: datetime, found: Mapping[str, Any]) -> None:
    """Say that a backup was restored beside the data, compared, and found to be good."""
    await _write(db, _PROVED, backup_id, at, dict(found))


async def refuted(db: Database, backup_id: UUID, *, found: Mapping[str, Any]) -> None:
    """Say that a backup was looked at and is not good, whatever was said of it before."""
    await _write(db, _PROVED, backup_id, None, dict(found))


async def end(db: Database, backup_id: UUID, state: JobState) -> None:
    """Say how the making of a backup has ended."""
    await _write(db, _ENDED, backup_id, state.value)


async def abandon(db: Database, job_id: UUID, state: JobState) -> list[UUID]:
    """End the backups that a job has left half made as it has ended itself, and return their ids."""
    return [row.id for row in await _write(db, _ABANDONED, job_id, state.value)]


async def remove(db: Database, backup_ids: Sequence[UUID]) -> None:
    """Say that the files of some backups are gone."""
    await _write(db, _REMOVED, list(backup_ids))


async def expire(db: Database, times: Mapping[UUID, datetime | None]) -> None:
    """Say from when on backups may be removed; None for never, as things are."""
    await _write(db, _EXPIRING, list(times), list(times.values()))


async def copied(db: Database, backup_id: UUID, *, size_bytes: int, found: Mapping[str, Any]) -> None:
    """Say that a base backup was made, and what it is."""
    await _write(db, _COPIED, backup_id, size_bytes, dict(found))


async def base_gone(db: Database, ids: Sequence[str]) -> None:
    """Say that base backups are gone, by the names that they have in the archive."""
    await _write(db, _BASE_GONE, list(ids))


async def present(db: Database, kind: BackupKind = BackupKind.FULL) -> list[Row]:
    """Return the backups of a kind whose files are there, the oldest first."""
    return await db.fetch_sql(_LISTED, kind.value)


async def find(db: Database, backup_id: UUID) -> Row:
    """Return a backup's row; NotFound."""
    rows = await db.fetch_sql("SELECT * FROM backup WHERE id = $1", backup_id)
    if not rows:
        raise NotFound("There is no such Backup.")
    return rows[0]


async def unknown(db: Database, backup_ids: Iterable[UUID]) -> list[UUID]:
    """Return those of some backups that have no row."""
    wanted = list(backup_ids)
    known = {row.id for row in await db.fetch_sql(_KNOWN, wanted)}
    return [one for one in wanted if one not in known]


async def adopt(db: Database, organization_id: UUID, manifest: Manifest, *, checksum: str, location: str) -> None:
    """Make the row of a backup that was found in a store; it has to be proved good like any other."""
    await _write(
        db,
        _ADOPTED,
        manifest.backup_id,
        organization_id,
        manifest.kind.value,
        manifest.label,
        manifest.size_bytes + manifest.blob_bytes,
        summary(manifest),
        checksum,
        location,
        manifest.schema_revision,
        manifest.encryption is not None,
        manifest.created_at,
    )


def summary(manifest: Manifest) -> dict[str, Any]:
    """Return what a row tells of a manifest: everything but the files one by one, which the store has."""
    told = plain(manifest)
    files, blobs = told.pop("files"), told.pop("blobs")
    told["files"] = {"count": len(files), "bytes": manifest.size_bytes}
    told["blobs"] = {"count": len(blobs), "bytes": manifest.blob_bytes}
    return told


async def _write(db: Database, sql: str, *arguments: Any) -> list[Row]:
    async with db.transaction() as tx:
        return await tx.fetch_sql(sql, *arguments)
