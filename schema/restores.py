"""Restores in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from dataloaders.backups import RESTORES, BackupById, RestoreById, Restores
from dataloaders.jobs import JobById
from dataloaders.users import ActorById
from execution.declare import column, computed, one, page
from maestro.clock import now
from maestro.db.tables.enums import JobState
from maestro.ids import Kind
from maestro.job_inputs import on_wire
from schema.backups import Backup
from schema.connections import Connection
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.jobs import Job
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, by_id

RestoreId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Restore.")]


@strawberry.type(description="The return to a backup or to a moment.")
class Restore(Node, kind=Kind.Restore):
    """A restore's row."""

    state: JobState = column("How it went.")
    target_time: datetime | None = column("The moment that it returns to; null for the state of the backup.")
    is_dry_run: bool = column("Whether everything was done but the last step, so that nothing changed.")
    verification: JSON | None = column("What the comparison with the backup found; null before it.")
    timings: JSON | None = column("Seconds by step, and `unavailable` for how long nobody was answered.")
    kept_database: str | None = column("The name of the database that was replaced; null when it is not kept.")
    kept_until: datetime | None = column("How long the replaced database is kept; null when it is not.")
    rolled_back_at: datetime | None = column("When it was undone; null when it was not.")
    created_at: datetime = column("When it was asked for.")
    created_by: ActorReference | None = one(ActorById, key="created_by_id", description="Who asked for it.")
    ended_at: datetime | None = column("When it ended; null before.")
    job: Job | None = one(JobById, key="job_id", description="The job that does it.")
    backup: Backup | None = one(BackupById, key="backup_id", description="The backup that it returns to.")
    safety_backup: Backup | None = one(
        BackupById, key="safety_backup_id", description="The backup that was made before, of what was replaced."
    )

    @computed("scope", name="scope", description="What of the backup: `what` is EVERYTHING, ORGANIZATION or PROJECT.")
    def covered(self) -> JSON:
        """Return the column by the names of the schema."""
        return JSON(on_wire(self.row.scope))

    @computed(
        "kept_database",
        "kept_until",
        "rolled_back_at",
        description="Whether it can be undone now: what it replaced is still there.",
    )
    def can_roll_back(self) -> bool:
        """Look at what is kept."""
        row = self.row
        is_kept = row.kept_database is not None and row.kept_until is not None and row.kept_until > now()
        return is_kept and row.rolled_back_at is None


@filter_input("Which restores; all members that are given must hold.")
class RestoreFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    backup: IdCondition | None = condition("By the backup that they return to.")
    state: EnumCondition[JobState] | None = condition("By how they went.")
    is_dry_run: BooleanCondition | None = condition("Those that changed nothing, or the others.")
    target_time: DateTimeCondition | None = condition("By the moment that they return to.")
    created_at: DateTimeCondition | None = condition("By when they were asked for.")
    ended_at: DateTimeCondition | None = condition("By when they ended.")
    kept_until: DateTimeCondition | None = condition("By how long the replaced data is kept.")
    rolled_back_at: DateTimeCondition | None = condition("By when they were undone.")
    text: str | None = condition("By words of the name of the database that is kept; the last may be unfinished.")


restore_page = list_arguments(RESTORES, RestoreFilter, sort_input("RestoreSort", RESTORES), noun="restores")


@strawberry.type
class RestoreQueries:
    """Root fields."""

    restore: Restore | None = one(
        RestoreById, key=None, arguments=by_id(Kind.Restore), description="A restore by its id."
    )
    restores: Connection[Restore] = page(
        Restores,
        key=None,
        arguments=restore_page,
        description="The restores of the installation, which the first organisation has.",
    )
