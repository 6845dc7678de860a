"""Use cases of restores: the return to a backup or to a moment, and the way back from it; done by jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from uuid_utils.compat import uuid7

from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import Backup, Job, Restore
from maestro.db.tables.enums import BackupKind, JobState
from maestro.errors import BackupRefused, Conflict, InvalidInput
from maestro.job_inputs import LONGEST_KEPT_S, Everything, OneOrganization, OneProject, RestoreInput, RollbackInput
from maestro.queue.starting import LIVE
from resolvers import auditing, installation, jobs, validation
from resolvers.backups import require_complete
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer

# Two of them would replace each other's database.
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('restores of the installation', 0))"
_WAYS_BACK: Final = "SELECT 1 FROM job WHERE kind = 'ROLLBACK' AND state = ANY($1)"


@dataclass(frozen=True, slots=True)
class Wish:
    """How a restore is to be done."""

    is_dry_run: bool = False
    keep_for: timedelta | None = None
    idempotency_key: str | None = None

    @property
    def keep_for_s(self) -> int | None:
        """For how long the replaced database is kept; InvalidInput, None for what the settings say."""
        seconds = None if self.keep_for is None else int(self.keep_for.total_seconds())
        if seconds is not None and not 0 <= seconds <= LONGEST_KEPT_S:
            days = LONGEST_KEPT_S // 86_400
            raise InvalidInput(f"What is replaced is kept for at most {days} days.", field="keepForHours", limit=days)
        return seconds


async def start(ctx: Context, backup_id: UUID, wish: Wish, *, scope: Mapping[str, Any]) -> Row:
    """Start the return to a backup and return the restore's row, which waits.

    `scope` is empty for everything, else it has `organization_id` with `new_slug`, or `project_id` with `new_name`,
    which are looked for in the backup. NotFound for the backup, Forbidden outside of the first organisation,
    InvalidInput, BackupRefused for one that was not proved good unless nothing is to change, Conflict for one that is
    not complete, is removed or is a base backup, and while another restore is under way.
    """
    asked = RestoreInput(
        restore_id=uuid7(),
        backup_id=backup_id,
        scope=_scope(scope),
        dry_run=wish.is_dry_run,
        keep_for_s=wish.keep_for_s,
    )
    is_here = await installation.is_here(ctx)

    async def write(writer: Writer) -> Row:
        backup = await writer.row(Backup, backup_id, lock=Lock.KEEP)
        installation.require(is_here=is_here)
        _require_restorable(backup, is_dry_run=wish.is_dry_run)
        return await _begin(writer, asked, wish)

    given = {"backup_id": backup_id, "scope": scope, "dry_run": wish.is_dry_run, "keep_for_s": wish.keep_for_s}
    return await write_once(ctx, Restore, Once("startRestore", wish.idempotency_key, given), write=write)


async def start_to_time(ctx: Context, time: datetime, wish: Wish) -> Row:
    """Start the return to a moment and return the restore's row, which waits.

    InvalidInput for a moment that has not passed, Forbidden outside of the first organisation, Conflict when no base
    backup reaches back so far, and while another restore is under way.
    """
    if time > now():
        raise InvalidInput("This moment has not passed yet.", field="time")
    asked = RestoreInput(restore_id=uuid7(), target_time=time, dry_run=wish.is_dry_run, keep_for_s=wish.keep_for_s)
    installation.require(is_here=await installation.is_here(ctx))

    async def write(writer: Writer) -> Row:
        await _require_base(writer, time)
        return await _begin(writer, asked, wish)

    given = {"time": time, "dry_run": wish.is_dry_run, "keep_for_s": wish.keep_for_s}
    return await write_once(ctx, Restore, Once("restoreToTime", wish.idempotency_key, given), write=write)


async def roll_back(ctx: Context, key: UUID, *, idempotency_key: str | None = None) -> Row:
    """Start the way back from a restore and return its job.

    NotFound, Forbidden outside of the first organisation, Conflict when what it replaced is not kept any more, when it
    was undone already, and while another restore is under way.
    """
    is_here = await installation.is_here(ctx)

    async def write(writer: Writer) -> Row:
        restore = await writer.row(Restore, key, lock=Lock.CHANGE)
        installation.require(is_here=is_here)
        if restore.rolled_back_at is not None:
            raise Conflict("This restore was undone already.", rolledBackAt=restore.rolled_back_at.isoformat())
        if restore.kept_database is None or restore.kept_until is None or restore.kept_until <= now():
            raise Conflict(
                "What this restore replaced is not kept.",
                hint="Restore its safety backup instead, if there is one.",
            )
        await _require_alone(writer)
        return await jobs.start(writer, RollbackInput(restore_id=key), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("rollbackRestore", idempotency_key, {"id": key}), write=write)


async def _begin(writer: Writer, asked: RestoreInput, wish: Wish) -> Row:
    if not wish.is_dry_run:
        await _require_alone(writer)
    auditing.concerned(writer.ctx, Restore.__name__, asked.restore_id)
    job = await jobs.start(writer, asked, idempotency_key=wish.idempotency_key)
    return await writer.create(
        Restore,
        id=asked.restore_id,
        job_id=job.id,
        backup_id=asked.backup_id,
        scope=asked.stored()["scope"],
        target_time=asked.target_time,
        is_dry_run=asked.dry_run,
        state=JobState.QUEUED,
    )


def _scope(given: Mapping[str, Any]) -> Everything | OneOrganization | OneProject:
    if "organization_id" in given:
        slug = validation.slug(given["new_slug"], field="scope.organization.newSlug")
        return OneOrganization(organization_id=given["organization_id"], new_slug=slug)
    if "project_id" in given:
        name = validation.name(given["new_name"], field="scope.project.newName")
        return OneProject(project_id=given["project_id"], new_name=name)
    return Everything()


def _require_restorable(backup: Row, *, is_dry_run: bool) -> None:
    require_complete(backup)
    if backup.kind != BackupKind.FULL:
        raise Conflict("This is a base backup.", hint="restoreToTime returns to a moment that it reaches.")
    if backup.verified_at is None and not is_dry_run:
        raise BackupRefused(
            "This backup was never proved good.",
            reason="UNVERIFIED",
            hint="Have it verified first, by verifyBackup, or look with dryRun what a restore would do.",
        )


async def _require_base(writer: Writer, time: datetime) -> None:
    c = Backup.__table__.c
    bases = select(c.ended_at).where(
        c.organization_id == writer.ctx.organization_id,
        c.kind == BackupKind.BASE,
        c.state == JobState.SUCCEEDED,
        c.removed_at.is_(None),
        c.ended_at.is_not(None),
    )
    earliest = await writer.tx.fetch_one(bases.order_by(c.ended_at).limit(1))
    if earliest is None:
        raise Conflict(
            "There is no base backup to begin from.",
            hint="startMaintenance(kind: BASE_BACKUP) makes one; moments after it can be returned to.",
        )
    if earliest.ended_at > time:
        raise Conflict("No base backup reaches back to this moment.", earliest=earliest.ended_at.isoformat())


async def _require_alone(writer: Writer) -> None:
    await writer.tx.fetch_sql(_ALONE)
    c = Restore.__table__.c
    under_way = select(c.id).where(c.state.in_(LIVE), c.is_dry_run.is_(False)).limit(1)
    if await writer.tx.fetch(under_way) or await writer.tx.fetch_sql(_WAYS_BACK, sorted(LIVE)):
        raise Conflict("Another restore is under way.", hint="Wait for its end, or cancel its job.")
