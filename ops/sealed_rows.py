"""Secrets in rows of the database, whatever they belong to: counted by master key, and wrapped anew by the current."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from maestro import notifications
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.errors import DamagedSecret
from maestro.vault import Sealed, Vault
from ops import connector_secrets

logger = logging.getLogger(__name__)

BATCH: Final = 200
"""So many secrets are wrapped anew in one transaction."""
FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with sealed secrets, the column of their rows' ids, and what a secret of a row belongs to."""

    name: str
    key: str
    place_of: Callable[[UUID, UUID], str]

    @property
    def due(self) -> str:
        """The next rows under some keys; locked, so that nobody sets a secret between the reading and the writing."""
        return f"""
            SELECT organization_id, {self.key} AS id, key_id, wrapped_key, ciphertext FROM {self.name}
            WHERE {self.key} > $1 AND key_id = ANY($2) ORDER BY {self.key} LIMIT $3 FOR UPDATE
        """  # noqa: S608 -- names of ours

    @property
    def rewrap(self) -> str:
        """Give rows other wrapped keys."""
        return f"""
            UPDATE {self.name} s SET key_id = made.key_id, wrapped_key = made.wrapped_key
            FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS made (id, key_id, wrapped_key)
            WHERE s.{self.key} = made.id
        """  # noqa: S608 -- names of ours


TABLES: Final = (
    SealedTable("connector_secret", "connector_id", connector_secrets.place_of),
    SealedTable("notification_channel", "id", notifications.place_of),
)
_COUNTS: Final = " UNION ALL ".join(
    f"SELECT key_id, count(*) AS n FROM {table.name} WHERE key_id IS NOT NULL GROUP BY key_id"  # noqa: S608 -- ours
    for table in TABLES
)
_BACKUPS: Final = """
    SELECT manifest ->> 'key_id' AS key_id, count(*) AS n FROM backup
    WHERE removed_at IS NULL AND manifest ? 'key_id' GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many secrets were wrapped by the current master key, and how many could not be: they are damaged."""

    secrets: int = 0
    damaged: int = 0

    def __add__(self, other: "Rewrapped") -> "Rewrapped":
        return Rewrapped(self.secrets + other.secrets, self.damaged + other.damaged)


async def counts(db: Database) -> dict[str, int]:
    """Return how many secrets there are under each master key, over all organisations."""
    found: dict[str, int] = {}
    for row in await db.fetch_sql(_COUNTS):
        found[row.key_id] = found.get(row.key_id, 0) + row.n
    return dict(sorted(found.items()))


async def backup_counts(db: Database) -> dict[str, int]:
    """Return how many backups are signed, and perhaps encrypted, under each master key: none can be wrapped anew."""
    return {row.key_id: row.n for row in await db.fetch_sql(_BACKUPS)}


async def rewrap(db: Database, vault: Vault) -> Rewrapped:
    """Wrap every secret by the current master key, over all organisations.

    Secrets under a key that is not there are left alone. Each batch is a transaction, and the keys of both sides are at
    hand: whenever this is stopped, every secret opens, and starting it again goes on where it was.
    """
    done = Rewrapped()
    for table in TABLES:
        done += await _rewrap(db, vault, table)
    return done


async def _rewrap(db: Database, vault: Vault, table: SealedTable) -> Rewrapped:
    done, last = Rewrapped(), FIRST
    while True:
        async with db.transaction() as tx:
            earlier = list(vault.keys.ids[1:])
            rows = await tx.fetch_sql(table.due, last, earlier, BATCH)
            if not rows:
                return done
            made = {row.id: sealed for row in rows if (sealed := _rewrapped(vault, row, table)) is not None}
            keys = [sealed.key_id for sealed in made.values()]
            await tx.fetch_sql(table.rewrap, list(made), keys, [sealed.wrapped_key for sealed in made.values()])
        last = rows[-1].id
        done += Rewrapped(len(made), len(rows) - len(made))


def _rewrapped(vault: Vault, row: Row, table: SealedTable) -> Sealed | None:
    sealed = Sealed(row.key_id, row.wrapped_key, row.ciphertext)
    try:
        return vault.rewrap(sealed, belongs_to=table.place_of(row.organization_id, row.id))
    except DamagedSecret:
        logger.warning("The secret of %s %s is damaged, and stays under its key.", table.name, row.id)
        return None
