"""Loaders of syncs: plans with their items, and runs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, Uuid, cast, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader, Order, PageRequest, Scope
from dataloaders.paging import Position
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Connector, SyncItem, SyncPlan, SyncRun
from maestro.db.tables.enums import JobState, PlanState, SyncAction, SyncItemState
from maestro.errors import NotFound
from maestro.filters import ValueType
from maestro.ids import Kind
from maestro.storable import LARGEST_INTEGER


def _project_of(connector_id: InstrumentedAttribute[UUID]) -> ScalarSelect[UUID | None]:
    return select(Connector.project_id).where(Connector.id == connector_id).scalar_subquery()


SYNC_PLANS = Catalogue(
    table=SyncPlan,
    document=literal_column("to_tsvector('simple', coalesce(sync_plan.error_message, ''))"),
    fields={
        "id": Listed(ValueType.ID, "The plan's id.", SyncPlan.id, kind=Kind.SyncPlan),
        "state": Listed(ValueType.ENUM, "What has become of it.", SyncPlan.state, values=tuple(PlanState)),
        "source": Listed(ValueType.ID, "The connector that is read.", SyncPlan.source_id, kind=Kind.Connector),
        "target": Listed(ValueType.ID, "The connector that is filled.", SyncPlan.target_id, kind=Kind.Connector),
        "project": Listed(
            ValueType.ID,
            "The project that the source serves.",
            _project_of(SyncPlan.source_id),
            is_nullable=True,
            kind=Kind.Project,
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was asked for.", SyncPlan.created_at),
        "readyAt": Listed(ValueType.DATETIME, "When it was ready.", SyncPlan.ready_at, is_nullable=True),
        "expiresAt": Listed(ValueType.DATETIME, "Until when it can be started.", SyncPlan.expires_at, is_nullable=True),
    },
)

SYNC_RUNS = Catalogue(
    table=SyncRun,
    document=literal_column("to_tsvector('simple', sync_run.log)"),
    fields={
        "id": Listed(ValueType.ID, "The sync run's id.", SyncRun.id, kind=Kind.SyncRun),
        "trigger": Listed(ValueType.STRING, "What started it.", SyncRun.trigger),
        "status": Listed(ValueType.ENUM, "Where it is in its life.", SyncRun.status, values=tuple(JobState)),
        "source": Listed(ValueType.ID, "The connector that is read.", SyncRun.connector_id, kind=Kind.Connector),
        "target": Listed(
            ValueType.ID, "The connector that is filled.", SyncRun.target_id, is_nullable=True, kind=Kind.Connector
        ),
        "project": Listed(
            ValueType.ID,
            "The project that the source serves.",
            _project_of(SyncRun.connector_id),
            is_nullable=True,
            kind=Kind.Project,
        ),
        "plan": Listed(ValueType.ID, "What it set out to do.", SyncRun.plan_id, is_nullable=True, kind=Kind.SyncPlan),
        "startedAt": Listed(ValueType.DATETIME, "When it was started.", SyncRun.started_at, is_nullable=True),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", SyncRun.ended_at, is_nullable=True),
    },
)

SYNC_ITEMS = Catalogue(
    table=SyncItem,
    document=literal_column("to_tsvector('simple', sync_item.key)"),
    fields={
        "key": Listed(ValueType.STRING, "The object's key.", SyncItem.key),
        "action": Listed(ValueType.ENUM, "What is done.", SyncItem.action, values=tuple(SyncAction)),
        "state": Listed(ValueType.ENUM, "How far it has come.", SyncItem.state, values=tuple(SyncItemState)),
        "sizeBytes": Listed(ValueType.INTEGER, "Its size.", SyncItem.size_bytes),
    },
)


class SyncRunById(ById):
    """Sync runs by their id."""

    needs = Permission.CONNECTOR_READ
    table = SyncRun


class SyncPlanById(ById):
    """Plans of syncs by their id."""

    needs = Permission.CONNECTOR_READ
    table = SyncPlan


class SyncPlans(ListLoader):
    """The organisation's plans of syncs."""

    needs = Permission.CONNECTOR_READ
    catalogue = SYNC_PLANS


class ConnectorIfSeen(ById):
    """Connectors by their id; None for one that lies where the viewer sees nothing."""

    needs = Permission.CONNECTOR_READ
    table = Connector

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each connector."""
        found = await super().fetch(keys)
        return [None if isinstance(one, NotFound) else one for one in found]  # type: ignore[misc] # an edge takes None for null


class SyncRuns(ListLoader):
    """The organisation's syncs."""

    needs = Permission.CONNECTOR_READ
    catalogue = SYNC_RUNS


class SyncRunsByConnector(ListLoader):
    """The syncs from a connector."""

    needs = Permission.CONNECTOR_READ
    catalogue = SYNC_RUNS
    scope = "connector_id"


class SyncRunsByTarget(ListLoader):
    """The syncs to a connector."""

    needs = Permission.CONNECTOR_READ
    catalogue = SYNC_RUNS
    scope = "target_id"


class SyncItemsByPlan(ListLoader):
    """The objects of a plan in the order of their keys, which their numbers have; a number stands for the id."""

    needs = Permission.CONNECTOR_READ
    catalogue = SYNC_ITEMS
    scope = "plan_id"

    async def prepared(self, listing: Listing, scopes: Sequence[Scope]) -> tuple[Conditions, list[Order]]:
        """Return the SQL of a filter, and the numbers as what orders."""
        del scopes  # no field of it lies in an open space
        conditions = Conditions(self.catalogue, listing.filter, {})
        return conditions, [Order(self.catalogue.columns.number, is_descending=False, is_nullable=False)]

    def _page_query(
        self, conditions: Conditions, orders: list[Order], *, request: PageRequest, position: Position | None
    ) -> Select[Any]:
        if position is not None:
            position = Position(position.values, min(position.id.int, LARGEST_INTEGER))  # type: ignore[arg-type] # it is compared with numbers
        query = super()._page_query(conditions, orders, request=request, position=position)
        number = self.catalogue.columns.number
        return query.add_columns(cast(func.lpad(func.to_hex(number), 32, "0"), Uuid()).label("id"))
