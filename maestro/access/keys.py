"""API keys as they are stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access.secrets import SHOWN, hash_of, new_key
from maestro.db.engine import Transaction
from maestro.db.rows import Row

_CREATE: Final = """
    INSERT INTO api_key (id, organization_id, user_id, service_account_id, name, prefix, secret_hash, scopes,
        project_ids, addresses, is_append_only, expires_at, created_by_id, rotated_from_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING *
"""
# The function sees every role, also where the transaction is bound to some projects.
_END_OF_LEFT: Final = """
    UPDATE api_key SET revoked_at = now()
    WHERE organization_id = $1 AND (user_id = $2 OR service_account_id = $2) AND revoked_at IS NULL
        AND NOT maestro_belongs($1, $2)
    RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """What a key is made of: whose it is, and how far it is narrower than its bearer."""

    organization_id: UUID
    name: str
    user_id: UUID | None = None
    service_account_id: UUID | None = None
    scopes: tuple[str, ...] | None = None
    project_ids: tuple[UUID, ...] | None = None
    addresses: tuple[str, ...] | None = None
    is_append_only: bool = False
    expires_at: datetime | None = None
    created_by_id: UUID | None = None
    rotated_from_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that has just been made: the only time that it can be read."""

    row: Row
    key: str = field(repr=False)


async def create_key(tx: Transaction, spec: KeySpec) -> NewApiKey:
    """Make a key; only its hash is kept."""
    key = new_key()
    rows = await tx.fetch_sql(
        _CREATE,
        uuid7(),
        spec.organization_id,
        spec.user_id,
        spec.service_account_id,
        spec.name,
        key[:SHOWN],
        hash_of(key),
        _listed(spec.scopes),
        _listed(spec.project_ids),
        _listed(spec.addresses),
        spec.is_append_only,
        spec.expires_at,
        spec.created_by_id,
        spec.rotated_from_id,
    )
    return NewApiKey(rows[0], key)


async def revoke_of_left(tx: Transaction, organization_id: UUID, actor_id: UUID) -> list[UUID]:
    """Revoke the keys in an organisation of somebody who has no role there any more, and return which.

    To be called after each end of a role: who gets a role again later must not have old keys that work again.
    """
    return sorted(row.id for row in await tx.fetch_sql(_END_OF_LEFT, organization_id, actor_id))


def _listed(values: tuple[object, ...] | None) -> list[object] | None:
    return None if values is None else list(values)
