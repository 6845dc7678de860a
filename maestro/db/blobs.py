"""The lock by which stored bytes and their rows stay together.

Bytes are written before the row that names them, and removed after it. Whoever names bytes holds the lock with others
until they commit; whoever removes bytes has it alone.
"""

from typing import Final
from uuid import UUID

from maestro.db.engine import Transaction

_HOLD: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"
_CLAIM: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS is_mine"


async def hold(tx: Transaction, organization_id: UUID) -> None:
    """Keep an organisation's bytes from being removed until the transaction ends."""
    await tx.fetch_sql(_HOLD, _place(organization_id))


async def claim(tx: Transaction, organization_id: UUID) -> bool:
    """Say whether the organisation's bytes may be removed until the transaction ends: nobody holds them just now."""
    (row,) = await tx.fetch_sql(_CLAIM, _place(organization_id))
    return bool(row.is_mine)


def _place(organization_id: UUID) -> str:
    return f"bytes of {organization_id}"
