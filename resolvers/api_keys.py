"""Use cases of API keys: made, rotated, renamed and revoked; nobody grants what they do not hold."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from dataloaders.api_keys import ApiKeyById
from maestro.access import Grants, Permission, grants_of
from maestro.access.door import TOPIC, roles_of
from maestro.access.keys import KeySpec, NewApiKey, create_key
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import ApiKey, Project, ServiceAccount
from maestro.db.tables.enums import Role
from maestro.errors import Conflict, Forbidden, InvalidInput, NotFound
from maestro.events import Event
from resolvers import key_limits, validation
from resolvers.context import Context
from resolvers.key_limits import KeyLimits
from resolvers.writing import Lock, Writer, writing

LONGEST_OVERLAP: Final = 7 * 24 * 60
SHOWN: Final = (
    "name",
    "prefix",
    "user_id",
    "service_account_id",
    "scopes",
    "project_ids",
    "addresses",
    "is_append_only",
    "expires_at",
    "rotated_from_id",
)
"""What the audit log is told of a new key."""


async def create(ctx: Context, given: Mapping[str, Any]) -> NewApiKey:
    """Make a key from `name` and, if given, `service_account_id`, and the limits that `key_limits.read` reads.

    A key that is made through a key has the limits of that one where none are given. InvalidInput, NotFound,
    Conflict, and Forbidden for what the viewer does not hold.
    """
    title = validation.name(given["name"])
    asked = key_limits.read(given, given.get("project_ids"))
    account: UUID | None = given.get("service_account_id")
    async with writing(ctx) as writer:
        await _check_projects(writer, asked)
        if account is not None:
            await _check_account(writer, account)
        held = await _own_limits(writer)
        limits = asked.narrowed(held)
        key_limits.require_within(limits, held)
        _require_held(ctx, asked)
        owner = (None, account) if account is not None else (ctx.viewer.user_id, ctx.viewer.service_account_id)
        await _require_effect_held(writer, owner[1], limits)
        return await _add(writer, title, limits, owner=owner)


async def rotate(ctx: Context, key: UUID, *, overlap_minutes: int) -> NewApiKey:
    """Replace a key by one with the same limits; the old one expires after the overlap, never later than before.

    NotFound, InvalidInput, Conflict for a key that has ended or was rotated before, Forbidden for another person's.
    """
    if not 0 <= overlap_minutes <= LONGEST_OVERLAP:
        raise InvalidInput(
            f"Both keys work for 0 to {LONGEST_OVERLAP:,} minutes.", field="overlapMinutes", limit=LONGEST_OVERLAP
        )
    async with writing(ctx) as writer:
        old = await _locked(writer, key)
        _require_bearer(ctx, old)
        limits = key_limits.limits_of(old)
        if old.id != ctx.viewer.api_key_id:
            key_limits.require_within(limits, await _own_limits(writer))
        await _require_effect_held(writer, old.service_account_id, limits)
        await _require_rotatable(writer, old)
        end = now() + timedelta(minutes=overlap_minutes)
        owner = (old.user_id, old.service_account_id)
        made = await _add(writer, old.name, limits, owner=owner, rotated_from_id=old.id)
        await _set(writer, old, expires_at=end if old.expires_at is None else min(end, old.expires_at))
        writer.tell(Event(TOPIC))
    ctx.runtime.access.forget()
    return made


async def revoke(ctx: Context, key: UUID) -> Row:
    """End a key at once and return it; one that was revoked before stays as it is. NotFound, Forbidden."""
    async with writing(ctx) as writer:
        found = await _locked(writer, key)
        await _require_managed(writer, found)
        if found.revoked_at is None:
            found = await _set(writer, found, revoked_at=now())
        writer.tell(Event(TOPIC))
    ctx.runtime.access.forget()
    return found


async def rename(ctx: Context, key: UUID, name: str) -> Row:
    """Give a key another name and return it; NotFound, Forbidden."""
    title = validation.name(name)
    async with writing(ctx) as writer:
        found = await _locked(writer, key)
        await _require_managed(writer, found)
        return await _set(writer, found, name=title)


async def _locked(writer: Writer, key: UUID) -> Row:
    # What a viewer may not see is not there for them.
    await writer.ctx.loaders[ApiKeyById].load(key)
    return await writer.row(ApiKey, key, lock=Lock.CHANGE)


async def _own_limits(writer: Writer) -> KeyLimits:
    """Return the limits of the key with which the request came; in a session there are none."""
    key = writer.ctx.viewer.api_key_id
    return KeyLimits() if key is None else key_limits.limits_of(await writer.row(ApiKey, key))


async def _check_projects(writer: Writer, limits: KeyLimits) -> None:
    if limits.project_ids is None:
        return
    query = select(Project.id, Project.deleted_at).where(
        Project.id.in_(limits.project_ids), Project.organization_id == writer.ctx.organization_id
    )
    found = {row.id: row for row in await writer.tx.fetch(query)}
    if len(found) < len(limits.project_ids):
        raise NotFound("There is no such Project.", field="projectIds")
    if any(row.deleted_at is not None for row in found.values()):
        raise Conflict("This Project is in the trash.", hint="Restore it first, or choose another.", field="projectIds")


async def _check_account(writer: Writer, account: UUID) -> None:
    row = await writer.row(ServiceAccount, account, lock=Lock.KEEP)
    _require_account(writer.ctx, account)
    if row.disabled_at is not None:
        raise Conflict("This ServiceAccount is switched off.", hint="Switch it on first.", field="serviceAccountId")


def _require_account(ctx: Context, account: UUID) -> None:
    """Raise Forbidden unless the viewer may handle the keys of a service account."""
    if account != ctx.viewer.actor_id and not ctx.viewer.grants.allow(Permission.SERVICE_ACCOUNT_MANAGE):
        ctx.require(Permission.API_KEY_MANAGE)


def _require_bearer(ctx: Context, row: Row) -> None:
    """Raise Forbidden unless the viewer may be shown a key in the place of this one."""
    if row.service_account_id is not None:
        _require_account(ctx, row.service_account_id)
    elif row.user_id != ctx.viewer.actor_id:
        raise Forbidden(
            "Nobody can rotate the key of another person, since the new key is shown.",
            hint="Revoke it, and ask its owner to make another.",
        )


async def _require_managed(writer: Writer, row: Row) -> None:
    """Raise Forbidden unless the viewer may rename and revoke a key: it is their own, or they manage such keys."""
    grants = writer.ctx.viewer.grants
    if grants.allow(Permission.API_KEY_MANAGE) or row.id == writer.ctx.viewer.api_key_id:
        return
    if row.service_account_id is not None and grants.allow(Permission.SERVICE_ACCOUNT_MANAGE):
        return
    # A key that leaked must not end those that reach further.
    key_limits.require_within(key_limits.limits_of(row), await _own_limits(writer))


async def _require_rotatable(writer: Writer, row: Row) -> None:
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now()):
        raise Conflict("This ApiKey has ended.", hint="Make a new one.")
    if await writer.tx.fetch(select(ApiKey.id).where(ApiKey.rotated_from_id == row.id)):
        raise Conflict("This ApiKey has been rotated already.", hint="Rotate the one that replaced it.")


def _require_held(ctx: Context, asked: KeyLimits) -> None:
    """Raise Forbidden for a scope that the viewer does not hold where the key is to have it."""
    held = ctx.viewer.grants
    for scope in asked.scopes or ():
        projects = asked.project_ids
        is_held = held.allow_somewhere(scope) if projects is None else all(held.allow(scope, one) for one in projects)
        if not is_held:
            raise _not_held(scope)


async def _require_effect_held(writer: Writer, account: UUID | None, limits: KeyLimits) -> None:
    """Raise Forbidden when the key of another's service account would allow what the viewer may not do."""
    if account is None or account == writer.ctx.viewer.actor_id:
        return
    rows = await writer.tx.fetch_sql(
        "SELECT role || ' ' || coalesce(project_id::text, '') AS held FROM membership "
        "WHERE organization_id = $1 AND service_account_id = $2 AND removed_at IS NULL",
        writer.ctx.organization_id,
        account,
    )
    roles: list[tuple[Role, UUID | None]] = roles_of(row.held for row in rows)
    missing = _beyond(grants_of(roles, limits.rights), writer.ctx.viewer.grants)
    if missing is not None:
        raise _not_held(missing)


def _beyond(wanted: Grants, held: Grants) -> Permission | None:
    """Return what is wanted somewhere and not held there, None when there is nothing."""
    for project, permissions in [(None, wanted.everywhere), *wanted.in_projects.items()]:
        for permission in Permission:
            if permission in permissions and not held.allow(permission, project):
                return permission
    return None


def _not_held(permission: Permission) -> Forbidden:
    return Forbidden(
        f"The key would have the permission {permission.value}, which you do not hold there.",
        hint="Name only scopes and projects that are yours.",
        permission=permission.value,
    )


async def _add(
    writer: Writer,
    name: str,
    limits: KeyLimits,
    *,
    owner: tuple[UUID | None, UUID | None],
    rotated_from_id: UUID | None = None,
) -> NewApiKey:
    spec = KeySpec(
        organization_id=writer.ctx.organization_id,
        name=name,
        user_id=owner[0],
        service_account_id=owner[1],
        scopes=None if limits.scopes is None else tuple(one.value for one in limits.scopes),
        project_ids=limits.project_ids,
        addresses=None if limits.addresses is None else tuple(map(str, limits.addresses)),
        is_append_only=limits.is_append_only,
        expires_at=limits.expires_at,
        created_by_id=writer.ctx.viewer.actor_id,
        rotated_from_id=rotated_from_id,
    )
    made = await create_key(writer.tx, spec)
    writer.changed(ApiKey, made.row.id, after={field: made.row[field] for field in SHOWN})
    return made


async def _set(writer: Writer, old: Row, **values: Any) -> Row:
    c = ApiKey.__table__.c
    query = update(ApiKey).where(c.id == old.id, c.organization_id == writer.ctx.organization_id).values(**values)
    (new,) = await writer.tx.fetch(query.returning(*c))
    before, after = ({name: row[name] for name in values} for row in (old, new))
    writer.changed(ApiKey, old.id, before=before, after=after)
    return new
