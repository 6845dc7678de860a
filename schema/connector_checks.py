"""Tests of connectors in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.connector_tests
from dataloaders.connectors import ConnectorById
from execution.declare import column, computed, one
from maestro.access import Permission
from maestro.db.tables.enums import ConnectorStatus
from maestro.ids import Kind, uuid_of
from schema.guards import mutation
from schema.nodes import Node

if TYPE_CHECKING:
    from schema.connectors import Connector

ConnectorId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Connector.")]


@strawberry.type(description="A step of a test of a connector; none of its texts holds a secret.")
class CheckStep:
    """A step as its test has told it."""

    name: str = strawberry.field(description="`resolve`, `connect`, `authenticate`, `list`, `read` or `write`.")
    outcome: str = strawberry.field(description="OK, FAILED or SKIPPED.")
    seconds: float = strawberry.field(description="How long it took.")
    message: str | None = strawberry.field(description="What was found, or what is wrong.")
    code: str | None = strawberry.field(description="The code of the error.")
    hint: str | None = strawberry.field(description="What to do about it.")


@strawberry.type(description="A test of a connector.")
class ConnectorCheck(Node, kind=Kind.ConnectorCheck):
    """A check's row."""

    at: datetime = column("When it was made.")
    trigger: str = column("What started it: MANUAL or SCHEDULE.")
    status: ConnectorStatus = column("What it says of the connector.")
    duration_ms: float = column("How long it took, in milliseconds.")
    connector: Annotated["Connector", strawberry.lazy("schema.connectors")] = one(
        ConnectorById, key="connector_id", description="The connector."
    )

    @computed("steps", description="What was tried, in this order; what follows on a failure is skipped.")
    def steps(self) -> list[CheckStep]:
        """Return the steps."""
        known = ("name", "outcome", "seconds", "message", "code", "hint")
        return [CheckStep(**{name: one.get(name) for name in known}) for one in self.row.steps]


@strawberry.type
class ConnectorCheckMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_MANAGE,
        description="Test a connector now, step by step, and keep what was found as its status. What is wrong with it "
        "is in the steps of the answer.",
    )
    async def test_connector(
        self,
        info: Info[Any, Any],
        id: ConnectorId,
        *,
        writes: Annotated[
            bool, strawberry.argument(description="Whether something is written and removed again too.")
        ] = False,
    ) -> ConnectorCheck:
        """Test."""
        row = await resolvers.connector_tests.test(info.context, uuid_of(Kind.Connector, id), writes=writes)
        return ConnectorCheck(row=row)
