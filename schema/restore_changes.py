"""Restores that are started and undone, in the schema."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.restores
from maestro.access import Permission
from maestro.errors import InvalidInput
from maestro.ids import Kind, uuid_of
from resolvers.restores import Wish
from schema.arguments import IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job
from schema.restores import Restore, RestoreId

DryRun = Annotated[
    bool,
    strawberry.argument(description="Whether to do everything but the last step, so that nothing changes."),
]
KeepForHours = Annotated[
    int | None,
    strawberry.argument(
        description="How long to keep what is replaced, in hours, at most 2,160; what the server's settings say unless "
        "given."
    ),
]


@strawberry.input(description="An organisation of a backup, to be restored as a new one.")
class RestoreOrganizationInput:
    """One organisation."""

    id: strawberry.ID = strawberry.field(description="Its id in the backup; it need not be there any more.")
    new_slug: str = strawberry.field(description="The slug of the new organisation.")


@strawberry.input(description="A project of a backup, to be restored as a new one.")
class RestoreProjectInput:
    """One project."""

    id: strawberry.ID = strawberry.field(description="Its id in the backup; it need not be there any more.")
    new_name: str = strawberry.field(description="The name of the new project.")


@strawberry.input(one_of=True, description="What of a backup to restore: exactly one member.")
class RestoreScopeInput:
    """One of three."""

    everything: bool | None = strawberry.field(default=UNSET, description="All of it, in the place of what is there.")
    organization: RestoreOrganizationInput | None = strawberry.field(
        default=UNSET, description="One organisation, as a new one beside the others."
    )
    project: RestoreProjectInput | None = strawberry.field(
        default=UNSET, description="One project, as a new one beside the others."
    )


@strawberry.type
class RestoreMutations:
    """Root fields."""

    @mutation(
        Permission.BACKUP_RESTORE,
        description="Start the return to a backup, in the first organisation. Its job validates the backup, makes a "
        "safety backup, restores beside the data, compares, and exchanges the databases within a moment in which "
        "requests are answered with RESTORING. What is replaced is kept for a time, and rollbackRestore returns to it.",
    )
    async def start_restore(
        self,
        info: Info[Any, Any],
        backup_id: Annotated[strawberry.ID, strawberry.argument(description="The id of a Backup.")],
        scope: Annotated[
            RestoreScopeInput | None, strawberry.argument(description="What of it; everything unless given.")
        ] = None,
        *,
        dry_run: DryRun = False,
        keep_for_hours: KeepForHours = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Restore:
        """Start."""
        key, wanted = uuid_of(Kind.Backup, backup_id, field="backupId"), _scope(scope)
        wish = _wish(dry_run, keep_for_hours, idempotency_key)
        return Restore(row=await resolvers.restores.start(info.context, key, wish, scope=wanted))

    @mutation(
        Permission.BACKUP_RESTORE,
        description="Start the return of everything to a moment, from a base backup and the changes that were archived "
        "since, as startRestore does.",
    )
    async def restore_to_time(
        self,
        info: Info[Any, Any],
        time: Annotated[datetime, strawberry.argument(description="The moment.")],
        *,
        dry_run: DryRun = False,
        keep_for_hours: KeepForHours = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Restore:
        """Start."""
        wish = _wish(dry_run, keep_for_hours, idempotency_key)
        return Restore(row=await resolvers.restores.start_to_time(info.context, time, wish))

    @mutation(
        Permission.BACKUP_RESTORE,
        description="Undo a restore: the database that it replaced takes its place again. What was written since the "
        "restore is kept aside like it was. Returns the job.",
    )
    async def rollback_restore(
        self, info: Info[Any, Any], id: RestoreId, idempotency_key: IdempotencyKey = None
    ) -> Job:
        """Roll back."""
        key = uuid_of(Kind.Restore, id)
        return Job(row=await resolvers.restores.roll_back(info.context, key, idempotency_key=idempotency_key))


def _scope(scope: RestoreScopeInput | None) -> dict[str, Any]:
    """Return what to restore as the use case takes it."""
    match {} if scope is None else given(scope):
        case {"organization": {"id": key, "new_slug": slug}}:
            found = uuid_of(Kind.Organization, key, field="scope.organization.id")
            return {"organization_id": found, "new_slug": slug}
        case {"project": {"id": key, "new_name": name}}:
            return {"project_id": uuid_of(Kind.Project, key, field="scope.project.id"), "new_name": name}
        case {"everything": False}:
            raise InvalidInput("Nothing is to be restored.", field="scope.everything", hint="Leave the scope out.")
        case _:
            return {}


def _wish(dry_run: bool, keep_for_hours: int | None, idempotency_key: str | None) -> Wish:  # noqa: FBT001 -- as it was sent
    keep_for = None if keep_for_hours is None else timedelta(hours=keep_for_hours)
    return Wish(is_dry_run=dry_run, keep_for=keep_for, idempotency_key=idempotency_key)
