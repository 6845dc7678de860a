"""Use cases of artifact stores: where the files of a project's artifacts go, and what this keeps connectors from."""

import re
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import ArtifactStore, Connector, Project
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.errors import Conflict, InvalidInput
from resolvers import validation
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

KINDS: Final = (ConnectorKind.S3, ConnectorKind.GCS, ConnectorKind.AZURE_BLOB)
"""Connectors of these kinds lead to stores that sign requests for others."""
LONGEST_PREFIX: Final = 500
LONGEST_NAME: Final = 255
"""Most bytes of a prefix, and of a name between two slashes of it."""
PLACE: Final = ("bucket", "container", "account", "prefix", "endpointUrl")
"""Settings of connectors that say which objects are meant."""
_OF_CONNECTOR: Final = """
    SELECT EXISTS (SELECT FROM artifact_store WHERE connector_id = $1) AS is_used,
        EXISTS (SELECT FROM remote_blob WHERE connector_id = $1)
            OR EXISTS (SELECT FROM loose_object WHERE connector_id = $1 AND expires_at > now()) AS has_files
"""
_PART: Final = re.compile(r"[^\x00-\x1f\x7f\\]+")


async def put(ctx: Context, project_id: UUID, connector_id: UUID | None, *, prefix: str = "") -> Row:
    """Say where the files of a project go from now on, None for the server's own folder, and return the project.

    What is stored stays where it is. NotFound, Forbidden without CONNECTOR_MANAGE for the connector, Conflict for what
    is in the trash or disabled; InvalidInput for a prefix that is none, a connector of another kind, and one that
    serves another project alone.
    """
    folder = prefix_of(prefix)
    async with writing(ctx) as writer:
        project = await writer.in_use(Project, project_id, lock=Lock.CHANGE)
        c = ArtifactStore.__table__.c
        earlier = await writer.tx.fetch_one(select(*c).where(c.project_id == project_id).with_for_update())
        if connector_id is None:
            await writer.tx.fetch(delete(ArtifactStore).where(c.project_id == project_id))
        else:
            await _require_usable(writer, connector_id, project_id)
            held = {"connector_id": connector_id, "prefix": folder, "set_by_id": ctx.viewer.actor_id}
            query = insert(ArtifactStore).values(organization_id=ctx.organization_id, project_id=project_id, **held)
            await writer.tx.fetch(query.on_conflict_do_update(index_elements=[c.project_id], set_=held))
        after = None if connector_id is None else {"connector_id": connector_id, "prefix": folder}
        writer.changed(
            Project, project_id, before={"artifact_store": _told(earlier)}, after={"artifact_store": _told(after)}
        )
        return project


def prefix_of(value: str) -> str:
    """Return a prefix without slashes at its ends; InvalidInput for one that is no folder."""
    text = validation.text(value, field="prefix", limit=LONGEST_PREFIX).strip("/")
    parts = text.split("/") if text else []
    if len(text.encode()) > LONGEST_PREFIX or any(not _is_name(part) for part in parts):
        raise InvalidInput("This is no folder of a store.", field="prefix", hint="Use one like team/artifacts.")
    return text


def _is_name(part: str) -> bool:
    is_plain = part not in ("", ".", "..", ".work") and _PART.fullmatch(part) is not None
    return is_plain and len(part.encode()) <= LONGEST_NAME


async def store_of(writer: Writer, project_id: UUID) -> Row | None:
    """Return the artifact store of a project, which stays as it is until the transaction ends; None for the folder."""
    c = ArtifactStore.__table__.c
    return await writer.tx.fetch_one(select(*c).where(c.project_id == project_id).with_for_update(read=True))


async def refuse_if_needed(writer: Writer, connector_id: UUID) -> None:
    """Refuse that a connector is deleted which files of artifacts need; Conflict."""
    (found,) = await writer.tx.fetch_sql(_OF_CONNECTOR, connector_id)
    if found.is_used:
        raise Conflict(
            "This Connector is the artifact store of a project.",
            hint="Give the project another one by setProjectArtifactStore; one in the trash counts too.",
        )
    if found.has_files:
        raise Conflict(
            "Files of artifacts lie in the store of this Connector.",
            hint="Delete the artifact versions that have them; their bytes are let go of when the house is kept next.",
        )


async def refuse_another_place(writer: Writer, connector: Row, config: dict[str, Any]) -> None:
    """Refuse settings by which a connector would lead away from files of artifacts that it has; Conflict."""
    if all((connector.config.get(name) or None) == (config.get(name) or None) for name in PLACE):
        return
    (found,) = await writer.tx.fetch_sql(_OF_CONNECTOR, connector.id)
    if found.has_files:
        raise Conflict(
            "Files of artifacts lie where this Connector leads to.",
            hint="Create another connector for the other place; settings that do not say which place can be changed.",
        )


async def _require_usable(writer: Writer, connector_id: UUID, project_id: UUID) -> None:
    connector = await writer.in_use(Connector, connector_id, lock=Lock.KEEP, needs=Permission.CONNECTOR_MANAGE)
    if connector.kind not in KINDS:
        raise InvalidInput(
            f"A connector of kind {connector.kind} can be no artifact store.",
            field="connectorId",
            hint=f"Choose one of kind {', '.join(KINDS[:-1])} or {KINDS[-1]}; null means the server's own folder.",
        )
    if connector.project_id not in (None, project_id):
        raise InvalidInput(
            "This connector serves another project alone.",
            field="connectorId",
            hint="Choose one of this project or of the whole organization.",
        )
    if connector.status == ConnectorStatus.DISABLED:
        raise Conflict("This Connector is disabled.", hint="Enable it first.")


def _told(store: Any) -> dict[str, Any] | None:
    return None if store is None else {"connector_id": str(store["connector_id"]), "prefix": store["prefix"]}
