"""Emptying the trash: what is past its time, or one object on demand, is removed for good, with a receipt."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs
from maestro.db.engine import Database, Scope
from maestro.progress import Progress, untold
from ops import freeing, removal
from ops.freeing import GRACE, Freed

TABLES: Final = (
    "project",
    "experiment",
    "registered_model",
    "artifact",
    "connector",
    "run",
    "model_version",
    "model_alias",
)
"""What can lie in the trash, what may contain others first."""

# What another object took along goes with it.
_DUE: Final = """
    SELECT organization_id, id FROM {table}
    WHERE deleted_at IS NOT NULL AND purge_at <= now() AND trashed_with_id IS NULL
        AND ($1::uuid IS NULL OR organization_id = $1)
    ORDER BY organization_id, id
"""
# From now on nobody can bring it back: whoever is just doing so holds its row, and is waited for.
_DOOM: Final = """
    SELECT id FROM {table} WHERE id = ANY($1) AND deleted_at IS NOT NULL AND purge_at <= now() ORDER BY id FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class Purged:
    """The receipt: how many objects were removed, of which tables how many rows, and what that freed of stored bytes.

    `organizations` are those in which something was removed.
    """

    objects: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    files: Freed = field(default_factory=Freed)
    organizations: tuple[UUID, ...] = ()
    is_dry_run: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The same as plain JSON, for the result of a job."""
        return {
            "objects": self.objects,
            "rows": dict(self.rows),
            "blobs": self.files.blobs,
            "bytes": self.files.bytes,
            "freedBytes": self.files.freed_bytes,
            "isBusy": self.files.is_busy,
            "isDryRun": self.is_dry_run,
        }


@dataclass(frozen=True, slots=True)
class _Batch:
    """Objects of one table and one organisation."""

    table: str
    organization_id: UUID
    ids: Sequence[UUID]


@dataclass(slots=True)
class _Purge:
    """A purge that is under way."""

    db: Database
    progress: Progress
    is_dry: bool
    objects: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    versions: defaultdict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    """Versions of artifacts that would go, in a dry run."""

    async def run(self, batches: Sequence[_Batch]) -> None:
        total, done = sum(len(batch.ids) for batch in batches), 0
        for batch in batches:
            self.progress("Purging", done, total, unit="objects")
            view = self.db.within(Scope(batch.organization_id))
            if self.is_dry:
                self.rows += await removal.count(view, batch.table, batch.ids)
                self.versions[batch.organization_id] += await removal.versions(view, batch.table, batch.ids)
                self.objects += len(batch.ids)
            else:
                await self._remove(view, batch)
            done += len(batch.ids)
        self.progress("Purging", total, total, unit="objects")

    async def _remove(self, view: Database, batch: _Batch) -> None:
        async with view.transaction() as tx:
            rows = await tx.fetch_sql(_DOOM.format(table=batch.table), list(batch.ids))
        doomed = [row.id for row in rows]
        if doomed:
            self.rows += await removal.remove(view, batch.table, doomed)
            self.objects += len(doomed)


async def purge(
    db: Database,
    blobs: LocalBlobs,
    *,
    organization_id: UUID | None = None,
    dry_run: bool = False,
    grace: timedelta = GRACE,
    progress: Progress = untold,
) -> Purged:
    """Remove what is past its time in the trash, in one organisation or in all, and the bytes that no file has then.

    In small transactions: cancelled at any point, what is left is removed the next time. `db` sees every row.
    """
    work = _Purge(db, progress, is_dry=dry_run)
    batches = [batch for table in TABLES for batch in await _due(db, table, organization_id)]
    await work.run(batches)
    places = [organization_id] if organization_id else await _organizations(db)
    return await _receipt(work, blobs, places, grace=grace)


async def _due(db: Database, table: str, organization_id: UUID | None) -> list[_Batch]:
    rows = await db.fetch_sql(_DUE.format(table=table), organization_id)
    batches = []
    for place, found in groupby(rows, key=lambda row: row.organization_id):
        ids = [row.id for row in found]
        starts = range(0, len(ids), removal.BATCH)
        batches += [_Batch(table, place, ids[start : start + removal.BATCH]) for start in starts]
    return batches


async def _organizations(db: Database) -> list[UUID]:
    return [row.id for row in await db.fetch_sql("SELECT id FROM organization ORDER BY id")]


async def _receipt(work: _Purge, blobs: LocalBlobs, places: Sequence[UUID], *, grace: timedelta) -> Purged:
    """Free the bytes that no file has any more, and tell what was done."""
    freed, touched = Freed(), []
    for done, place in enumerate(places):
        work.progress("Freeing bytes", done, len(places), unit="organizations")
        if work.is_dry:
            found = await freeing.unused(work.db, place, besides=work.versions[place])
        else:
            found = await freeing.free(work.db, blobs, place, grace=grace)
        touched += [place] if found.blobs else []
        freed += found
    return Purged(work.objects, +work.rows, freed, tuple(touched), is_dry_run=work.is_dry)
