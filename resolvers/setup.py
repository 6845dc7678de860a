"""The first organisation with its owner and its schedules, made when a database is used for the first time."""

from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database
from maestro.db.tables.enums import Role
from maestro.queue.standard import ensure_schedules

ORGANIZATION = ("default", "My team")
OWNER = ("owner@localhost", "Owner")

# Of the first organisation, whoever owns it by now: others make organisations of their own.
_FIRST = """
    SELECT m.user_id, m.organization_id FROM membership m JOIN organization o ON o.id = m.organization_id
    WHERE m.role = $1 AND m.project_id IS NULL AND m.user_id IS NOT NULL AND m.removed_at IS NULL
    ORDER BY o.created_at, o.id, m.created_at, m.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """The person who owns the organisation of this server."""

    user_id: UUID
    organization_id: UUID


async def ensure_owner(db: Database, *, archives: bool = False) -> Owner:
    """Return the owner, making the organisation and the person the first time; safe when two servers start at once.

    The organisation is made with the standard schedules; `archives` is for these, as of `ensure_schedules`.
    """
    async with db.transaction() as tx:
        await tx.fetch_sql("SELECT pg_advisory_xact_lock(hashtextextended('maestro.setup', 0))")
        found = await tx.fetch_sql(_FIRST, Role.OWNER)
        if found:
            return Owner(found[0].user_id, found[0].organization_id)
        owner = Owner(uuid7(), uuid7())
        await tx.fetch_sql(
            "INSERT INTO organization (id, slug, name) VALUES ($1, $2, $3)", owner.organization_id, *ORGANIZATION
        )
        await tx.fetch_sql('INSERT INTO "user" (id, email, name) VALUES ($1, $2, $3)', owner.user_id, *OWNER)
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, user_id, role) VALUES ($1, $2, $3, $4)",
            uuid7(),
            owner.organization_id,
            owner.user_id,
            Role.OWNER,
        )
        await ensure_schedules(tx, owner.organization_id, archives=archives)
    return owner
