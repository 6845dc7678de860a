"""Statements that connectors' databases run, in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.connector_queries
from dataloaders.connectors import ConnectorById
from dataloaders.users import ActorById
from execution.declare import column, one
from maestro.access import Permission
from maestro.db.tables.enums import JobState
from maestro.ids import Kind, encode, uuid_of
from resolvers.connector_queries import QueryAnswer
from schema.connections import given
from schema.connector_finds import ResultColumn
from schema.guards import mutation
from schema.nodes import ActorReference, Node
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.connectors import Connector


@strawberry.type(description="A statement that somebody has had a connector's database run. Its answer is not kept.")
class ConnectorQuery(Node, kind=Kind.ConnectorQuery):
    """A query's row."""

    statement: str = column("The statement, whose parameters are not kept; of a pipeline its command as JSON.")
    is_writing: bool = column("Whether it was allowed to change anything.")
    state: JobState = column("Where it is in its life.")
    started_at: datetime = column("When it was begun.")
    ended_at: datetime | None = column("When it ended.")
    row_count: BigInt | None = column("How many rows it has answered, or changed.")
    size_bytes: BigInt | None = column("How many bytes of JSON the rows were.")
    is_truncated: bool = column("Whether there were more rows than were answered.")
    vendor_id: str | None = column("The vendor's own id of it.")
    error_code: str | None = column("The code of the error by which it ended.")
    error_message: str | None = column("What that says.")
    started_by: ActorReference | None = one(
        ActorById, key="started_by_id", description="Who ran it; null where that is not known to the viewer."
    )
    cancelled_by: ActorReference | None = one(
        ActorById, key="cancelled_by_id", description="Who stopped it; null for nobody."
    )
    connector: Annotated["Connector", strawberry.lazy("schema.connectors")] = one(
        ConnectorById, key="connector_id", description="The connector."
    )


@strawberry.type(description="What a statement has answered.")
class QueryResult:
    """An answer of a database."""

    row: strawberry.Private[QueryAnswer]

    @strawberry.field(description="The id of the query in the history of its connector.")
    def id(self) -> strawberry.ID:
        """Return the global id."""
        return strawberry.ID(encode(Kind.ConnectorQuery, self.row.id))

    @strawberry.field(description="The columns; none for a statement that answers no rows.")
    def columns(self) -> list[ResultColumn]:
        """Return the columns."""
        return [ResultColumn(row=one) for one in self.row.columns]

    @strawberry.field(description="The rows, each an array with a value a column; `ColumnType` says how they look.")
    def rows(self) -> list[JSON]:
        """Return the rows."""
        return [JSON(one) for one in self.row.rows]

    @strawberry.field(description="How many rows are answered; for a statement that writes, how many it has changed.")
    def row_count(self) -> BigInt:
        """Return the number."""
        return BigInt(self.row.row_count)

    @strawberry.field(description="Whether there are more rows than are answered.")
    def is_truncated(self) -> bool:
        """Return the flag."""
        return self.row.is_truncated

    @strawberry.field(description="How many bytes of JSON the rows are.")
    def size_bytes(self) -> BigInt:
        """Return the size."""
        return BigInt(self.row.size_bytes)

    @strawberry.field(description="How long it took, in milliseconds, opening the connector included.")
    def elapsed_ms(self) -> float:
        """Return the time."""
        return self.row.elapsed_ms

    @strawberry.field(description="The vendor's own id of the query, where it has one.")
    def vendor_id(self) -> str | None:
        """Return the id."""
        return self.row.vendor_id


@strawberry.input(description="A statement that a connector's database is to run.")
class RunQueryInput:
    """What is run, and how much of it is answered."""

    connector_id: strawberry.ID = strawberry.field(description="The connector.")
    statement: str = strawberry.field(
        description="One statement in the vendor's SQL. Values stand in `parameters`, never in the text: `$1` in "
        "PostgreSQL, `%s` in MySQL, `?` in Snowflake and BigQuery."
    )
    parameters: list[JSON | None] | None = strawberry.field(
        default=UNSET, description="The values of the placeholders, in their order; none unless given."
    )
    max_rows: int = strawberry.field(default=1_000, description="Most rows that are answered.")
    timeout_seconds: int = strawberry.field(default=60, description="After so long the database stops it.")
    allow_writes: bool = strawberry.field(
        default=False,
        description="Whether it may change anything, which needs CONNECTOR_MANAGE too; otherwise the database is told "
        "to refuse that.",
    )
    cancel_key: str | None = strawberry.field(
        default=UNSET, description="A name of your own by which `cancelQuery` can stop it while it runs."
    )


@strawberry.input(description="A pipeline that a connector's database of documents is to run.")
class RunAggregationInput:
    """What is run, and how much of it is answered."""

    connector_id: strawberry.ID = strawberry.field(description="The connector.")
    collection: str = strawberry.field(description="The collection that goes through the pipeline.")
    pipeline: list[JSON] = strawberry.field(
        description='The stages, in MongoDB\'s language and Extended JSON: an id is `{"$oid": "…"}`, a time '
        '`{"$date": "…"}`. The history and the audit log keep them.'
    )
    max_rows: int = strawberry.field(default=1_000, description="Most rows that are answered, a document each.")
    timeout_seconds: int = strawberry.field(default=60, description="After so long the database stops it.")
    allow_writes: bool = strawberry.field(
        default=False,
        description="Whether its last stage may be `$out` or `$merge`, which needs CONNECTOR_MANAGE too. JavaScript "
        "is refused in any case.",
    )
    cancel_key: str | None = strawberry.field(
        default=UNSET, description="A name of your own by which `cancelQuery` can stop it while it runs."
    )


@strawberry.type
class ConnectorQueryMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_QUERY,
        description="Have a connector's database run one statement, read-only unless told otherwise, and answer its "
        "rows. It is stopped when the client goes away, by cancelQuery, and after its time.",
    )
    async def run_query(
        self, info: Info[Any, Any], input: Annotated[RunQueryInput, strawberry.argument(description="The statement.")]
    ) -> QueryResult:
        """Run."""
        values = given(input)
        key = uuid_of(Kind.Connector, values.pop("connector_id"), field="connectorId")
        return QueryResult(row=await resolvers.connector_queries.run(info.context, key, values))

    @mutation(
        Permission.CONNECTOR_QUERY,
        description="Have a connector's database of documents put a collection through a pipeline, read-only unless "
        "told otherwise, and answer what comes out of it as rows. It is stopped as runQuery is.",
    )
    async def run_aggregation(
        self,
        info: Info[Any, Any],
        input: Annotated[RunAggregationInput, strawberry.argument(description="The pipeline.")],
    ) -> QueryResult:
        """Run."""
        values = given(input)
        key = uuid_of(Kind.Connector, values.pop("connector_id"), field="connectorId")
        return QueryResult(row=await resolvers.connector_queries.run_aggregation(info.context, key, values))

    @mutation(
        Permission.CONNECTOR_QUERY,
        description="Have a query stopped, by its id or by the cancelKey of your own, wherever it runs. Somebody "
        "else's takes CONNECTOR_MANAGE. The answer tells what was stopped; it ends within seconds.",
    )
    async def cancel_query(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID | None, strawberry.argument(description="The id of a ConnectorQuery.")] = None,
        cancel_key: Annotated[str | None, strawberry.argument(description="What its sender calls it.")] = None,
    ) -> list[ConnectorQuery]:
        """Cancel."""
        key = None if id is None else uuid_of(Kind.ConnectorQuery, id)
        rows = await resolvers.connector_queries.cancel(info.context, key, cancel_key=cancel_key)
        return [ConnectorQuery(row=row) for row in rows]
