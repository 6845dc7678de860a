"""Use cases of service accounts: programs that act in their own name."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func

from maestro.access.door import TOPIC
from maestro.db.rows import Row
from maestro.db.tables import Membership, Project, ServiceAccount
from maestro.db.tables.enums import Role
from maestro.events import Event
from resolvers import granting, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, refuse_change, writing

_ROLES: Final = """
    SELECT role, project_id FROM membership
    WHERE organization_id = $1 AND service_account_id = $2 AND removed_at IS NULL
"""


async def create(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create a service account from `name`, `role` and, if given, `description` and `project_id` of the role.

    NotFound for the project, Forbidden for a role that the viewer does not hold, NameTaken.
    """
    role, project_id = Role(given["role"]), given.get("project_id")
    values = {
        "name": validation.name(given["name"]),
        "description": validation.text(given.get("description"), field="description"),
    }

    async def write(writer: Writer) -> Row:
        if project_id is not None:
            await writer.container(Project, project_id)
        granting.require_role(ctx, role, project_id)
        made = await writer.create(ServiceAccount, **values)
        await writer.create(Membership, service_account_id=made.id, role=role, project_id=project_id)
        return made

    return await write_once(ctx, ServiceAccount, Once("createServiceAccount", idempotency_key, given), write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name` or `description`; NotFound, StaleVersion, NameTaken."""
    validation.not_null(changes)
    checks = {
        "name": validation.name,
        "description": lambda value: validation.text(value, field="description"),
    }
    values = {field: checks[field](value) for field, value in changes.items()}
    async with writing(ctx) as writer:
        changed = await writer.change(ServiceAccount, key, expected_version=expected_version, **values)
        writer.tell(Event(TOPIC))
    ctx.runtime.access.forget()
    return changed


async def disable(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Switch a service account off: its keys stop working at once. NotFound, Forbidden, StaleVersion."""
    return await _switch(ctx, key, expected_version=expected_version, is_on=False)


async def enable(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Switch a service account on again, and with it its keys. NotFound, Forbidden, StaleVersion."""
    return await _switch(ctx, key, expected_version=expected_version, is_on=True)


async def _switch(ctx: Context, key: UUID, *, expected_version: int | None, is_on: bool) -> Row:
    async with writing(ctx) as writer:
        await granting.begin(writer)
        current = await writer.row(ServiceAccount, key, lock=Lock.CHANGE)
        for held in await writer.tx.fetch_sql(_ROLES, ctx.organization_id, key):
            granting.require_role(ctx, Role(held.role), held.project_id)
        if (current.disabled_at is None) is not is_on:
            disabled_at = None if is_on else func.now()
            current = await writer.change(
                ServiceAccount, key, expected_version=expected_version, disabled_at=disabled_at
            )
        elif expected_version not in (None, current.version):
            refuse_change(ServiceAccount, current, expected_version)
    ctx.runtime.access.forget()
    return current
