"""Use cases of invitations: who invites whom, and taking an invitation back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from maestro.access.secrets import hash_of, new_token
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import Invitation, Project
from maestro.db.tables.enums import Role
from maestro.errors import Conflict, InvalidInput
from resolvers import granting, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, writing

LASTS_HOURS: Final = 7 * 24
LONGEST_HOURS: Final = 30 * 24


async def invite(
    ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None
) -> tuple[Row, str | None]:
    """Invite somebody by `email`, `role` and, if given, `name`, `project_id` and `expires_in_hours`.

    Return the invitation and the token of its link, None when the key was used: a token is known once. InvalidInput,
    NotFound for the project, Forbidden for a role that the viewer does not hold.
    """
    token = new_token()
    role, project_id = Role(given["role"]), given.get("project_id")
    address = validation.email(given["email"])
    values = {
        "email": address,
        "name": validation.name(given.get("name") or address.partition("@")[0]),
        "role": role,
        "project_id": project_id,
        "expires_at": now() + _lifetime(given.get("expires_in_hours")),
        "token_hash": hash_of(token),
    }

    async def write(writer: Writer) -> Row:
        if project_id is not None:
            await writer.container(Project, project_id)
        made = await writer.create(Invitation, **values)
        granting.require_role(ctx, role, project_id)
        return made

    row = await write_once(ctx, Invitation, Once("inviteMember", idempotency_key, given), write=write)
    return row, token if row.token_hash == values["token_hash"] else None


def path_of(token: str) -> str:
    """Return where a token is accepted, at the server's address."""
    return f"/join?token={token}"


async def revoke(ctx: Context, key: UUID) -> Row:
    """Take an invitation back; NotFound, Forbidden, Conflict when it is accepted or revoked."""
    async with writing(ctx) as writer:
        current = await writer.row(Invitation, key, lock=Lock.CHANGE)
        granting.require_role(ctx, Role(current.role), current.project_id)
        if current.accepted_at is not None:
            raise Conflict("This Invitation is accepted.", hint="End the membership that it gave: removeMembership.")
        if current.revoked_at is not None:
            raise Conflict("This Invitation is revoked already.")
        (revoked,) = await writer.tx.fetch_sql(
            "UPDATE invitation SET revoked_at = now() WHERE id = $1 RETURNING *", key
        )
        writer.changed(Invitation, key, before={"revoked_at": None}, after={"revoked_at": revoked.revoked_at})
        return revoked


def _lifetime(hours: int | None) -> timedelta:
    wanted = LASTS_HOURS if hours is None else hours
    if not 1 <= wanted <= LONGEST_HOURS:
        raise InvalidInput(
            f"An invitation lasts 1 to {LONGEST_HOURS} hours.", field="expiresInHours", limit=LONGEST_HOURS
        )
    return timedelta(hours=wanted)
