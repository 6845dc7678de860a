"""Where an import goes, what of the source is wanted, and what has come of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs
from connectors.tracking.capability import TrackingSource
from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.errors import Conflict, MaestroError, NotFound

MOST_FAILURES: Final = 200
"""So many failures are told of one by one; beyond that they are counted."""
_PROJECT: Final = """
    SELECT id, last_run_number, deleted_at FROM project WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A project, as who acts sees it: `db` shows the project's organisation and no other one.

    `drafts` is a folder for files on their way, `largest_file` the most bytes that one may have.
    """

    db: Database
    organization_id: UUID
    project_id: UUID
    actor_id: UUID | None
    blobs: LocalBlobs
    drafts: Path
    largest_file: int

    async def hold(self, tx: Transaction) -> Row:
        """Lock the project, so that one import at a time writes into it; NotFound, Conflict when it is in the trash."""
        rows = await tx.fetch_sql(_PROJECT, self.project_id, self.organization_id)
        if not rows:
            raise NotFound("There is no such Project.")
        if rows[0].deleted_at is not None:
            raise Conflict("This Project is in the trash.", hint="Restore it first, or choose another.")
        return rows[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a source: all experiments unless some are named, runs that began since a time."""

    experiments: Sequence[str] | None = None
    with_files: bool = True
    with_models: bool = True
    since: datetime | None = None


@dataclass(slots=True)
class Report:
    """How much has come, and what has not."""

    experiments: int = 0
    runs_created: int = 0
    runs_updated: int = 0
    runs_unchanged: int = 0
    runs_in_trash: int = 0
    """Left alone: somebody has deleted them here."""
    points: int = 0
    points_left_out: int = 0
    """Points at steps below 0, and earlier ones of several at one step."""
    files: int = 0
    size_bytes: int = 0
    models: int = 0
    model_versions: int = 0
    failed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many runs have been looked at."""
        return self.runs_created + self.runs_updated + self.runs_unchanged + self.runs_in_trash

    def fails(self, noun: str, name: str, error: MaestroError) -> None:
        """Take note of something that could not be brought in."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append({"noun": noun, "name": name, "code": error.code, "message": error.message})

    @property
    def document(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return asdict(self)


async def require_alive(source: TrackingSource, error: MaestroError) -> None:
    """Raise the error unless the source answers others: then it concerns what was asked, and the rest goes on."""
    try:
        await source.identify()
    except MaestroError:
        raise error from None
