"""Stored credentials of connectors: read for what connects, and wrapped anew when the master key is changed."""

import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from maestro.credentials import Credential, opened
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import ConnectorKind
from maestro.errors import DamagedSecret
from maestro.vault import Sealed, Vault

logger = logging.getLogger(__name__)

BATCH: Final = 200
"""So many secrets are wrapped anew in one transaction."""
FIRST: Final = UUID(int=0)

_READ: Final = """
    SELECT c.kind, s.organization_id, s.connector_id, s.key_id, s.wrapped_key, s.ciphertext
    FROM connector_secret s JOIN connector c ON c.id = s.connector_id WHERE s.connector_id = $1
"""
# Locked, so that nobody sets a secret between the reading of a key and its writing.
_DUE: Final = """
    SELECT organization_id, connector_id, key_id, wrapped_key, ciphertext FROM connector_secret
    WHERE connector_id > $1 AND key_id = ANY($2) ORDER BY connector_id LIMIT $3 FOR UPDATE
"""
_REWRAP: Final = """
    UPDATE connector_secret s SET key_id = made.key_id, wrapped_key = made.wrapped_key
    FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS made (connector_id, key_id, wrapped_key)
    WHERE s.connector_id = made.connector_id
"""
_COUNTS: Final = "SELECT key_id, count(*) AS n FROM connector_secret GROUP BY key_id ORDER BY key_id"


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many secrets were wrapped by the current master key, and how many could not be: they are damaged."""

    secrets: int = 0
    damaged: int = 0

    def __add__(self, other: "Rewrapped") -> "Rewrapped":
        return Rewrapped(self.secrets + other.secrets, self.damaged + other.damaged)


def place_of(organization_id: UUID, connector_id: UUID) -> str:
    """Return what a connector's secret belongs to: with another organisation or connector it does not open."""
    return f"organization {organization_id}, connector {connector_id}"


async def read(db: Database, vault: Vault, connector_id: UUID) -> Credential | None:
    """Return the credential of a connector that `db` shows, None when it has none.

    MasterKeyMissing, DamagedSecret.
    """
    found = await db.fetch_sql(_READ, connector_id)
    if not found:
        return None
    plain = vault.open(_sealed(found[0]), belongs_to=_place(found[0]))
    return opened(ConnectorKind(found[0].kind), plain)


async def counts(db: Database) -> dict[str, int]:
    """Return how many secrets there are under each master key, over all organisations."""
    return {row.key_id: row.n for row in await db.fetch_sql(_COUNTS)}


async def rewrap(db: Database, vault: Vault) -> Rewrapped:
    """Wrap every secret by the current master key, over all organisations.

    Secrets under a key that is not there are left alone. Each batch is a transaction, and the keys of both sides are at
    hand: whenever this is stopped, every secret opens, and starting it again goes on where it was.
    """
    done, last = Rewrapped(), FIRST
    while True:
        async with db.transaction() as tx:
            earlier = list(vault.keys.ids[1:])
            rows = await tx.fetch_sql(_DUE, last, earlier, BATCH)
            if not rows:
                return done
            made = {row.connector_id: sealed for row in rows if (sealed := _rewrapped(vault, row)) is not None}
            keys = [sealed.key_id for sealed in made.values()]
            await tx.fetch_sql(_REWRAP, list(made), keys, [sealed.wrapped_key for sealed in made.values()])
        last = rows[-1].connector_id
        done += Rewrapped(len(made), len(rows) - len(made))


def _rewrapped(vault: Vault, row: Row) -> Sealed | None:
    try:
        return vault.rewrap(_sealed(row), belongs_to=_place(row))
    except DamagedSecret:
        logger.warning("The secret of connector %s is damaged, and stays under its key.", row.connector_id)
        return None


def _sealed(row: Row) -> Sealed:
    return Sealed(row.key_id, row.wrapped_key, row.ciphertext)


def _place(row: Row) -> str:
    return place_of(row.organization_id, row.connector_id)
