"""BACKUP and VERIFY: backups are made, and proved to be good."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from connectors.stores import read
from connectors.stores.locations import location_of
from jobs.means import destination_of, installation_of
from jobs.registry import after_each_job, job
from maestro import job_inputs
from maestro.clock import now
from maestro.db.tables.enums import BackupKind, JobKind, JobState
from maestro.errors import MaestroError, VerificationFailed
from maestro.job_inputs import BackupInput, VerifyInput
from maestro.queue.work import SINGLE, Ended, JobRun, Partial, Work
from ops.backups import records
from ops.backups.making import Order, discard_backup, make_backup
from ops.backups.manifest import LARGEST
from ops.backups.places import manifest_of
from ops.backups.preflight import require_ready
from ops.backups.verifying import verify_backup


@job(JobKind.BACKUP, queue=SINGLE)
async def back_up(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any] | Partial:
    """Make a backup and prove it; PARTIAL without some files of artifacts, which are damaged or lost themselves."""
    asked = job_inputs.read(BackupInput, given)
    # A schedule has no row for the backup yet; that of its job gives the id.
    backup_id = str(asked.backup_id or run.job_id)
    await run.step("begin", begin, backup_id, asked.stored())
    await run.step("look ahead", look_ahead, asked.encrypt)
    made = await run.step("make", make, backup_id, asked.stored())
    proof = await run.step("verify", verify, backup_id)
    lacking = len(made["damaged"]) + len(made["missing"])
    state = JobState.PARTIAL if lacking else JobState.SUCCEEDED
    await run.step("end", end, backup_id, state.value)
    result = {"backupId": backup_id, **made, "verification": proof}
    if lacking:
        return Partial(result, f"{lacking:,} files of artifacts are damaged or lost, and so not in the backup.")
    return result


@job(JobKind.VERIFY, queue=SINGLE)
async def prove(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Prove a backup once more, the newest one unless one is named."""
    asked = job_inputs.read(VerifyInput, given)
    backup_id = str(asked.backup_id) if asked.backup_id else await run.step("choose", newest)
    return {"backupId": backup_id, "verification": await run.step("verify", verify, backup_id)}


@after_each_job
async def settle(work: Work, ended: Ended) -> None:
    """End the backup of a job that has ended without saying how, and remove what it has left."""
    if ended.kind != JobKind.BACKUP:
        return
    abandoned = await records.abandon(work.db, ended.job_id, JobState(ended.state))
    for backup_id in abandoned:
        async with destination_of(work) as destination:
            await discard_backup(backup_id, destination=destination)
    await records.remove(work.db, abandoned)


async def begin(work: Work, backup_id: str, asked: Mapping[str, Any]) -> None:
    """Say that the backup is being made."""
    encrypted = asked["encrypt"]
    row = {
        "id": UUID(backup_id),
        "organization_id": work.organization_id,
        "job_id": work.job_id,
        "kind": BackupKind.FULL.value,
        "label": asked["label"],
        "is_encrypted": work.settings.backup_encryption if encrypted is None else encrypted,
        "is_protected": asked["is_protected"],
        "location": location_of(work.settings),
    }
    await records.begin(work.db, row)


async def look_ahead(work: Work, encrypted: bool | None) -> list[dict[str, Any]]:  # noqa: FBT001 -- steps take plain arguments
    """Look whether a backup can end well; PreflightFailed."""
    async with destination_of(work, encrypted=encrypted) as destination:
        checks = await require_ready(installation_of(work), destination, progress=work.progress)
    return [check.plain for check in checks]


async def make(work: Work, backup_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Make the backup, and say what is in it."""
    async with destination_of(work, encrypted=asked["encrypt"]) as destination:
        order = Order(UUID(backup_id), label=asked["label"])
        made = await make_backup(
            order, installation=installation_of(work), destination=destination, progress=work.progress
        )
        content = await read(destination.store, manifest_of(order.backup_id), limit=LARGEST)
    await records.made(work.db, made.manifest, checksum=hashlib.sha256(content).hexdigest())
    return {
        "sizeBytes": made.manifest.size_bytes + made.manifest.blob_bytes,
        "sentBytes": made.sent_bytes,
        "damaged": list(made.damaged),
        "missing": list(made.missing),
        "vanished": len(made.vanished),
        "seconds": made.seconds,
    }


async def verify(work: Work, backup_id: str) -> dict[str, Any]:
    """Restore the backup beside the data and compare it; VerificationFailed, BackupRefused, which its row tells too."""
    key = UUID(backup_id)
    row = await records.find(work.db, key)
    async with destination_of(work, location=row.location) as destination:
        try:
            proof = await verify_backup(
                key, installation=installation_of(work), destination=destination, progress=work.progress
            )
        except MaestroError as error:
            if not error.is_retryable:
                await records.refuted(work.db, key, found={"isGood": False, **error.extensions, "why": error.message})
            raise
    await records.proved(work.db, key, at=now(), found=proof.plain)
    return proof.plain


async def end(work: Work, backup_id: str, state: str) -> None:
    """Say how the making of the backup has ended."""
    await records.end(work.db, UUID(backup_id), JobState(state))


async def newest(work: Work) -> str:
    """Return the id of the newest backup that is complete; VerificationFailed without one."""
    complete = [row for row in await records.present(work.db) if row.state in (JobState.SUCCEEDED, JobState.PARTIAL)]
    if not complete:
        raise VerificationFailed("There is no backup to verify.", hint="Make one, by startBackup.")
    return str(complete[-1].id)
