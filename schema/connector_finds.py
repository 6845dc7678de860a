"""What is found when connectors are asked, in the schema: objects, tables, columns, collections, rows."""

from datetime import date, datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from dataloaders.connector_finds import (
    FoundCollection,
    FoundColumn,
    FoundExperiment,
    FoundField,
    FoundObject,
    FoundPage,
    FoundRows,
    FoundTable,
)
from execution.declare import column, computed
from maestro.column_types import ColumnType
from schema.connections import PageInfo
from schema.enums import described
from schema.nodes import RowBacked
from schema.scalars import BigInt

described(
    ColumnType,
    "What a column of a vendor holds, and how its values are answered.",
    {
        "BOOLEAN": "True or false.",
        "INTEGER": "An integer; beyond 2^53 a text of its digits.",
        "FLOAT": "A floating-point number; null for NaN and the infinities.",
        "DECIMAL": "A text of its digits.",
        "TEXT": "A text.",
        "BINARY": "Base64.",
        "DATE": "A day in ISO 8601.",
        "TIME": "A time of day in ISO 8601.",
        "TIMESTAMP": "A moment in ISO 8601, with its zone where the vendor tells one.",
        "INTERVAL": "A span, in ISO 8601 where it is one of time.",
        "JSON": "JSON.",
        "ARRAY": "A list.",
        "STRUCT": "An object.",
        "GEOGRAPHY": "A place or a shape, in the vendor's text.",
        "OTHER": "The vendor's text.",
    },
)


@strawberry.type(description="An object of the store that a connector leads to.")
class ConnectorObject(RowBacked):
    """An object as its store lists it."""

    row: strawberry.Private[FoundObject]
    key: str = column("Its key, without the connector's prefix.")
    size_bytes: BigInt = column("How many bytes it has.")
    modified_at: datetime = column("When it was stored.")
    etag: str | None = column("The vendor's mark of its bytes, where the list tells it.")
    sha256: str | None = column("Its SHA-256, where the list tells it.")
    version_id: str | None = column("The vendor's name of the version.")
    tier: str | None = column("The storage class or access tier.")
    media_type: str | None = column("Its media type, where the list tells it.")
    metadata: JSON = column("Its metadata, where the list tells them: texts by their names.")


@strawberry.type(description="A table or view of the database that a connector leads to.")
class ConnectorTable(RowBacked):
    """A table as its database lists it."""

    row: strawberry.Private[FoundTable]
    schema_name: str = column("The schema or data set that it is in.", name="schema")
    name: str = column("Its name.")
    table_kind: str = column("TABLE, VIEW, MATERIALIZED_VIEW or EXTERNAL.", name="kind")
    row_estimate: BigInt | None = column("About how many rows it has; null where the vendor has no estimate.")
    size_estimate: BigInt | None = column("About how many bytes it has; null where the vendor has no estimate.")
    comment: str | None = column("What the database says of it.")


@strawberry.type(description="A column of a table, of a preview or of what a query has answered.")
class ResultColumn(RowBacked):
    """A column."""

    row: strawberry.Private[FoundColumn]
    name: str = column("Its name.")
    vendor_type: str = column("The vendor's own name of what it holds.")
    is_nullable: bool = column("Whether it may hold nulls, as far as that is known.")
    is_key: bool = column("Whether it is part of the primary key.")
    comment: str | None = column("What the database says of it.")

    @computed("type", name="type", description="What it holds.")
    def holds(self) -> ColumnType:
        """Return the member of the enum."""
        return ColumnType(self.row.type)


@strawberry.type(description="A collection of documents.")
class ConnectorCollection(RowBacked):
    """A collection as its database lists it."""

    row: strawberry.Private[FoundCollection]
    name: str = column("Its name.")
    collection_kind: str = column("What it is, in the vendor's word: a collection or a view.", name="kind")
    document_estimate: BigInt | None = column("About how many documents it has.")
    size_estimate: BigInt | None = column("About how many bytes it has.")


@strawberry.type(description="A field as it occurs in a sample of a collection's documents.")
class ConnectorField(RowBacked):
    """A field."""

    row: strawberry.Private[FoundField]
    path: str = column("Where it is in the documents, with full stops.")
    types: list[str] = column("The vendor's names of what it holds.")
    count: int = column("In how many documents of the sample it is.")


@strawberry.type(description="An experiment of another tracking server.")
class ConnectorExperiment(RowBacked):
    """An experiment."""

    row: strawberry.Private[FoundExperiment]
    external_id: str = column("Its id there.")
    name: str = column("Its name.")
    created_at: datetime | None = column("When it was created there.")
    artifact_location: str | None = column("Where its artifacts lie.")


@strawberry.type(description="Some of the objects that a connector leads to, by their keys.")
class ConnectorObjectPage:
    """A page of objects."""

    row: strawberry.Private[FoundPage]

    @strawberry.field(description="The objects.")
    def nodes(self) -> list[ConnectorObject]:
        """Return the objects."""
        return [ConnectorObject(row=one) for one in self.row.items]

    @strawberry.field(description="Where this page stands in the list.")
    def page_info(self) -> PageInfo:
        """Return Relay's PageInfo."""
        return _page_info(self.row)


@strawberry.type(description="Some of the tables that a connector leads to, by schema and name.")
class ConnectorTablePage:
    """A page of tables."""

    row: strawberry.Private[FoundPage]

    @strawberry.field(description="The tables.")
    def nodes(self) -> list[ConnectorTable]:
        """Return the tables."""
        return [ConnectorTable(row=one) for one in self.row.items]

    @strawberry.field(description="Where this page stands in the list.")
    def page_info(self) -> PageInfo:
        """Return Relay's PageInfo."""
        return _page_info(self.row)


@strawberry.type(
    description="The first rows of what a connector leads to. Of an object that holds no rows there is only its text."
)
class Preview:
    """Rows, and of an object its beginning."""

    row: strawberry.Private[FoundRows]

    @strawberry.field(description="The columns; none where there are no rows.")
    def columns(self) -> list[ResultColumn]:
        """Return the columns."""
        return [ResultColumn(row=one) for one in self.row.columns]

    @strawberry.field(description="The rows, each an array with a value a column; `ColumnType` says how they look.")
    def rows(self) -> list[JSON]:
        """Return the rows."""
        return [JSON(one) for one in self.row.rows]

    @strawberry.field(description="Whether there is more than is shown.")
    def is_truncated(self) -> bool:
        """Return the flag."""
        return self.row.is_truncated

    @strawberry.field(description="The first 1,024 bytes of an object, where they are text in UTF-8.")
    def text(self) -> str | None:
        """Return the text."""
        return self.row.text

    @strawberry.field(description="How many bytes the object has.")
    def size_bytes(self) -> BigInt | None:
        """Return the size."""
        return None if self.row.size_bytes is None else BigInt(self.row.size_bytes)

    @strawberry.field(description="The media type of the object, where the store knows it.")
    def media_type(self) -> str | None:
        """Return the media type."""
        return self.row.media_type


@strawberry.type(description="How much a connector was used on a day of UTC, by requests and by jobs.")
class ConnectorUsageDay(RowBacked):
    """A row of counts."""

    row: strawberry.Private[Any]
    day: date = column("The day.")
    operations: BigInt = column("How often something was done with it.")
    errors: BigInt = column("How often that went wrong.")
    bytes_read: BigInt = column("Bytes that were read from it, as far as they were counted.")
    bytes_written: BigInt = column("Bytes that were written to it.")


def _page_info(row: FoundPage) -> PageInfo:
    return PageInfo(
        has_next_page=row.has_next,
        has_previous_page=row.has_previous,
        start_cursor=row.start,
        end_cursor=row.end,
    )
