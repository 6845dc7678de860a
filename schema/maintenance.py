"""Maintenance in the schema: each kind is a job."""

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.maintenance
from maestro.access import Permission
from resolvers.maintenance import MaintenanceKind
from schema.arguments import IdempotencyKey
from schema.enums import described
from schema.guards import mutation
from schema.jobs import Job

described(
    MaintenanceKind,
    "What can be done to look after an installation.",
    {
        "COMPACT": "Pack metric points.",
        "OPTIMIZE": "Look after indexes, statistics and prepared aggregates of the database.",
        "SWEEP": "Remove the files that nothing refers to.",
        "PURGE": "Remove for good what has been in the trash for long enough; it also takes TRASH_PURGE.",
        "HOUSEKEEPING": "Forget what nobody needs: old jobs, used keys and links.",
        "BASE_BACKUP": "Copy the files of the database server, from which restoreToTime reaches every later moment; it "
        "also takes BACKUP_CREATE.",
    },
)


@strawberry.type
class MaintenanceMutations:
    """Root fields."""

    @mutation(
        Permission.MAINTENANCE_RUN,
        description="Start some maintenance of the whole installation, in its first organisation. Returns the job.",
    )
    async def start_maintenance(
        self,
        info: Info[Any, Any],
        kind: Annotated[MaintenanceKind, strawberry.argument(description="What to do.")],
        *,
        dry_run: Annotated[
            bool, strawberry.argument(description="Whether only to tell what would be done, where that is possible.")
        ] = False,
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Start."""
        row = await resolvers.maintenance.start(info.context, kind, is_dry_run=dry_run, idempotency_key=idempotency_key)
        return Job(row=row)
