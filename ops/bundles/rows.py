"""Rows of tables as files of Parquet, and back."""

from collections.abc import Iterator, Mapping, Sequence
from io import BufferedIOBase
from typing import IO, Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Column

from maestro.db.engine import Transaction
from maestro.errors import InvalidInput
from ops.bundles.contents import columns_of, query_of, type_of
from ops.restores.scoped.new_ids import NewIds

BATCH: Final = 5000
"""Rows that are read at once, and those of a group of a file."""
OPTIONS: Final[dict[str, Any]] = {"compression": "zstd", "version": "2.6", "write_statistics": False}
_ARROW: Final = {
    "uuid": pa.string(),
    "jsonb": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "float8": pa.float64(),
    "bigint": pa.int64(),
    "timestamptz": pa.timestamp("us", "UTC"),
}


async def write_rows(
    tx: Transaction, table: str, file: BufferedIOBase, *, place: tuple[UUID, UUID], ids: NewIds
) -> int:
    """Write the rows of a table of a project, given with its organisation, and return how many they are."""
    columns = columns_of(table)
    schema = pa.schema([pa.field(one.name, _ARROW[type_of(one)]) for one in columns])
    count = 0
    cursor = f"bundled_{table}"  # the driver remembers what the rows of each look like
    await tx.fetch_sql(f"DECLARE {cursor} NO SCROLL CURSOR FOR {query_of(table)}", *place)
    with pq.ParquetWriter(file, schema, **OPTIONS) as writer:
        while rows := await tx.fetch_sql(f"FETCH {BATCH} FROM {cursor}"):
            values = [[_given(row[one.name], ids) for row in rows] for one in columns]
            writer.write_table(pa.table(values, schema=schema), row_group_size=BATCH)
            count += len(rows)
    await tx.fetch_sql(f"CLOSE {cursor}")
    return count


def _given(value: Any, ids: NewIds) -> Any:
    return str(ids.of(value)) if isinstance(value, UUID) else value


async def read_rows(
    tx: Transaction,
    table: str,
    file: IO[bytes],
    *,
    organization_id: UUID,
    ids: NewIds,
    instead: Mapping[str, Any] | None = None,
) -> int:
    """Write the rows of a file into a table, and return how many they are; InvalidInput for columns nobody knows.

    Columns that the file does not have get what rows have that are made, those of `instead` what it says.
    """
    known = {one.name: one for one in columns_of(table)}
    parquet = pq.ParquetFile(file)
    if unknown := [name for name in parquet.schema_arrow.names if name not in known]:
        raise InvalidInput(
            f"The bundle has {table}.{unknown[0]}, which this version does not know.",
            hint="Import it into a server of the version that has made it, or a later one.",
        )
    columns = [known[name] for name in parquet.schema_arrow.names]
    sql, count = _insert(table, columns), 0
    for batch in parquet.iter_batches(BATCH):
        values = [
            [instead[one.name]] * batch.num_rows
            if instead is not None and one.name in instead
            else _taken(one, batch.column(place).to_pylist(), ids)
            for place, one in enumerate(columns)
        ]
        await tx.fetch_sql(sql, organization_id, *values)
        count += batch.num_rows
    return count


def _insert(table: str, columns: Sequence["Column[Any]"]) -> str:
    names = [one.name for one in columns]
    types = ["text" if type_of(one) == "jsonb" else type_of(one) for one in columns]
    given = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(types, 2))
    values = ", ".join(f"u.{one.name}{'::jsonb' if type_of(one) == 'jsonb' else ''}" for one in columns)
    return (
        f"INSERT INTO {table} (organization_id, {', '.join(names)}) "  # noqa: S608 -- our own names
        f"SELECT $1, {values} FROM unnest({given}) AS u ({', '.join(names)})"
    )


def _taken(column: "Column[Any]", values: list[Any], ids: NewIds) -> list[Any]:
    if type_of(column) != "uuid":
        return values
    return [None if value is None else ids.of(UUID(value)) for value in values]


def texts_in(file: IO[bytes], column: str) -> Iterator[str]:
    """Yield the texts of a column of a file, in the order of its rows."""
    for batch in pq.ParquetFile(file).iter_batches(BATCH, columns=[column]):
        yield from batch.column(0).to_pylist()
