"""BASE_BACKUP: copies of the database server's files, from which the archived changes lead to every later moment."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from jobs.means import archive_of
from jobs.registry import after_each_job, job
from maestro import job_inputs
from maestro.db.tables.enums import BackupKind, JobKind, JobState
from maestro.job_inputs import BaseBackupInput
from maestro.queue import starting
from maestro.queue.work import SINGLE, Ended, JobRun, Work
from ops.backups import records
from ops.point_in_time import is_due, make_base_backup, remove_old, status

NEVER: Final = timedelta.max
_BEGUN: Final = "SELECT FROM job WHERE kind = 'BASE_BACKUP' AND state IN ('QUEUED', 'RUNNING', 'CANCELLING') LIMIT 1"


@job(JobKind.BASE_BACKUP, queue=SINGLE)
async def copy_files(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Make a base backup, verified, and remove those that nobody needs any more."""
    asked = job_inputs.read(BaseBackupInput, given)
    backup_id = str(asked.backup_id or run.job_id)
    await run.step("begin", begin, backup_id, asked.label)
    made: dict[str, Any] = await run.step("copy", copy, backup_id)
    return {"backupId": backup_id, **made, "removed": await run.step("remove old", remove)}


@after_each_job
async def settle(work: Work, ended: Ended) -> None:
    """End the row of a base backup whose job has ended without saying how."""
    if ended.kind == JobKind.BASE_BACKUP:
        await records.abandon(work.db, ended.job_id, JobState(ended.state))


async def begin(work: Work, backup_id: str, label: str) -> None:
    """Say that it is being made."""
    row = {
        "id": UUID(backup_id),
        "organization_id": work.organization_id,
        "job_id": work.job_id,
        "kind": BackupKind.BASE.value,
        "label": label,
        "is_encrypted": False,
        "is_protected": False,
        "location": str(archive_of(work).base),
    }
    await records.begin(work.db, row)


async def copy(work: Work, backup_id: str) -> dict[str, Any]:
    """Copy the files of the running server, and verify the copy."""
    base = await make_base_backup(archive_of(work), work.operations_url, progress=work.progress)
    found = {"isIncremental": base.is_incremental, "reachableFrom": base.stopped_at.isoformat(), "id": base.id}
    await records.copied(work.db, UUID(backup_id), size_bytes=base.size_bytes, found=found)
    return {"sizeBytes": base.size_bytes, "seconds": base.seconds, **found}


async def remove(work: Work) -> list[str]:
    """Remove what lies before the time that can be returned to, and return the ids of the copies."""
    removed = await remove_old(archive_of(work), keep=timedelta(days=work.settings.wal_keep))
    gone = [base.id for base in removed]
    await records.base_gone(work.db, gone)
    return gone


async def ensure_base(work: Work) -> bool:
    """Begin a base backup when none leads on to now, and say whether that was so.

    Behind a gap in the archive nothing can be brought back until there is one, and the nightly one may be a day off.
    """
    archive = archive_of(work)
    if archive.identity() is None or not (await status(archive)).is_receiving or not await is_due(archive, every=NEVER):
        return False
    async with work.db.transaction() as tx:
        if await tx.fetch_sql(_BEGUN):
            return False
        await starting.start(tx, organization_id=work.organization_id, kind=JobKind.BASE_BACKUP)
    return True
