"""Objects of artifact stores that no file has: bytes that were let go, and uploads that nobody has completed in time.

Keys are never used twice, so an object that may go can be removed at any time: no later upload of the same bytes lies
under its key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from maestro.db import blobs as lock
from maestro.db.engine import Database, Scope
from maestro.db.rows import Row
from maestro.errors import MaestroError
from maestro.settings import Settings
from maestro.vault import Vault
from ops.connectors.opening import find, opening

BATCH: Final = 500
GRACE: Final = timedelta(hours=1)
"""An upload that has begun before it expired may take so much longer."""
_LET_GO: Final = f"""
    WITH gone AS (
        DELETE FROM remote_blob WHERE (organization_id, connector_id, sha256) IN (
            SELECT organization_id, connector_id, sha256 FROM remote_blob b WHERE organization_id = $1 AND NOT EXISTS (
                SELECT FROM artifact_entry e WHERE e.organization_id = b.organization_id AND e.sha256 = b.sha256
                    AND e.connector_id = b.connector_id
            ) LIMIT {BATCH}
        ) RETURNING organization_id, connector_id, sha256, size_bytes, key
    )
    INSERT INTO loose_object (id, organization_id, connector_id, sha256, size_bytes, key, expires_at)
    SELECT gen_random_uuid(), organization_id, connector_id, sha256, size_bytes, key, now() FROM gone RETURNING id
"""  # noqa: S608 -- our own SQL, put together
_EXPIRED: Final = f"""
    SELECT id, organization_id, connector_id, key FROM loose_object
    WHERE expires_at + CASE WHEN path IS NULL THEN interval '0' ELSE $1::interval END <= now()
        AND connector_id <> ALL($2)
    ORDER BY connector_id, id LIMIT {BATCH}
"""  # noqa: S608 -- our own SQL, put together
_FORGET: Final = "DELETE FROM loose_object WHERE id = ANY($1)"


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many objects were removed from stores, and how many are left since their stores could not be reached."""

    removed: int = 0
    failed: int = 0

    def __add__(self, other: "Cleared") -> "Cleared":
        return Cleared(self.removed + other.removed, self.failed + other.failed)


async def clear(db: Database, vault: Vault, settings: Settings, *, grace: timedelta = GRACE) -> Cleared:
    """Remove from their stores all objects that no file has and that nobody awaits; `db` sees every row.

    A store that cannot be reached keeps its objects until the next time.
    """
    for row in await db.fetch_sql("SELECT id FROM organization ORDER BY id"):
        await _let_go(db, row.id)
    found, unreachable = Cleared(), list[UUID]()
    while rows := await db.fetch_sql(_EXPIRED, grace, unreachable):
        for connector_id, some in groupby(rows, key=lambda row: row.connector_id):
            objects = list(some)
            try:
                await _remove(db, vault, settings, objects=objects)
                found += Cleared(removed=len(objects))
            except MaestroError:
                unreachable.append(connector_id)
                found += Cleared(failed=len(objects))
    return found


async def _let_go(db: Database, organization_id: UUID) -> None:
    """Forget the bytes that no file of an organisation has any more, unless somebody is just naming some."""
    view = db.within(Scope(organization_id))
    while True:
        async with view.transaction() as tx:
            if not await lock.claim(tx, organization_id) or not await tx.fetch_sql(_LET_GO, organization_id):
                return


async def _remove(db: Database, vault: Vault, settings: Settings, *, objects: Sequence[Row]) -> None:
    target = await find(db, objects[0].connector_id, objects[0].organization_id)
    async with opening(target, vault, settings) as store:
        await store.delete([one.key for one in objects])
    await db.fetch_sql(_FORGET, [one.id for one in objects])
