"""Where the files of a project's artifacts go, in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from dataloaders.syncs import ConnectorIfSeen
from execution.declare import column, one
from schema.nodes import RowBacked

if TYPE_CHECKING:
    from schema.connectors import Connector


@strawberry.type(description="The object store into which the files of a project's artifacts go.")
class ArtifactStore(RowBacked):
    """A store's row."""

    row: strawberry.Private[Any]
    connector: Annotated["Connector", strawberry.lazy("schema.connectors")] | None = one(
        ConnectorIfSeen,
        key="connector_id",
        description="The connector that leads to it; null where the viewer sees nothing.",
    )
    prefix: str = column("The folder within what the connector leads to; empty for all of it.")
    set_at: datetime = column("When it became the project's store.")
