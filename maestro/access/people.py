"""People as whoever operates the server names them."""

from typing import Final

from maestro.db.engine import Database
from maestro.db.rows import Row

_NAMED: Final = """
    SELECT id, name, email FROM "user"
    WHERE lower(email) = lower($1) OR $1 IN (id::text, 'user_' || replace(id::text, '-', '')) ORDER BY id LIMIT 20
"""


async def named(db: Database, name: str) -> list[Row]:
    """Return the people with an id or an e-mail address, up to 20: several may have the same address."""
    return await db.fetch_sql(_NAMED, name)
