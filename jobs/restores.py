"""RESTORE and ROLLBACK: the return to a backup or to a moment, and the way back from it."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from jobs import backups
from jobs.means import server_url
from jobs.registry import after_each_job, job
from jobs.restore_parts import restore_part
from jobs.restore_steps import bring_up, fill, order_of, undo, validate
from maestro import job_inputs
from maestro.clock import now
from maestro.db.tables.enums import JobKind, JobState
from maestro.job_inputs import Everything, RestoreInput, RollbackInput
from maestro.queue.work import SINGLE, Ended, JobRun, Work
from ops.backups import records as backup_records
from ops.restores import records, restoring
from ops.restores.carrying import Occasion

# What the safety backup of a restore is called: the same however often the job begins anew.
_SAFETY: Final = UUID("7d3c5a52-4f0e-4d0b-9a53-3f8a3c1b8f10")


@job(JobKind.RESTORE, queue=SINGLE)
async def restore(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a backup or a moment back; whatever happens before the exchange, what is in use stays as it is."""
    asked = job_inputs.read(RestoreInput, given)
    began, restore_id, stored = time.monotonic(), str(asked.restore_id), asked.stored()
    await run.step("begin", begin, restore_id)
    if not isinstance(asked.scope, Everything):
        done = await restore_part(run, stored)
    else:
        done = await _exchange(run, stored, is_dry_run=asked.dry_run)
    await run.step("end", end, restore_id, round(time.monotonic() - began, 3))
    return {"restoreId": restore_id, "isDryRun": asked.dry_run, **done}


async def _exchange(run: JobRun, stored: Mapping[str, Any], *, is_dry_run: bool) -> dict[str, Any]:
    done: dict[str, Any] = {}
    if stored["backup_id"] is not None:
        await run.step("validate", validate, stored)
    if not is_dry_run:
        done["safetyBackupId"] = await run.step("safety backup", make_safe, stored)
    done["verification"] = await run.step("fill", fill, stored)
    done |= await run.step("bring up", bring_up, stored)
    if is_dry_run:
        done["changes"] = await run.step("compare", report, stored)
        await run.step("undo", undo, stored)
        return done
    if stored["backup_id"] is not None:
        done["filesBroughtBack"] = await run.step("files", bring_files, stored)
    keep_until = await run.step("choose", kept_until, stored)
    done |= await run.step("exchange", exchange, stored, keep_until)
    await run.event("INFO", "The restored database is in use.", **done)
    done["seen"] = await run.step("prove", prove, stored, keep_until)
    return done


@job(JobKind.ROLLBACK, queue=SINGLE)
async def roll_back(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return to the database that a restore has replaced."""
    asked = job_inputs.read(RollbackInput, given)
    done: dict[str, Any] = await run.step("roll back", return_back, str(asked.restore_id))
    return {"restoreId": str(asked.restore_id), **done}


@after_each_job
async def settle(work: Work, ended: Ended) -> None:
    """End the restore of a job that has ended without saying how, and drop what it has prepared."""
    if ended.kind != JobKind.RESTORE:
        return
    for row in await records.abandon(work.db, ended.job_id, JobState(ended.state)):
        await undo(work, {"restore_id": str(row.id), "backup_id": row.backup_id and str(row.backup_id)})


async def begin(work: Work, restore_id: str) -> None:
    """Say that the restore is being done."""
    await records.begin(work.db, UUID(restore_id))


async def make_safe(work: Work, stored: Mapping[str, Any]) -> str:
    """Make a backup of what is there, and return its id."""
    restore_id = UUID(stored["restore_id"])
    backup_id = uuid5(_SAFETY, restore_id.hex)
    asked = {"encrypt": None, "label": "Before a restore", "is_protected": False}
    await backups.look_ahead(work, None)
    await backups.begin(work, str(backup_id), asked)
    await backups.make(work, str(backup_id), asked)
    await backup_records.end(work.db, backup_id, JobState.SUCCEEDED)
    await records.safe(work.db, restore_id, backup_id)
    return str(backup_id)


async def report(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Count what would change."""
    async with order_of(work, stored) as order:
        return await restoring.report(order)


async def bring_files(work: Work, stored: Mapping[str, Any]) -> int:
    """Bring the files back that the backup has and the installation lacks."""
    async with order_of(work, stored) as order:
        return await restoring.bring_files(order, progress=work.progress)


async def kept_until(work: Work, stored: Mapping[str, Any]) -> str:
    """Say until when what is replaced is kept."""
    seconds = stored["keep_for_s"]
    keep_for = work.settings.restore_keep if seconds is None else timedelta(seconds=seconds)
    return (now() + keep_for).isoformat()


async def exchange(work: Work, stored: Mapping[str, Any], until: str) -> dict[str, Any]:
    """Put the restored database in the place of the one in use."""
    keep_until, restore_id = datetime.fromisoformat(until), UUID(stored["restore_id"])
    async with order_of(work, stored) as order:
        swapped = await restoring.exchange(
            order, await _occasion(work, restore_id), keep_until=keep_until, progress=work.progress
        )
    await records.swapped(
        work.db, restore_id, kept=swapped.kept, until=keep_until, unavailable_ms=swapped.unavailable_ms
    )
    return {"keptDatabase": swapped.kept, "keptUntil": until, "unavailableMs": swapped.unavailable_ms}


async def prove(work: Work, stored: Mapping[str, Any], until: str) -> dict[str, Any]:
    """See that the server works on it; it returns to the one before when it does not. VerificationFailed."""
    occasion = await _occasion(work, UUID(stored["restore_id"]))
    async with order_of(work, stored) as order:
        return await restoring.prove(order, occasion, keep_until=datetime.fromisoformat(until), progress=work.progress)


async def return_back(work: Work, restore_id: str) -> dict[str, Any]:
    """Put the database in use again that a restore has replaced."""
    key = UUID(restore_id)
    keep_until = now() + work.settings.restore_keep
    swapped = await restoring.roll_back(
        await _occasion(work, key),
        url=work.operations_url,
        server_url=server_url(work),
        keep_until=keep_until,
        progress=work.progress,
    )
    await records.rolled_back(work.db, key)
    return {
        "keptDatabase": swapped.kept,
        "keptUntil": keep_until.isoformat(),
        "unavailableMs": swapped.unavailable_ms,
    }


async def end(work: Work, restore_id: str, seconds: float) -> None:
    """Say that the restore has ended well."""
    await records.end(work.db, UUID(restore_id), JobState.SUCCEEDED, seconds={"total": seconds})


async def _occasion(work: Work, restore_id: UUID) -> Occasion:
    row = await records.find(work.db, restore_id)
    details = {
        "backupId": None if row.backup_id is None else str(row.backup_id),
        "targetTime": None if row.target_time is None else row.target_time.isoformat(),
    }
    told = {name: value for name, value in details.items() if value is not None}
    return Occasion(restore_id=restore_id, details=told, **await records.who(work.db, row.created_by_id))
