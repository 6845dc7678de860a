"""The schedules that a new installation has, so that it backs itself up and stays tidy without anybody's doing."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.clock import now
from maestro.cron import next_runs
from maestro.db.engine import Transaction
from maestro.db.tables.enums import JobKind
from maestro.queue import starting

ZONE: Final = "UTC"
_CREATE: Final = """
    INSERT INTO job_schedule (id, organization_id, name, kind, cron, timezone, next_run_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization_id, name) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Standard:
    """A schedule by its name, what its jobs do, and when."""

    name: str
    kind: JobKind
    cron: str


STANDARD: Final = (
    Standard("Nightly backup", JobKind.BACKUP, "30 2 * * *"),
    Standard("Old backups", JobKind.PRUNE, "30 3 * * *"),
    Standard("Trash", JobKind.PURGE, "0 4 * * *"),
    Standard("Housekeeping", JobKind.HOUSEKEEPING, "5 * * * *"),
    Standard("Optimising", JobKind.OPTIMIZE, "0 5 * * 0"),
    Standard("Stored files", JobKind.SWEEP, "30 5 * * 0"),
)
"""The backup comes first, so that what is removed for good in a night is in one more backup."""
BASE_BACKUP: Final = Standard("Base backup", JobKind.BASE_BACKUP, "30 1 * * *")
"""Of use only with archived changes that follow it."""


async def ensure_schedules(tx: Transaction, organization_id: UUID, *, archives: bool = False) -> int:
    """Make the standard schedules of the first organisation and return how many were not there.

    To be called when that organisation is made and never again: what somebody deletes stays deleted. `archives` says
    whether the server keeps every change, so that base backups are of use.
    """
    made, moment = 0, now()
    for one in (*STANDARD, BASE_BACKUP) if archives else STANDARD:
        (upcoming,) = next_runs(one.cron, ZONE, moment)
        values = (uuid7(), organization_id, one.name, one.kind, one.cron, ZONE, upcoming)
        made += len(await tx.fetch_sql(_CREATE, *values))
    if archives:
        # Not tomorrow: every moment from now on can be returned to.
        await starting.start(tx, organization_id=organization_id, kind=JobKind.BASE_BACKUP)
    return made
