"""Comparing stored bytes with their rows: files that nothing names are removed, rows without a file are told.

Such files stay behind when an upload, a copy or a purge ends between its file and its row. They are left alone as long
as their row may be about to be written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from connectors.blob_folder import StoredFile
from connectors.local import LocalBlobs
from maestro.clock import now
from maestro.db.engine import Database, Scope
from maestro.progress import Progress, untold
from ops.freeing import NAMED, remove_files

GRACE: Final = timedelta(hours=1)
BATCH: Final = 500
MOST_TOLD: Final = 100
"""So many rows without a file are named; all of them are counted."""

_ROWS: Final = """
    SELECT sha256 FROM blob WHERE organization_id = $1 AND sha256 > $2 ORDER BY sha256 LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """A row whose file is not there."""

    organization_id: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class Swept:
    """What was found: files that nothing names, how many bytes they have, and what was removed of them.

    `young` files are too new to tell; `lost` are rows without their file, the first of them.
    """

    files: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    removed: int = 0
    freed_bytes: int = 0
    young: int = 0
    lost_count: int = 0
    lost: tuple[Lost, ...] = ()
    is_dry_run: bool = False

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(
            self.files + other.files,
            self.orphans + other.orphans,
            self.orphan_bytes + other.orphan_bytes,
            self.removed + other.removed,
            self.freed_bytes + other.freed_bytes,
            self.young + other.young,
            self.lost_count + other.lost_count,
            (*self.lost, *other.lost)[:MOST_TOLD],
            self.is_dry_run or other.is_dry_run,
        )

    @property
    def document(self) -> dict[str, Any]:
        """The same as plain JSON, for the result of a job."""
        return {
            "files": self.files,
            "orphans": self.orphans,
            "orphanBytes": self.orphan_bytes,
            "removed": self.removed,
            "freedBytes": self.freed_bytes,
            "young": self.young,
            "lostCount": self.lost_count,
            "lost": [{"organizationId": str(one.organization_id), "sha256": one.sha256} for one in self.lost],
            "isDryRun": self.is_dry_run,
        }


async def sweep(
    db: Database,
    blobs: LocalBlobs,
    *,
    dry_run: bool = False,
    grace: timedelta = GRACE,
    progress: Progress = untold,
) -> Swept:
    """Look through all files of the store and all rows of blobs; `db` sees every row. Cancelled, it has done a part."""
    rows = await db.fetch_sql("SELECT id FROM organization ORDER BY id")
    places = sorted({row.id for row in rows} | set(await blobs.organizations()))
    found, before = Swept(is_dry_run=dry_run), now() - grace
    for done, place in enumerate(places):
        progress("Comparing files", done, len(places), unit="organizations")
        view = db.within(Scope(place))
        async for shelf in blobs.listed(place):
            orphans = await _orphans(view, place, shelf)
            found += _judged(shelf, orphans, before)
            if not dry_run:
                found += await _removed(view, blobs, place, digests=_old(orphans, before), before=before)
        found += await _lost(view, blobs, place)
    progress("Comparing files", len(places), len(places), unit="organizations")
    return found


async def _orphans(view: Database, place: UUID, shelf: Sequence[StoredFile]) -> list[StoredFile]:
    named = {row.sha256 for row in await view.fetch_sql(NAMED, place, [file.sha256 for file in shelf])}
    return [file for file in shelf if file.sha256 not in named]


def _judged(shelf: Sequence[StoredFile], orphans: Sequence[StoredFile], before: datetime) -> Swept:
    old = [file for file in orphans if file.at <= before.timestamp()]
    return Swept(
        files=len(shelf),
        orphans=len(old),
        orphan_bytes=sum(file.size for file in old),
        young=len(orphans) - len(old),
    )


def _old(orphans: Sequence[StoredFile], before: datetime) -> list[str]:
    return [file.sha256 for file in orphans if file.at <= before.timestamp()]


async def _removed(view: Database, blobs: LocalBlobs, place: UUID, *, digests: list[str], before: datetime) -> Swept:
    """Remove files, once more sure that nothing names them by now."""
    back: dict[str, int] = {}
    for start in range(0, len(digests), BATCH):
        back |= await remove_files(view, blobs, place, digests=digests[start : start + BATCH], before=before)
    return Swept(removed=len(back), freed_bytes=sum(back.values()))


async def _lost(view: Database, blobs: LocalBlobs, place: UUID) -> Swept:
    """Look for the file of each row; a row comes after its file, so one without is one too many."""
    found, last = Swept(), ""
    while rows := await view.fetch_sql(_ROWS, place, last, BATCH):
        missing = tuple([Lost(place, row.sha256) for row in rows if not await blobs.has(place, row.sha256)])
        found += Swept(lost_count=len(missing), lost=missing)
        last = rows[-1].sha256
    return found
