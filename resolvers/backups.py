"""Use cases of backups: they are made, proved, labelled, protected and removed by jobs, in the first organisation."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from uuid_utils.compat import uuid7

from maestro.db.rows import Row
from maestro.db.tables import Backup, Job
from maestro.db.tables.enums import BackupKind, JobState
from maestro.errors import Conflict
from maestro.job_inputs import LONGEST_LABEL, BackupInput, BaseBackupInput, PruneInput, VerifyInput
from maestro.queue.starting import LIVE
from resolvers import auditing, installation, jobs, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, writing

COMPLETE: Final = frozenset({JobState.SUCCEEDED, JobState.PARTIAL})
"""What a backup is that can be restored; a PARTIAL one lacks files that the installation itself has lost."""
GOOD: Final = (Backup.state.in_(COMPLETE), Backup.removed_at.is_(None), Backup.verified_at.is_not(None))
"""What holds of a backup that can be relied on."""


async def start(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start a backup, with `label`, `encrypt` and `is_protected` if given, and return its row, which waits.

    InvalidInput, Forbidden outside of the first organisation.
    """
    asked = BackupInput(
        backup_id=uuid7(),
        label=label(given.get("label")),
        encrypt=given.get("encrypt"),
        is_protected=bool(given.get("is_protected")),
    )
    installation.require(is_here=await installation.is_here(ctx))

    async def write(writer: Writer) -> Row:
        return await begin(writer, asked, idempotency_key=idempotency_key)

    return await write_once(ctx, Backup, Once("startBackup", idempotency_key, given), write=write)


async def begin(writer: Writer, asked: BackupInput | BaseBackupInput, *, idempotency_key: str | None = None) -> Row:
    """Insert a backup that waits, with the job that makes it."""
    full = asked if isinstance(asked, BackupInput) else None
    auditing.concerned(writer.ctx, Backup.__name__, asked.backup_id or uuid7())
    job = await jobs.start(writer, asked, idempotency_key=idempotency_key)
    return await writer.create(
        Backup,
        id=asked.backup_id,
        job_id=job.id,
        kind=BackupKind.BASE if full is None else BackupKind.FULL,
        label=asked.label,
        state=JobState.QUEUED,
        is_encrypted=full is not None and bool(full.encrypt),
        is_protected=full is not None and full.is_protected,
    )


async def verify(ctx: Context, key: UUID, *, idempotency_key: str | None = None) -> Row:
    """Start the proof of a backup and return its job.

    NotFound, Forbidden outside of the first organisation, Conflict for one that is not complete, is removed or is a
    base backup.
    """
    is_here = await installation.is_here(ctx)

    async def write(writer: Writer) -> Row:
        backup = await writer.row(Backup, key, lock=Lock.KEEP)
        require_complete(backup)
        _require_full(backup, hint="It was verified when it was made, and is before it is used.")
        installation.require(is_here=is_here)
        return await jobs.start(writer, VerifyInput(backup_id=key), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("verifyBackup", idempotency_key, {"id": key}), write=write)


async def change(ctx: Context, key: UUID, changes: Mapping[str, Any]) -> Row:
    """Change `label` or `is_protected` of a backup; NotFound, InvalidInput, Forbidden, Conflict when it is removed."""
    validation.not_null(changes)
    values = dict(changes)
    if "label" in values:
        values["label"] = label(values["label"])
    is_here = await installation.is_here(ctx)
    async with writing(ctx) as writer:
        before = await writer.row(Backup, key, lock=Lock.CHANGE)
        installation.require(is_here=is_here)
        if before.removed_at is not None:
            raise _is_removed()
        if not values:
            return before
        c = Backup.__table__.c
        query = update(Backup).where(c.id == key, c.organization_id == ctx.organization_id).values(**values)
        (changed,) = await writer.tx.fetch(query.returning(*c))
        writer.changed(Backup, key, before={name: before[name] for name in values}, after=values)
        return changed


async def delete(ctx: Context, key: UUID, *, idempotency_key: str | None = None) -> Row:
    """Start the removal of a backup and return its job.

    NotFound, Forbidden outside of the first organisation, Conflict for one that is protected, is being made, is removed
    already, or is the last one that can be relied on.
    """
    is_here = await installation.is_here(ctx)

    async def write(writer: Writer) -> Row:
        backup = await writer.row(Backup, key, lock=Lock.CHANGE)
        installation.require(is_here=is_here)
        await _require_dispensable(writer, backup)
        return await jobs.start(writer, PruneInput(backup_ids=(key,)), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("deleteBackup", idempotency_key, {"id": key}), write=write)


async def prune(ctx: Context, *, is_dry_run: bool, idempotency_key: str | None = None) -> Row:
    """Start the removal of the backups that no rule keeps and return its job, whose result lists them.

    Forbidden outside of the first organisation.
    """
    installation.require(is_here=await installation.is_here(ctx))

    async def write(writer: Writer) -> Row:
        return await jobs.start(writer, PruneInput(dry_run=is_dry_run), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("pruneBackups", idempotency_key, {"dry_run": is_dry_run}), write=write)


def label(value: str | None) -> str:
    """Return what somebody calls a backup; InvalidInput."""
    return "" if not (value or "").strip() else validation.name(value, field="label")[:LONGEST_LABEL]


def require_complete(backup: Row) -> None:
    """Raise Conflict unless a backup is complete and there."""
    if backup.removed_at is not None:
        raise _is_removed()
    if backup.state not in COMPLETE:
        raise Conflict(
            "This backup is not complete.", state=backup.state, hint="Wait for its job, or choose another backup."
        )


async def _require_dispensable(writer: Writer, backup: Row) -> None:
    if backup.removed_at is not None:
        raise _is_removed()
    _require_full(backup, hint="It goes by itself once no moment of the last MAESTRO_WAL_KEEP days needs it.")
    if backup.state in LIVE:
        raise Conflict("This backup is being made.", state=backup.state, hint="Cancel its job first.")
    if backup.is_protected:
        raise Conflict("This backup is protected.", hint="Take the protection away first, by updateBackup.")
    others = (Backup.id != backup.id, Backup.kind == backup.kind, Backup.organization_id == backup.organization_id)
    if backup.verified_at is None or backup.state not in COMPLETE:
        return
    (left,) = await writer.tx.fetch(select(func.count().label("n")).select_from(Backup).where(*others, *GOOD))
    if not left.n:
        raise Conflict(
            "This is the last backup that was proved good.", hint="Make another one, and have it verified, first."
        )


def _require_full(backup: Row, *, hint: str) -> None:
    """Raise Conflict for a copy of the server's files, which lies in the archive of changes and not in a store."""
    if backup.kind != BackupKind.FULL:
        raise Conflict("This is a base backup.", hint=hint)


def _is_removed() -> Conflict:
    return Conflict("The files of this backup are removed.", hint="Choose another backup.")
