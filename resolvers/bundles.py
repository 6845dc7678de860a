"""Use cases of bundles: jobs that write a project into an object store, and make a project of what lies there."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from maestro.bundle_inputs import FromBundle, ToBundle
from maestro.db.rows import Row
from maestro.db.tables import Connector, Job, Project
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.errors import Conflict, InvalidInput
from maestro.job_inputs import ExportInput, ImportInput
from maestro.vendors import VENDORS, ConnectorCapability
from resolvers import jobs, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer

LONGEST_KEY: Final = 900


async def export_project(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start the export of a project into an object store, and return its job.

    `given` has `project_id`, `connector_id` and `key`. NotFound, InvalidInput for a connector that is no object store,
    Conflict for one that is disabled and for what is in the trash, Forbidden.
    """
    asked = ToBundle(connector_id=given["connector_id"], project_id=given["project_id"], key=_key(given["key"]))

    async def write(writer: Writer) -> Row:
        first, *others = asked.takes[asked.project_id]
        project = await writer.container(Project, asked.project_id, needs=first)
        for permission in others:
            await writer.permit(Project, project, permission)
        await _require_store(writer, asked.connector_id)
        return await jobs.start(writer, ExportInput(target=asked), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("exportProject", idempotency_key, given), write=write)


async def import_project(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start the import of a bundle from an object store as a new project, and return its job.

    `given` has `connector_id`, `key` and, if given, `name`. As of `export_project`.
    """
    name = None if given.get("name") is None else validation.name(given["name"])
    asked = FromBundle(connector_id=given["connector_id"], key=_key(given["key"]), name=name)
    for permission in asked.takes[None]:
        ctx.require(permission)

    async def write(writer: Writer) -> Row:
        await _require_store(writer, asked.connector_id)
        return await jobs.start(writer, ImportInput(source=asked), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("importProject", idempotency_key, given), write=write)


async def _require_store(writer: Writer, connector_id: UUID) -> None:
    connector = await writer.in_use(Connector, connector_id, lock=Lock.KEEP)
    if ConnectorCapability.OBJECT_STORE not in VENDORS[ConnectorKind(connector.kind)].capabilities:
        raise InvalidInput(
            f"A connector of kind {connector.kind} leads to no object store.",
            field="connectorId",
            hint="Choose one of kind S3, GCS, AZURE_BLOB or LOCAL.",
        )
    if connector.status == ConnectorStatus.DISABLED:
        raise Conflict("This Connector is disabled.", hint="Enable it first.")


def _key(given: str) -> str:
    text = validation.text(given, field="key", limit=LONGEST_KEY)
    if not text or any(name in ("", ".", "..") for name in text.split("/")):
        raise InvalidInput("This is no key of an object.", field="key", hint="It looks like exports/project.zip.")
    return text
