"""Use cases of maintenance: looking after the database and the store, by jobs, in the first organisation."""

from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.rows import Row
from maestro.db.tables import Job
from maestro.db.tables.enums import JobKind
from maestro.errors import InvalidInput
from maestro.job_inputs import INPUTS, BaseBackupInput
from resolvers import backups, installation, jobs
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer


class MaintenanceKind(StrEnum):
    """What can be done to look after an installation; each is a kind of jobs too."""

    COMPACT = "COMPACT"
    OPTIMIZE = "OPTIMIZE"
    SWEEP = "SWEEP"
    PURGE = "PURGE"
    HOUSEKEEPING = "HOUSEKEEPING"
    BASE_BACKUP = "BASE_BACKUP"


async def start(ctx: Context, kind: MaintenanceKind, *, is_dry_run: bool, idempotency_key: str | None = None) -> Row:
    """Start some maintenance and return its job; a dry run only tells what would be done.

    Forbidden for who may not start jobs of that kind and outside of the first organisation, InvalidInput for a dry run
    of what has none.
    """
    model = INPUTS[JobKind(kind)]
    ctx.require(model.needs)
    if is_dry_run and "dry_run" not in model.model_fields:
        raise InvalidInput(f"{kind} has no dry run.", field="dryRun")
    asked = model.model_validate({"dry_run": True} if is_dry_run else {})
    installation.require(is_here=await installation.is_here(ctx))

    async def write(writer: Writer) -> Row:
        if isinstance(asked, BaseBackupInput):
            backup_id: UUID = uuid7()
            made = asked.model_copy(update={"backup_id": backup_id})
            backup = await backups.begin(writer, made, idempotency_key=idempotency_key)
            return await writer.row(Job, backup.job_id)
        return await jobs.start(writer, asked, idempotency_key=idempotency_key)

    given = {"kind": kind, "dry_run": is_dry_run}
    return await write_once(ctx, Job, Once("startMaintenance", idempotency_key, given), write=write)
