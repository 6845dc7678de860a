"""Loaders of statements that were run by connectors, for who may run some there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.connector_places import refusals
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import ConnectorQuery
from maestro.db.tables.enums import JobState
from maestro.filters import ValueType
from maestro.ids import ACTORS, Kind

QUERIES = Catalogue(
    table=ConnectorQuery,
    document=literal_column("to_tsvector('simple', connector_query.statement)"),
    fields={
        "id": Listed(ValueType.ID, "The query's id.", ConnectorQuery.id, kind=Kind.ConnectorQuery),
        "statement": Listed(ValueType.STRING, "What was run.", ConnectorQuery.statement),
        "state": Listed(ValueType.ENUM, "Where it is in its life.", ConnectorQuery.state, values=tuple(JobState)),
        "startedBy": Listed(ValueType.ID, "Who ran it.", ConnectorQuery.started_by_id, is_nullable=True, kind=ACTORS),
        "errorCode": Listed(ValueType.STRING, "The code of the error.", ConnectorQuery.error_code, is_nullable=True),
        "startedAt": Listed(ValueType.DATETIME, "When it was begun.", ConnectorQuery.started_at),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", ConnectorQuery.ended_at, is_nullable=True),
    },
)


class ConnectorQueryById(ById):
    """Queries by their id; Forbidden where the viewer may not run any."""

    needs = Permission.CONNECTOR_QUERY
    table = ConnectorQuery

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each id."""
        rows = await super().fetch(keys)
        refused = await refusals(self, self.needs, {row.connector_id for row in rows if not isinstance(row, Exception)})
        return [row if isinstance(row, Exception) else refused.get(row.connector_id, row) for row in rows]


class QueriesByConnector(ListLoader):
    """The queries of a connector; Forbidden where the viewer may not run any."""

    needs = Permission.CONNECTOR_QUERY
    catalogue = QUERIES
    scope = "connector_id"

    async def fetch(self, keys: Sequence[Any]) -> list[Any]:
        """Return a page for each key."""
        refused = await refusals(self, self.needs, {scope for scope, _ in keys})
        allowed = [key for key in keys if key[0] not in refused]
        pages = dict(zip(allowed, await super().fetch(allowed), strict=True)) if allowed else {}
        return [refused[key[0]] if key[0] in refused else pages[key] for key in keys]
