"""Loaders of tests of connectors."""

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import ConnectorCheck
from maestro.db.tables.enums import ConnectorStatus
from maestro.filters import ValueType
from maestro.ids import Kind

CHECKS = Catalogue(
    table=ConnectorCheck,
    document=literal_column("to_tsvector('simple', connector_check.trigger || ' ' || connector_check.status)"),
    fields={
        "id": Listed(ValueType.ID, "The test's id.", ConnectorCheck.id, kind=Kind.ConnectorCheck),
        "trigger": Listed(ValueType.STRING, "What started it.", ConnectorCheck.trigger),
        "status": Listed(ValueType.ENUM, "What it says.", ConnectorCheck.status, values=tuple(ConnectorStatus)),
        "at": Listed(ValueType.DATETIME, "When it was made.", ConnectorCheck.at),
    },
)


class ConnectorCheckById(ById):
    """Tests of connectors by their id."""

    needs = Permission.CONNECTOR_READ
    table = ConnectorCheck


class ChecksByConnector(ListLoader):
    """The tests of a connector."""

    needs = Permission.CONNECTOR_READ
    catalogue = CHECKS
    scope = "connector_id"
