"""Rows into a table of PostgreSQL: by COPY, or by INSERT where a column has a type that COPY cannot be given here."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import pyarrow as pa
from asyncpg.types import Type

from connectors.sql.arrow import plain
from connectors.sql.postgresql_asking import Connection, prepared
from connectors.sql.postgresql_errors import translated
from connectors.sql.postgresql_types import fitted_column, is_easy
from maestro.errors import InvalidInput

_AS_THEY_ARE: Final[dict[str, Callable[[pa.DataType], bool]]] = {
    "int8": pa.types.is_signed_integer,
    "float8": pa.types.is_floating,
    "text": pa.types.is_string,
    "varchar": pa.types.is_string,
    "bool": pa.types.is_boolean,
    "bytea": pa.types.is_binary,
}


def quoted(name: str) -> str:
    """Return an identifier as it is written."""
    return '"' + name.replace('"', '""') + '"'


async def inserted(
    connection: Connection, place: tuple[str, str], batches: AsyncIterator[pa.RecordBatch], *, timeout_s: float
) -> int:
    """Add the rows of batches to a table, a schema's and its own name, within a transaction; return how many."""
    types = await _types(connection, place, ())
    names: list[str] = []
    count = 0
    async for batch in batches:
        if batch.schema.names != names:
            names = batch.schema.names
            types = await _types(connection, place, names)
        rows = _rows(batch, types)
        with translated(timeout_s):
            await _write(connection, place, names, types=types, rows=rows)
        count += batch.num_rows
    return count


async def _types(connection: Connection, place: tuple[str, str], names: Sequence[str]) -> list[Type]:
    """Return the types of the columns of these names; NotFound without the table, InvalidInput without a column."""
    if len(set(names)) != len(names):
        raise InvalidInput("A batch has two columns of one name.")
    columns = ", ".join(map(quoted, names)) or "1"
    made = await prepared(connection, f"SELECT {columns} FROM {'.'.join(map(quoted, place))}")  # noqa: S608 -- quoted
    return [one.type for one in made.get_attributes()]


def _rows(batch: pa.RecordBatch, types: Sequence[Type]) -> list[tuple[Any, ...]]:
    columns = []
    for field, values, wanted in zip(batch.schema, batch.columns, types, strict=True):
        is_ready = _AS_THEY_ARE.get(wanted.name)
        found = plain(values, field)
        columns.append(found if is_ready and is_ready(field.type) else fitted_column(found, wanted, field.name))
    return list(zip(*columns, strict=True))


async def _write(
    connection: Connection,
    place: tuple[str, str],
    names: Sequence[str],
    *,
    types: Sequence[Type],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    if all(map(is_easy, types)):
        schema, table = place
        await connection.copy_records_to_table(table, schema_name=schema, columns=names, records=rows)
        return
    columns = ", ".join(map(quoted, names))
    marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    statement = f"INSERT INTO {'.'.join(map(quoted, place))} ({columns}) VALUES ({marks})"  # noqa: S608 -- quoted
    made = await prepared(connection, statement)
    await made.executemany(rows)
