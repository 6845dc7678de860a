"""Removing stored bytes that no file has any more: first their rows, then what lies on the disk.

Safe beside uploads: whoever names bytes holds the lock of `maestro.db.blobs` until they commit, and bytes that have
just come are left alone, as their row may be about to be written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from connectors.local import LocalBlobs
from maestro.clock import now
from maestro.db import blobs as lock
from maestro.db.engine import Database, Scope

BATCH: Final = 500
GRACE: Final = timedelta(minutes=10)
"""How long ago bytes must have come to be removed: an upload names them right after it has written them."""

_UNUSED: Final = """
    FROM blob b WHERE organization_id = $1 AND NOT EXISTS (
        SELECT FROM artifact_entry e WHERE e.organization_id = b.organization_id AND e.sha256 = b.sha256
            AND e.connector_id IS NULL {}
    )
"""
_COUNT: Final = "SELECT count(*) AS n, coalesce(sum(size_bytes), 0)::bigint AS bytes" + _UNUSED.format(
    "AND e.version_id <> ALL($2)"
)
_FORGET: Final = f"""
    DELETE FROM blob WHERE organization_id = $1 AND sha256 IN (SELECT b.sha256 {_UNUSED.format("")} LIMIT {BATCH})
    RETURNING sha256, size_bytes
"""  # noqa: S608 -- our own SQL, put together
NAMED: Final = """
    SELECT sha256 FROM blob WHERE organization_id = $1 AND sha256 = ANY($2)
    UNION SELECT sha256 FROM artifact_entry
        WHERE organization_id = $1 AND sha256 = ANY($2) AND connector_id IS NULL
"""
"""Which of some digests a row of an organisation names."""


@dataclass(frozen=True, slots=True)
class Freed:
    """How many bytes no file has any more, of how many blobs, and how many bytes the disk has got back.

    These are fewer where another organisation has the same bytes, and where some have come just now: those are left
    for the sweep. `is_busy` says that somebody was naming bytes, so that nothing could be removed this time.
    """

    blobs: int = 0
    bytes: int = 0
    freed_bytes: int = 0
    is_busy: bool = False

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(
            self.blobs + other.blobs,
            self.bytes + other.bytes,
            self.freed_bytes + other.freed_bytes,
            self.is_busy or other.is_busy,
        )


async def unused(db: Database, organization_id: UUID, *, besides: list[UUID]) -> Freed:
    """Count what `free` would remove once some versions of artifacts are gone."""
    (found,) = await db.fetch_sql(_COUNT, organization_id, besides)
    return Freed(found.n, found.bytes)


async def free(db: Database, blobs: LocalBlobs, organization_id: UUID, *, grace: timedelta = GRACE) -> Freed:
    """Remove an organisation's bytes that no file has: a batch at a time, each row before its bytes."""
    view, freed = db.within(Scope(organization_id)), Freed()
    while True:
        async with view.transaction() as tx:
            if not await lock.claim(tx, organization_id):
                return freed + Freed(is_busy=True)
            gone = {row.sha256: row.size_bytes for row in await tx.fetch_sql(_FORGET, organization_id)}
        if not gone:
            return freed
        back = await remove_files(view, blobs, organization_id, digests=list(gone), before=now() - grace)
        freed += Freed(len(gone), sum(gone.values()), sum(back.values()))


async def remove_files(
    view: Database, blobs: LocalBlobs, organization_id: UUID, *, digests: list[str], before: datetime
) -> dict[str, int]:
    """Remove files that came before a moment and that nothing names, and return what the disk has got back by each."""
    back: dict[str, int] = {}
    async with view.transaction() as tx:
        if not await lock.claim(tx, organization_id):
            return back
        named = {row.sha256 for row in await tx.fetch_sql(NAMED, organization_id, digests)}
        for digest in digests:
            if digest not in named and (size := await blobs.remove(organization_id, digest, before=before)) is not None:
                back[digest] = size
    return back
