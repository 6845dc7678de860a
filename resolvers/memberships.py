"""Use cases of memberships: who has which role in the organisation and in its projects."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func

from maestro.access import Permission
from maestro.access.keys import revoke_of_left
from maestro.db.rows import Row
from maestro.db.tables import Membership, Project, ServiceAccount
from maestro.db.tables.enums import Role
from maestro.errors import Conflict, NotFound
from maestro.ids import Kind
from resolvers import granting
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, writing

_ROLES: Final = """
    SELECT role, project_id FROM membership
    WHERE organization_id = $1 AND (user_id = $2 OR service_account_id = $2) AND removed_at IS NULL
"""
_LEAVE: Final = """
    UPDATE membership SET removed_at = now(), updated_at = now(), version = version + 1
    WHERE organization_id = $1 AND user_id = $2 AND removed_at IS NULL RETURNING *
"""


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role that somebody who belongs to the organisation is to have besides: `kind` says what they are."""

    kind: Kind
    member_id: UUID
    role: Role
    project_id: UUID | None = None


async def add(ctx: Context, new: NewRole, *, idempotency_key: str | None = None) -> Row:
    """Give a member a role in a project, or in the whole organisation to who has roles in projects alone.

    NotFound for the project and for who does not belong to the organisation, Conflict when they have a role there.
    """
    given = {"member": new.member_id, "role": new.role, "project": new.project_id}

    async def write(writer: Writer) -> Row:
        await granting.begin(writer)
        if new.project_id is not None:
            await writer.container(Project, new.project_id)
        is_person = new.kind is Kind.User
        await _require_addable(writer, new)
        granting.require_role(ctx, new.role, new.project_id)
        return await writer.create(
            Membership,
            user_id=new.member_id if is_person else None,
            service_account_id=None if is_person else new.member_id,
            project_id=new.project_id,
            role=new.role,
        )

    row = await write_once(ctx, Membership, Once("addMember", idempotency_key, given), write=write)
    ctx.runtime.access.forget()
    return row


async def update(ctx: Context, key: UUID, *, role: Role, expected_version: int | None = None) -> Row:
    """Give a member another role; NotFound, Conflict when it has ended, Forbidden, LastOwner, StaleVersion."""
    async with writing(ctx) as writer:
        await granting.begin(writer)
        current = await _changeable(writer, key)
        granting.require_role(ctx, role, current.project_id)
        if role is not Role.OWNER:
            await granting.keep_an_owner(writer, current)
        changed = await writer.change(Membership, key, expected_version=expected_version, role=role)
    ctx.runtime.access.forget()
    return changed


async def remove(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """End a membership; its row is kept. With the last one of somebody end their keys in the organisation.

    NotFound, Conflict when it has ended, Forbidden, LastOwner, StaleVersion.
    """
    async with writing(ctx) as writer:
        await granting.begin(writer)
        await granting.keep_an_owner(writer, await _changeable(writer, key))
        changed = await writer.change(Membership, key, expected_version=expected_version, removed_at=func.now())
        await _revoke_keys(writer, changed.user_id or changed.service_account_id)
    ctx.runtime.access.forget()
    return changed


async def leave(ctx: Context) -> None:
    """End every membership, and with them every key, that the viewer has in the organisation.

    Forbidden for a program, LastOwner.
    """
    person = granting.require_person(ctx)
    async with writing(ctx) as writer:
        await granting.begin(writer)
        for ended in await writer.tx.fetch_sql(_LEAVE, ctx.organization_id, person):
            await granting.keep_an_owner(writer, ended)
            writer.changed(Membership, ended.id, before={"removed_at": None}, after={"removed_at": ended.removed_at})
        await _revoke_keys(writer, person)
    ctx.runtime.access.forget()


async def _revoke_keys(writer: Writer, actor_id: UUID) -> None:
    """End the keys of somebody who has no role in the organisation any more."""
    revoked = await revoke_of_left(writer.tx, writer.ctx.organization_id, actor_id)
    if revoked:
        writer.adds(revoked_keys=revoked)


async def _require_addable(writer: Writer, new: NewRole) -> None:
    ctx = writer.ctx
    held = await writer.tx.fetch_sql(_ROLES, ctx.organization_id, new.member_id)
    if new.kind is Kind.ServiceAccount:
        await writer.row(ServiceAccount, new.member_id)
        ctx.require(Permission.SERVICE_ACCOUNT_MANAGE)
    elif not held:
        raise NotFound("There is no such User.", hint="Invite who does not belong to the organization: inviteMember.")
    same = next((one.role for one in held if one.project_id == new.project_id), None)
    if same is not None:
        where = "the organization" if new.project_id is None else "the project"
        raise Conflict(f"They have the role {same} in {where} already.", hint="Change it: updateMembership.")


async def _changeable(writer: Writer, key: UUID) -> Row:
    """Return a membership that has not ended, locked; Forbidden unless the viewer may take away what it gives."""
    current = await writer.row(Membership, key, lock=Lock.CHANGE)
    if current.service_account_id is not None:
        writer.ctx.require(Permission.SERVICE_ACCOUNT_MANAGE)
    granting.require_role(writer.ctx, Role(current.role), current.project_id)
    if current.removed_at is not None:
        raise Conflict("This Membership has ended.", hint="Give the role again: addMember, or inviteMember.")
    return current
