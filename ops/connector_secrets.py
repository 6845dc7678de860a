"""Stored credentials of connectors, read for what connects."""

from typing import Final
from uuid import UUID

from maestro.credentials import Credential, opened
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import ConnectorKind
from maestro.vault import Sealed, Vault

_READ: Final = """
    SELECT c.kind, s.organization_id, s.connector_id, s.key_id, s.wrapped_key, s.ciphertext
    FROM connector_secret s JOIN connector c ON c.id = s.connector_id WHERE s.connector_id = $1
"""


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


def _sealed(row: Row) -> Sealed:
    return Sealed(row.key_id, row.wrapped_key, row.ciphertext)


def _place(row: Row) -> str:
    return place_of(row.organization_id, row.connector_id)
