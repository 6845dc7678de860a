"""Connectors in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.connectors
import resolvers.trash
from dataloaders.connector_checks import CHECKS, ChecksByConnector
from dataloaders.connector_queries import QUERIES, QueriesByConnector
from dataloaders.connector_secrets import Asked, ConnectorSecrets
from dataloaders.connectors import CONNECTORS, ConnectorById, Connectors
from dataloaders.projects import ProjectById
from dataloaders.syncs import SYNC_RUNS, SyncRunsByConnector, SyncRunsByTarget
from execution.declare import column, computed, one, page, value
from maestro.access import Permission
from maestro.db.tables import Connector as ConnectorTable
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.ids import Kind, uuid_of
from maestro.vendors import VENDORS, ConnectorCapability
from schema.arguments import ExpectedVersion, IdempotencyKey, NewName
from schema.connections import Connection, given
from schema.connector_browsing import Browsable
from schema.connector_checks import ConnectorCheck
from schema.connector_configs import ConnectorConfig, ConnectorConfigInput, config_of
from schema.connector_inspections import Inspectable
from schema.connector_queries import ConnectorQuery
from schema.filtering import (
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import mutation
from schema.list_arguments import brief_list_arguments, list_arguments
from schema.nodes import Owned, Trashable, by_id
from schema.outcomes import NameTaken, StaleVersion

if TYPE_CHECKING:
    from schema.projects import Project
    from schema.syncs import SyncRun

ConnectorId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Connector.")]


@strawberry.type(description="A database, a cloud store or a tracking server that the organisation uses.")
class Connector(Browsable, Inspectable, Owned, Trashable, kind=Kind.Connector):
    """A connector's row."""

    name: str = column("Its name, unique in the organisation.")
    description: str = column("What it is for, in Markdown.")
    status: ConnectorStatus = column("What its last tests say.")
    last_test: JSON | None = column("What the last test found; null before the first.")
    schedule: str | None = column("When it syncs by itself, as a cron expression; null for never.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] | None = one(
        ProjectById, key="project_id", description="The project that it serves; null for the whole organisation."
    )
    sync_runs: Connection[Annotated["SyncRun", strawberry.lazy("schema.syncs")]] = page(
        SyncRunsByConnector,
        arguments=brief_list_arguments(SYNC_RUNS),
        description="The syncs that read its store, the newest first.",
    )
    incoming_sync_runs: Connection[Annotated["SyncRun", strawberry.lazy("schema.syncs")]] = page(
        SyncRunsByTarget,
        arguments=brief_list_arguments(SYNC_RUNS),
        description="The syncs that fill its store, the newest first.",
    )
    checks: Connection[ConnectorCheck] = page(
        ChecksByConnector, arguments=brief_list_arguments(CHECKS), description="Its tests, the newest first."
    )
    queries: Connection[ConnectorQuery] | None = page(
        QueriesByConnector,
        arguments=brief_list_arguments(QUERIES),
        description="What was run there, the newest first; takes CONNECTOR_QUERY.",
    )
    has_secret: bool = value(
        ConnectorSecrets, arguments=lambda: Asked.IS_SET, description="Whether a credential is stored for it."
    )
    secret_set_at: datetime | None = value(
        ConnectorSecrets,
        arguments=lambda: Asked.SET_AT,
        description="When its credential was set; null without one. Nobody can read the credential itself.",
    )

    @computed("kind", name="kind", description="The vendor.")
    def vendor(self) -> ConnectorKind:
        """Return the column; `kind` is the kind of node in Python."""
        return ConnectorKind(self.row.kind)

    @computed("kind", "config", description="Its settings; no credential is among them.")
    def config(self) -> ConnectorConfig:
        """Return the settings as the type of the kind."""
        return config_of(self.row.kind, self.row.config)

    @computed("kind", description="What it can be used for.")
    def capabilities(self) -> list[ConnectorCapability]:
        """Return what the vendor can do."""
        return list(VENDORS[ConnectorKind(self.row.kind)].capabilities)


@filter_input("Which connectors; all members that are given must hold.")
class ConnectorFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    description: StringCondition | None = condition("By description.")
    kind: EnumCondition[ConnectorKind] | None = condition("By vendor.")
    status: EnumCondition[ConnectorStatus] | None = condition("By what the last tests say.")
    project: IdCondition | None = condition("By the project that they serve.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


connector_page = list_arguments(CONNECTORS, ConnectorFilter, sort_input("ConnectorSort", CONNECTORS), noun="connectors")


@strawberry.type
class ConnectorQueries:
    """Root fields."""

    connector: Connector | None = one(
        ConnectorById, key=None, arguments=by_id(Kind.Connector), description="A connector by its id."
    )
    connectors: Connection[Connector] = page(
        Connectors, key=None, arguments=connector_page, description="The organisation's connectors."
    )


@strawberry.input(description="A new connector; its credential is set afterwards, by setConnectorSecret.")
class CreateConnectorInput:
    """What a connector is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the organisation.")
    config: ConnectorConfigInput = strawberry.field(description="Its kind and settings.")
    description: str | None = strawberry.field(default=UNSET, description="What it is for, in Markdown.")
    project_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The project that it serves; the whole organisation unless given."
    )


@strawberry.input(description="Changes of a connector; what is left out stays as it is.")
class UpdateConnectorInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    config: ConnectorConfigInput | None = strawberry.field(
        default=UNSET, description="All its settings anew, of the kind that it is."
    )
    description: str | None = strawberry.field(default=UNSET, description="What it is for, in Markdown.")


@strawberry.type(description="The connector as it is after the change.")
class ConnectorSaved:
    """The good outcome."""

    connector: Connector = strawberry.field(description="The connector.")


CreateConnectorPayload = Annotated[
    ConnectorSaved | NameTaken, strawberry.union("CreateConnectorPayload", description="How the creation went.")
]
UpdateConnectorPayload = Annotated[
    ConnectorSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateConnectorPayload", description="How the change went."),
]
RestoreConnectorPayload = Annotated[
    ConnectorSaved | NameTaken, strawberry.union("RestoreConnectorPayload", description="How the restoring went.")
]


@strawberry.type
class ConnectorMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_MANAGE,
        description="Create a connector. Nothing is connected to until it is tested or used.",
    )
    async def create_connector(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateConnectorInput, strawberry.argument(description="The connector.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateConnectorPayload:
        """Create."""
        values = given(input)
        if values.get("project_id") is not None:
            values["project_id"] = uuid_of(Kind.Project, values["project_id"], field="projectId")
        row = await resolvers.connectors.create(info.context, values, idempotency_key=idempotency_key)
        return ConnectorSaved(connector=Connector(row=row))

    @mutation(
        Permission.CONNECTOR_MANAGE,
        description="Change a connector; with other settings it counts as untested. Where it has a credential, other "
        "settings need SECRET_MANAGE too: it would be sent elsewhere.",
    )
    async def update_connector(
        self,
        info: Info[Any, Any],
        id: ConnectorId,
        input: Annotated[UpdateConnectorInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateConnectorPayload:
        """Update."""
        row = await resolvers.connectors.update(
            info.context, uuid_of(Kind.Connector, id), expected_version=expected_version, changes=given(input)
        )
        return ConnectorSaved(connector=Connector(row=row))

    @mutation(
        Permission.CONNECTOR_MANAGE, description="Move a connector to the trash; what it connects to is left alone."
    )
    async def delete_connector(
        self, info: Info[Any, Any], id: ConnectorId, expected_version: ExpectedVersion = None
    ) -> Connector:
        """Delete."""
        row = await resolvers.trash.delete(
            info.context, ConnectorTable, uuid_of(Kind.Connector, id), expected_version=expected_version
        )
        return Connector(row=row)

    @mutation(Permission.CONNECTOR_MANAGE, description="Bring a connector back from the trash.")
    async def restore_connector(
        self, info: Info[Any, Any], id: ConnectorId, name: NewName = None
    ) -> RestoreConnectorPayload:
        """Restore."""
        row = await resolvers.trash.restore(info.context, ConnectorTable, uuid_of(Kind.Connector, id), name=name)
        return ConnectorSaved(connector=Connector(row=row))
