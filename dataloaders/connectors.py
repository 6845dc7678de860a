"""Loaders of connectors and the runs of their syncs."""

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Connector
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.filters import ValueType
from maestro.ids import Kind

CONNECTORS = Catalogue(
    table=Connector,
    document=literal_column("to_tsvector('simple', connector.name || ' ' || connector.description)"),
    fields={
        "id": Listed(ValueType.ID, "The connector's id.", Connector.id, kind=Kind.Connector),
        "name": Listed(ValueType.STRING, "The connector's name.", Connector.name),
        "description": Listed(ValueType.STRING, "What it is for.", Connector.description),
        "kind": Listed(ValueType.ENUM, "The vendor.", Connector.kind, values=tuple(ConnectorKind)),
        "status": Listed(ValueType.ENUM, "What the last tests say.", Connector.status, values=tuple(ConnectorStatus)),
        "project": Listed(
            ValueType.ID, "The project that it serves.", Connector.project_id, is_nullable=True, kind=Kind.Project
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", Connector.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", Connector.updated_at),
    },
)


class ConnectorById(ById):
    """Connectors by their id."""

    needs = Permission.CONNECTOR_READ
    table = Connector


class Connectors(ListLoader):
    """The organisation's connectors."""

    needs = Permission.CONNECTOR_READ
    catalogue = CONNECTORS


class ConnectorsByProject(ListLoader):
    """The connectors that serve one project alone."""

    needs = Permission.CONNECTOR_READ
    catalogue = CONNECTORS
    scope = "project_id"
