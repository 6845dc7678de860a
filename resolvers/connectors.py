"""Use cases of connectors: their records; nothing here talks to what they connect to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic.alias_generators import to_camel
from sqlalchemy import select

from maestro.access import Permission
from maestro.connector_rules import allowed_folder, rules_of
from maestro.db.rows import Row
from maestro.db.tables import Connector, ConnectorSecret, Project
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.errors import InvalidInput
from maestro.vendors import checked
from resolvers import artifact_stores, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, writing


async def create(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create a connector from `name`, `config` (one kind with its settings) and, if given, `description`, `project_id`.

    InvalidInput for a setting that cannot be and a folder that is not allowed, NotFound for the project, NameTaken.
    """
    kind, config = _configured(ctx, given["config"])
    project_id: UUID | None = given.get("project_id")
    values = {
        "name": validation.name(given["name"]),
        "description": validation.text(given.get("description"), field="description"),
        "project_id": project_id,
        "kind": kind,
        "config": config,
    }

    async def write(writer: Writer) -> Row:
        if project_id is not None:
            await writer.container(Project, project_id)
        return await writer.create(Connector, **values)

    return await write_once(ctx, Connector, Once("createConnector", idempotency_key, given), write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `description` or `config`; what was tested with other settings counts as untested.

    InvalidInput as `create` and for another kind, NotFound, Conflict, also for another place than the one where files
    of artifacts lie, StaleVersion, NameTaken;
    Forbidden without SECRET_MANAGE for other settings of a connector that has a credential.
    """
    validation.not_null(changes)
    values = dict(changes)
    if "name" in values:
        values["name"] = validation.name(values["name"])
    if "description" in values:
        values["description"] = validation.text(values["description"], field="description")
    async with writing(ctx) as writer:
        if "config" in values:
            current = await writer.row(Connector, key, lock=Lock.CHANGE)
            values |= _reconfigured(ctx, current, values["config"])
            if values["config"] != current.config:
                await _permit_elsewhere(writer, current)
                await artifact_stores.refuse_another_place(writer, current, values["config"])
        return await writer.change(Connector, key, expected_version=expected_version, **values)


async def _permit_elsewhere(writer: Writer, connector: Row) -> None:
    """Raise Forbidden where a credential would go to another place than for which it was given."""
    c = ConnectorSecret.__table__.c
    if await writer.tx.fetch(select(c.connector_id).where(c.connector_id == connector.id)):
        await writer.permit(Connector, connector, Permission.SECRET_MANAGE)


def _configured(ctx: Context, given: Mapping[str, Any]) -> tuple[ConnectorKind, dict[str, Any]]:
    """Return the kind and the checked settings of an input that names one kind."""
    ((name, settings),) = given.items()
    kind = ConnectorKind(name.upper())
    config = checked(kind, settings, field=f"config.{to_camel(name)}")
    if kind is ConnectorKind.LOCAL:
        allowed_folder(config["folder"], rules_of(ctx.runtime.settings))
    return kind, config


def _reconfigured(ctx: Context, current: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    kind, config = _configured(ctx, given)
    if kind != current.kind:
        raise InvalidInput(
            f"This connector is of kind {current.kind}; its settings cannot become those of {kind}.",
            field="config",
            hint="Create another connector.",
        )
    if config == current.config:
        return {"config": config}
    return {"config": config, "status": ConnectorStatus.UNTESTED, "last_test": None}
