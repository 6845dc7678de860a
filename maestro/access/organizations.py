"""The organisations that somebody belongs to: asked before it is known which of them a request is about."""

from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import Role

_FIRST: Final = "SELECT id FROM organization ORDER BY created_at, id LIMIT 1"
MOST: Final = 200
"""So many organisations of one person are shown."""

_OWN: Final = f"""
    SELECT o.id, o.slug, o.name, o.id = $2 AS is_current,
        max(m.role) FILTER (WHERE m.project_id IS NULL) AS role
    FROM membership m JOIN organization o ON o.id = m.organization_id
    WHERE (m.user_id = $1 OR m.service_account_id = $1) AND m.removed_at IS NULL AND ($3::uuid IS NULL OR o.id = $3)
    GROUP BY o.id ORDER BY o.name, o.id LIMIT {MOST}
"""  # noqa: S608 -- our own SQL, put together
_SWITCH: Final = """
    UPDATE session SET organization_id = $2
    WHERE id = $1 AND revoked_at IS NULL AND EXISTS (
        SELECT 1 FROM membership m
        WHERE m.user_id = session.user_id AND m.organization_id = $2 AND m.removed_at IS NULL
    ) RETURNING id
"""
_HAS: Final = """
    SELECT 1 FROM organization o WHERE o.slug = $2 AND o.id IS DISTINCT FROM $3 AND EXISTS (
        SELECT 1 FROM membership m WHERE m.user_id = $1 AND m.organization_id = o.id AND m.removed_at IS NULL
    )
"""
_CREATE: Final = """
    WITH made AS (INSERT INTO organization (id, slug, name) VALUES ($1, $2, $3) RETURNING id, slug, name),
    owner AS (
        INSERT INTO membership (id, organization_id, user_id, role, created_by_id) VALUES ($4, $1, $5, $6, $5)
        RETURNING role
    )
    SELECT made.*, owner.role, false AS is_current FROM made, owner
"""


async def is_first(db: Database, organization_id: UUID) -> bool:
    """Say whether an organisation is the server's first one, which was made when the server was set up."""
    (row,) = await db.fetch_sql(_FIRST)
    return bool(row.id == organization_id)


async def own(db: Database, actor_id: UUID, *, current: UUID, only: UUID | None = None) -> list[Row]:
    """Return the organisations that a person or a service account belongs to, by name; with `only` no other one.

    Each row has `id`, `slug`, `name`, `is_current`, and `role`, None for who has roles in single projects alone.
    """
    return await db.fetch_sql(_OWN, actor_id, current, only)


async def switch(tx: Transaction, session_id: UUID | None, organization_id: UUID) -> bool:
    """Let a session act in an organisation from now on; say whether its bearer belongs to such a one."""
    return bool(await tx.fetch_sql(_SWITCH, session_id, organization_id))


async def has_slug(db: Database | Transaction, user_id: UUID, slug: str, *, besides: UUID | None = None) -> bool:
    """Say whether a person belongs to an organisation with a slug. Strangers may have it: nobody learns of them."""
    return bool(await db.fetch_sql(_HAS, user_id, slug, besides))


async def create(tx: Transaction, user_id: UUID, *, slug: str, name: str) -> Row | None:
    """Make an organisation that a person owns, and return it as `own` does; None when they have one with the slug."""
    # The same person may be asking for it twice at once.
    await tx.fetch_sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"organizations of {user_id}")
    if await has_slug(tx, user_id, slug):
        return None
    return (await tx.fetch_sql(_CREATE, uuid7(), slug, name, uuid7(), user_id, Role.OWNER))[0]
