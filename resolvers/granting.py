"""Giving and taking away roles: nobody gives or takes away what they do not hold, and an owner always remains."""

from uuid import UUID

from maestro.access.door import TOPIC
from maestro.access.grants import held_by
from maestro.db.rows import Row
from maestro.db.tables.enums import Role
from maestro.errors import Forbidden, LastOwner
from maestro.events import Event
from resolvers.context import Context
from resolvers.writing import Writer


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
    """Let no other change of the organisation's roles happen until this one ends, and tell every process of it."""
    await writer.tx.fetch_sql("SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE", writer.ctx.organization_id)
    writer.tell(Event(TOPIC))


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
