"""Giving and taking away roles: nobody gives or takes away what they do not hold, and an owner always remains."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from maestro.access.door import TOPIC, limits_of, roles_of
from maestro.access.grants import Grants, grants_of, held_by
from maestro.db.rows import Row
from maestro.db.tables.enums import Role
from maestro.errors import Forbidden, LastOwner
from maestro.events import Event
from resolvers.context import Context
from resolvers.writing import Writer

_HELD: Final = """
    SELECT k.scopes, k.project_ids, k.is_append_only,
        k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND s.disabled_at IS NULL AS is_good,
        array(
            SELECT m.role || ' ' || coalesce(m.project_id::text, '') FROM membership m
            WHERE m.organization_id = $1 AND (m.user_id = $2 OR m.service_account_id = $2) AND m.removed_at IS NULL
        ) AS roles
    FROM (SELECT 1) one LEFT JOIN api_key k ON k.id = $3 LEFT JOIN service_account s ON s.id = k.service_account_id
"""


def require_person(ctx: Context) -> UUID:
    """Return the person who asks, with all their rights; Forbidden for a service account and for a narrowed key."""
    person = ctx.viewer.user_id
    if person is None:
        raise Forbidden("This is for people; a service account belongs to its organization.")
    if ctx.viewer.grants.is_narrowed:
        raise Forbidden(
            "This API key allows less than its bearer may do, so it cannot do this.",
            hint="Sign in, or use a key without scopes and projects.",
        )
    return person


def require_role(ctx: Context, role: Role, project_id: UUID | None = None) -> None:
    """Raise Forbidden unless the viewer holds all that a role allows in a project, or in the whole organisation."""
    if not ctx.viewer.grants.covers(role, project_id):
        missing = sorted(held_by(role, project_id) - ctx.viewer.grants.at(project_id))
        raise Forbidden(
            f"The role {role} allows what you do not hold here, so you can neither give it nor take it away.",
            hint="Ask somebody who holds as much. An API key may be narrower than the role of its bearer.",
            permission=missing[0].value,
        )


async def begin(writer: Writer) -> None:
    """Let no other change of the organisation's roles happen until this one ends, and tell every process of it.

    Forbidden for who has waited for such a change to end, and cannot do what they ask for any more.
    """
    ctx = writer.ctx
    await writer.tx.fetch_sql("SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE", ctx.organization_id)
    writer.tell(Event(TOPIC))
    # Where nothing was shown, a command acts.
    if ctx.credentials is not None:
        ctx.viewer = replace(ctx.viewer, grants=await _held(writer))
        if ctx.action is not None and ctx.action.needs is not None:
            ctx.require_somewhere(ctx.action.needs)


async def _held(writer: Writer) -> Grants:
    """Return what the viewer may do as the transaction sees it, nothing with a key that has ended."""
    viewer = writer.ctx.viewer
    (row,) = await writer.tx.fetch_sql(_HELD, viewer.organization_id, viewer.actor_id, viewer.api_key_id)
    if viewer.api_key_id is None:
        return grants_of(roles_of(row.roles))
    return grants_of(roles_of(row.roles), limits_of(row)) if row.is_good else Grants()


async def keep_an_owner(writer: Writer, membership: Row) -> None:
    """Raise LastOwner when no other person owns the organisation than the one whose membership is to end or change."""
    if membership.role != Role.OWNER or membership.project_id is not None or membership.user_id is None:
        return
    others = await writer.tx.fetch_sql(
        "SELECT 1 FROM membership WHERE organization_id = $1 AND id <> $2 AND role = $3 AND project_id IS NULL "
        "AND user_id IS NOT NULL AND removed_at IS NULL LIMIT 1",
        writer.ctx.organization_id,
        membership.id,
        Role.OWNER,
    )
    if not others:
        raise LastOwner(
            "This is the last owner of the organization, which must have one.",
            hint="Make somebody else an owner first: updateMembership(id, role: OWNER).",
        )
