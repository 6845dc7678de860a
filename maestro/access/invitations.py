"""Invitations as they are looked up and used: by whoever has the link, before any organisation is known."""

from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access.door import roles_of
from maestro.access.grants import grants_of
from maestro.access.permissions import Permission
from maestro.access.secrets import hash_of
from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import Role

_OPEN: Final = """
    SELECT i.id, i.organization_id, i.project_id, i.role, i.email, i.name, i.created_by_id,
        o.slug, o.name AS organization, p.name AS project, coalesce(u.name, s.name) AS inviter,
        coalesce((
            SELECT array_agg(m.role || ' ' || coalesce(m.project_id::text, '')) FROM membership m
            WHERE m.organization_id = i.organization_id AND m.removed_at IS NULL
                AND (m.user_id = u.id OR m.service_account_id = s.id)
        ), '{}') AS roles
    FROM invitation i JOIN organization o ON o.id = i.organization_id
    LEFT JOIN project p ON p.id = i.project_id
    LEFT JOIN "user" u ON u.id = i.created_by_id
    LEFT JOIN service_account s ON s.id = i.created_by_id AND s.disabled_at IS NULL
    WHERE i.token_hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
        AND p.deleted_at IS NULL
"""
_JOIN: Final = """
    INSERT INTO membership (id, organization_id, user_id, project_id, role, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING *
"""


async def find_open(db: Database | Transaction, token: str, *, is_to_use: bool = False) -> Row | None:
    """Return the invitation of a token while it can be accepted, None when it is used, revoked, old or made up.

    It is as good as the rights of who sent it are now: None also when they could not send it any more. With
    `is_to_use` nobody else can use it until the transaction ends.
    """
    rows = await db.fetch_sql(f"{_OPEN} FOR NO KEY UPDATE OF i" if is_to_use else _OPEN, hash_of(token))
    if not rows:
        return None
    found = rows[0]
    grants = grants_of(roles_of(found.roles))
    is_good = grants.allow(Permission.MEMBER_MANAGE, found.project_id)
    return found if is_good and grants.covers(Role(found.role), found.project_id) else None


async def use(tx: Transaction, invitation: Row, user_id: UUID) -> Row | None:
    """Make a person a member and use the invitation up; None, and it stays, when they have a role there already."""
    made = await tx.fetch_sql(
        _JOIN,
        uuid7(),
        invitation.organization_id,
        user_id,
        invitation.project_id,
        invitation.role,
        invitation.created_by_id,
    )
    if not made:
        return None
    await tx.fetch_sql(
        "UPDATE invitation SET accepted_at = now(), accepted_by_id = $2 WHERE id = $1", invitation.id, user_id
    )
    return made[0]


async def create_person(tx: Transaction, *, name: str, email: str) -> Row:
    """Make a person and return `id`, `name` and `email`; somebody else may have the same address, it is a label."""
    made = 'INSERT INTO "user" (id, email, name) VALUES ($1, $2, $3) RETURNING id, name, email'
    return (await tx.fetch_sql(made, uuid7(), email, name))[0]
