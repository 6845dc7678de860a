"""Changes of backups in the schema: each starts a job, but for labels and protection."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.backups
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.arguments import IdempotencyKey
from schema.backups import Backup, BackupId
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job


@strawberry.input(description="A new backup; nothing has to be told.")
class StartBackupInput:
    """What can be said of a backup."""

    label: str | None = strawberry.field(default=UNSET, description="What to call it, in at most 200 characters.")
    encrypt: bool | None = strawberry.field(
        default=UNSET, description="Whether to encrypt it; what the server's settings say unless given."
    )
    is_protected: bool = strawberry.field(default=False, description="Whether no rule removes it.")


@strawberry.input(description="Changes of a backup; what is left out stays as it is.")
class UpdateBackupInput:
    """What can be changed."""

    label: str | None = strawberry.field(default=UNSET, description="What to call it.")
    is_protected: bool | None = strawberry.field(default=UNSET, description="Whether no rule removes it.")


@strawberry.type
class BackupMutations:
    """Root fields."""

    @mutation(
        Permission.BACKUP_CREATE,
        description="Start a backup of the whole installation, in its first organisation. Its job makes it, restores "
        "it beside the data and compares it: only then it counts as good.",
    )
    async def start_backup(
        self,
        info: Info[Any, Any],
        input: Annotated[StartBackupInput | None, strawberry.argument(description="The backup.")] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Backup:
        """Start."""
        values = {} if input is None else given(input)
        row = await resolvers.backups.start(info.context, values, idempotency_key=idempotency_key)
        return Backup(row=row)

    @mutation(
        Permission.BACKUP_CREATE,
        description="Have a backup proved good once more: its job restores it beside the data and compares it. Returns "
        "the job.",
    )
    async def verify_backup(self, info: Info[Any, Any], id: BackupId, idempotency_key: IdempotencyKey = None) -> Job:
        """Verify."""
        key = uuid_of(Kind.Backup, id)
        return Job(row=await resolvers.backups.verify(info.context, key, idempotency_key=idempotency_key))

    @mutation(Permission.BACKUP_CREATE, description="Label a backup, or say whether rules may remove it.")
    async def update_backup(
        self,
        info: Info[Any, Any],
        id: BackupId,
        input: Annotated[UpdateBackupInput, strawberry.argument(description="The changes.")],
    ) -> Backup:
        """Update."""
        row = await resolvers.backups.change(info.context, uuid_of(Kind.Backup, id), given(input))
        return Backup(row=row)

    @mutation(
        Permission.BACKUP_CREATE,
        description="Have the files of a backup removed; what it was stays to be read. One that is protected, and the "
        "last one that was proved good, are refused. Returns the job.",
    )
    async def delete_backup(self, info: Info[Any, Any], id: BackupId, idempotency_key: IdempotencyKey = None) -> Job:
        """Delete."""
        key = uuid_of(Kind.Backup, id)
        return Job(row=await resolvers.backups.delete(info.context, key, idempotency_key=idempotency_key))

    @mutation(
        Permission.BACKUP_CREATE,
        description="Have the backups removed that no rule keeps. Returns the job; its result lists them. A dry run "
        "removes none.",
    )
    async def prune_backups(
        self,
        info: Info[Any, Any],
        *,
        dry_run: Annotated[bool, strawberry.argument(description="Whether only to tell what would go.")] = False,
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Prune."""
        row = await resolvers.backups.prune(info.context, is_dry_run=dry_run, idempotency_key=idempotency_key)
        return Job(row=row)
