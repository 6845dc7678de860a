"""What viewers and others may do with an object, and why."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from dataloaders.actors import RolesByActor
from dataloaders.api_keys import ApiKeyById
from dataloaders.places import project_of
from dataloaders.service_accounts import ServiceAccountById
from dataloaders.users import UserById
from maestro.access import IN_PROJECTS, Limits, Permission, lowest_role
from maestro.access.door import limits_of
from maestro.access.grants import held_by
from maestro.access.permissions import APPENDING
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables.enums import Role
from maestro.errors import InvalidInput, MaestroError
from maestro.ids import Kind, decode
from resolvers import nodes
from resolvers.context import Context

ACTORS: Final = (Kind.User, Kind.ServiceAccount, Kind.ApiKey)


class AccessLimit(StrEnum):
    """What keeps an actor from what their role allows."""

    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    KEY_REVOKED = "KEY_REVOKED"
    KEY_EXPIRED = "KEY_EXPIRED"
    APPEND_ONLY = "APPEND_ONLY"
    SCOPES = "SCOPES"
    PROJECTS = "PROJECTS"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the viewer may do something with an object; what they cannot see is not found and not allowed."""

    id: str
    action: Permission
    is_found: bool
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class NeededRole:
    """The role that would allow something and least besides, in a project or, with None, in the organisation."""

    role: Role
    project_id: UUID | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The membership that allows something, what takes it away all the same, and the role that is missing."""

    grant: Row | None
    limit: AccessLimit | None
    nearest: NeededRole | None

    @property
    def is_allowed(self) -> bool:
        """Whether the actor may do it."""
        return self.grant is not None and self.limit is None


@dataclass(frozen=True, slots=True)
class _Actor:
    """Whoever is asked about: the bearer of a key stands behind it."""

    bearer_id: UUID
    account: Row | None = None
    key: Row | None = None

    def is_viewer(self, ctx: Context) -> bool:
        return self.bearer_id == ctx.viewer.actor_id

    def limits(self, permission: Permission, project_id: UUID | None) -> Iterator[AccessLimit]:
        """Yield what keeps the actor from something that their role may allow, in an order from cause to detail."""
        if self.account is not None and self.account.disabled_at is not None:
            yield AccessLimit.ACCOUNT_DISABLED
        if self.key is None:
            return
        if self.key.revoked_at is not None:
            yield AccessLimit.KEY_REVOKED
        if self.key.expires_at is not None and self.key.expires_at <= now():
            yield AccessLimit.KEY_EXPIRED
        yield from narrowed_by(limits_of(self.key), permission, project_id)


def narrowed_by(limits: Limits, permission: Permission, project_id: UUID | None) -> Iterator[AccessLimit]:
    """Yield which limits of a key keep it from something that its bearer may do in a place."""
    if limits.is_append_only and permission not in APPENDING:
        yield AccessLimit.APPEND_ONLY
    if limits.scopes is not None and permission not in limits.scopes:
        yield AccessLimit.SCOPES
    if limits.projects is not None and (permission not in IN_PROJECTS or project_id not in limits.projects):
        yield AccessLimit.PROJECTS


async def permissions_on(ctx: Context, kind: Kind, row: Row) -> list[Permission]:
    """Return what the viewer may do where a node lies: in its project, or in the organisation."""
    project_id = await project_of(ctx.loaders, kind, row)
    held = ctx.viewer.grants.at(project_id)
    return [one for one in Permission if one in held and (project_id is None or one in IN_PROJECTS)]


async def decide(ctx: Context, actions: Sequence[Permission], ids: Sequence[str]) -> list[Decision]:
    """Return a decision for each id with each action, id by id; InvalidInput for too many of either."""
    if len(actions) > len(Permission):
        raise InvalidInput(
            f"{len(actions)} actions; there are {len(Permission)}.", field="actions", limit=len(Permission)
        )
    found = await nodes.find(ctx, ids)
    held = await asyncio.gather(*(_held(ctx, one) for one in found))
    return [
        Decision(key, action, is_found=at is not None, is_allowed=at is not None and action in at)
        for key, at in zip(ids, held, strict=True)
        for action in actions
    ]


async def _held(ctx: Context, found: tuple[Kind, Row] | MaestroError) -> frozenset[Permission] | None:
    if isinstance(found, MaestroError):
        return None
    return ctx.viewer.grants.at(await project_of(ctx.loaders, *found))


async def explain(ctx: Context, node: str, *, actor: str, permission: Permission) -> Explanation:
    """Say whether a person, a service account or an API key may do something with a node, and why.

    NotFound for an actor or a node that the viewer cannot see, Forbidden without MEMBER_READ where the node lies unless
    the viewer asks about themselves. From where an API key may be used is not looked at.
    """
    found = (await nodes.find(ctx, [node], field="id"))[0]
    if isinstance(found, MaestroError):
        raise found
    project_id = await project_of(ctx.loaders, *found)
    asked = await _actor(ctx, actor)
    if not asked.is_viewer(ctx):
        ctx.require(Permission.MEMBER_READ, project_id)
    memberships = await ctx.loaders[RolesByActor].load(asked.bearer_id)
    grant = next((row for row in memberships if _allows(row, permission, project_id)), None)
    if grant is None:
        scope = project_id if permission in IN_PROJECTS else None
        return Explanation(None, None, NeededRole(lowest_role(permission), scope))
    return Explanation(grant, next(asked.limits(permission, project_id), None), None)


async def _actor(ctx: Context, actor: str) -> _Actor:
    kind, key = decode(actor, field="actor")
    match kind:
        case Kind.User:
            return _Actor((await ctx.loaders[UserById].load(key)).id)
        case Kind.ServiceAccount:
            return _Actor(key, account=await ctx.loaders[ServiceAccountById].load(key))
        case Kind.ApiKey:
            row = await ctx.loaders[ApiKeyById].load(key)
            if row.service_account_id is None:
                return _Actor(row.user_id, key=row)
            account = await ctx.loaders[ServiceAccountById].load(row.service_account_id)
            return _Actor(account.id, account, row)
    raise InvalidInput(
        f"{actor!r} is the id of {kind.phrase}; the id of a User is wanted here, or one of a ServiceAccount or an "
        "ApiKey.",
        field="actor",
    )


def _allows(membership: Row, permission: Permission, project_id: UUID | None) -> bool:
    where = membership.project_id
    return where in (None, project_id) and permission in held_by(Role(membership.role), where)
