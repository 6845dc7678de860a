"""Backups in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from dataloaders.backups import BACKUPS, RESTORES, BackupById, Backups, RestoresByBackup
from dataloaders.jobs import JobById
from dataloaders.users import ActorById
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import BackupKind, JobState
from maestro.ids import Kind
from schema.connections import Connection
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    NumberCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.jobs import Job
from schema.list_arguments import brief_list_arguments, list_arguments
from schema.nodes import ActorReference, Node, by_id
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.restores import Restore

BackupId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Backup.")]


@strawberry.type(description="A copy of the data; it counts as good once it has been restored and compared.")
class Backup(Node, kind=Kind.Backup):
    """A backup's row."""

    label: str = column("What somebody calls it; may be empty.")
    scope: JSON = column("What it covers.")
    state: JobState = column("How its making went.")
    size_bytes: BigInt | None = column("Its size in bytes; null before it is complete.")
    manifest: JSON | None = column("What is in it; null before it is complete.")
    checksum: str | None = column("The digest of its signed manifest; null before it is complete.")
    location: str | None = column("Where it is kept.")
    schema_revision: str | None = column("The last migration that its data has; null before it is complete.")
    is_encrypted: bool = column("Whether it is encrypted.")
    is_protected: bool = column("Whether no rule removes it.")
    created_at: datetime = column("When it was asked for.")
    created_by: ActorReference | None = one(
        ActorById, key="created_by_id", description="Who asked for it; null for a schedule."
    )
    ended_at: datetime | None = column("When its making ended; null before.")
    verified_at: datetime | None = column("When it was last proved good; null for never.")
    verification: JSON | None = column("What the last proof found.")
    expires_at: datetime | None = column("From when on it may be removed; null for never.")
    removed_at: datetime | None = column("When its files were removed; null while they are there.")
    job: Job | None = one(JobById, key="job_id", description="The job that made it.")
    restores: Connection[Annotated["Restore", strawberry.lazy("schema.restores")]] = page(
        RestoresByBackup,
        arguments=brief_list_arguments(RESTORES),
        description="The times that it was restored, the newest first.",
    )

    @computed("kind", name="kind", description="How it was made.")
    def method(self) -> BackupKind:
        """Return the column; `kind` is the kind of node in Python."""
        return BackupKind(self.row.kind)

    @computed("verified_at", description="Whether it was proved good: restored, and compared row by row.")
    def is_verified(self) -> bool:
        """Look at the time."""
        return self.row.verified_at is not None


@filter_input("Which backups; all members that are given must hold.")
class BackupFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    kind: EnumCondition[BackupKind] | None = condition("By how they were made.")
    label: StringCondition | None = condition("By what somebody calls them.")
    state: EnumCondition[JobState] | None = condition("By how their making went.")
    is_verified: BooleanCondition | None = condition("Those that were proved good, or the others.")
    is_encrypted: BooleanCondition | None = condition("Those that are encrypted, or the others.")
    is_protected: BooleanCondition | None = condition("Those that no rule removes, or the others.")
    is_removed: BooleanCondition | None = condition("Those whose files are gone, or the others.")
    size_bytes: NumberCondition | None = condition("By size, in bytes.")
    created_at: DateTimeCondition | None = condition("By when they were asked for.")
    ended_at: DateTimeCondition | None = condition("By when their making ended.")
    verified_at: DateTimeCondition | None = condition("By when they were last proved good.")
    expires_at: DateTimeCondition | None = condition("By when they may be removed.")
    removed_at: DateTimeCondition | None = condition("By when their files were removed.")
    text: str | None = condition("By words of the label and the place; the last may be unfinished.")


backup_page = list_arguments(BACKUPS, BackupFilter, sort_input("BackupSort", BACKUPS), noun="backups")


@strawberry.type
class BackupQueries:
    """Root fields."""

    backup: Backup | None = one(BackupById, key=None, arguments=by_id(Kind.Backup), description="A backup by its id.")
    backups: Connection[Backup] = page(
        Backups,
        key=None,
        arguments=backup_page,
        description="The backups of the installation, which the first organisation has.",
    )
