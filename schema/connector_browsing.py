"""What connectors lead to in the schema: asked for whenever it is selected, by the process that runs errands."""

from typing import Annotated, Final

import strawberry

from dataloaders.connector_browsing import (
    CollectionsByConnector,
    ColumnsByConnector,
    ExperimentsByConnector,
    FieldsByConnector,
    ObjectsByConnector,
    PreviewByConnector,
    SchemasByConnector,
    TablesByConnector,
)
from dataloaders.connector_finds import (
    LARGEST_PAGE,
    ColumnsAsked,
    FieldsAsked,
    ObjectsAsked,
    PreviewAsked,
    TablesAsked,
    window,
)
from dataloaders.connector_usage import MOST_DAYS, UsageByConnector
from execution.declare import many, one, value
from maestro.errors import InvalidInput
from schema.connector_finds import (
    ConnectorCollection,
    ConnectorExperiment,
    ConnectorField,
    ConnectorObjectPage,
    ConnectorTablePage,
    ConnectorUsageDay,
    Preview,
    ResultColumn,
)

ITEMS: Final = 100
ROWS: Final = 100
First = Annotated[
    int | None, strawberry.argument(description=f"How many of them; 100 unless told, at most {LARGEST_PAGE:,}.")
]
After = Annotated[str | None, strawberry.argument(description="The cursor after which to go on: `pageInfo.endCursor`.")]


def _objects(
    prefix: Annotated[str, strawberry.argument(description="What their keys begin with.")] = "",
    first: First = None,
    after: After = None,
) -> ObjectsAsked:
    return ObjectsAsked(window(first, after, size=ITEMS), prefix)


def _tables(
    schema: Annotated[str | None, strawberry.argument(description="Of this schema; of all unless told.")] = None,
    first: First = None,
    after: After = None,
) -> TablesAsked:
    return TablesAsked(window(first, after, size=ITEMS), schema)


def _columns(
    schema: Annotated[str, strawberry.argument(description="The schema of the table.")],
    table: Annotated[str, strawberry.argument(description="The name of the table.")],
) -> ColumnsAsked:
    return ColumnsAsked(schema, table)


def _fields(collection: Annotated[str, strawberry.argument(description="Its name.")]) -> FieldsAsked:
    return FieldsAsked(collection)


def _preview(
    limit: Annotated[int, strawberry.argument(description="How many rows; at most 1,000.")] = ROWS,
    *,
    schema: Annotated[str | None, strawberry.argument(description="The schema of the table.")] = None,
    table: Annotated[str | None, strawberry.argument(description="Of this table.")] = None,
    collection: Annotated[str | None, strawberry.argument(description="Of this collection.")] = None,
    key: Annotated[str | None, strawberry.argument(description="Of the object under this key.")] = None,
) -> PreviewAsked:
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput(f"limit is from 1 to {LARGEST_PAGE:,}.", field="limit", limit=LARGEST_PAGE)
    return PreviewAsked(limit, schema, table, collection, key)


def _days(days: Annotated[int, strawberry.argument(description="How many; at most 366.")] = 30) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"days is from 1 to {MOST_DAYS}.", field="days", limit=MOST_DAYS)
    return days


def _nothing() -> None:
    """Take no arguments."""


@strawberry.type
class Browsable:
    """Fields of a connector that ask it; each is an error of its own when it cannot be answered."""

    objects: ConnectorObjectPage | None = one(
        ObjectsByConnector,
        key="id",
        arguments=_objects,
        description="The objects of the store, by their keys; asked of the store now.",
    )
    schemas: list[str] | None = value(
        SchemasByConnector, arguments=_nothing, description="The schemas or data sets; asked of the database now."
    )
    tables: ConnectorTablePage | None = one(
        TablesByConnector,
        key="id",
        arguments=_tables,
        description="The tables and views, by schema and name; asked of the database now.",
    )
    columns: list[ResultColumn] | None = many(
        ColumnsByConnector, arguments=_columns, description="The columns of a table; asked of the database now."
    )
    collections: list[ConnectorCollection] | None = many(
        CollectionsByConnector, arguments=_nothing, description="The collections; asked of the database now."
    )
    fields: list[ConnectorField] | None = many(
        FieldsByConnector,
        arguments=_fields,
        description="The fields of a collection, as a sample of its documents has them; asked of the database now.",
    )
    experiments: list[ConnectorExperiment] | None = many(
        ExperimentsByConnector,
        arguments=_nothing,
        description="The experiments of the tracking server, at most 1,000; asked of it now.",
    )
    preview: Preview | None = one(
        PreviewByConnector,
        key="id",
        arguments=_preview,
        description="The first rows of a table, of a collection, or of an object that is CSV, JSON lines or Parquet.",
    )
    usage: list[ConnectorUsageDay] = many(
        UsageByConnector,
        arguments=_days,
        description="How much it was used in the last days, the newest first; counted with a delay of seconds.",
    )
