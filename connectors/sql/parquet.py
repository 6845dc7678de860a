"""Batches of rows into a file of Parquet, under the names that the columns of a table have."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import BinaryIO, Final

import pyarrow as pa
from pyarrow import parquet

from connectors.sql.capability import Column
from maestro.errors import InvalidInput

_TIME_UNIT: Final = "us"


async def spool(
    batches: AsyncIterator[pa.RecordBatch], file: BinaryIO, columns: Sequence[Column]
) -> tuple[int, list[str]]:
    """Write batches of one schema to a file; return how many rows there are, and the columns that they have.

    The file is at its beginning then.

    InvalidInput for a column that the table has not, for timestamps finer than microseconds, and for batches of several
    schemas.
    """
    rows, writer, names = 0, None, []
    try:
        async for batch in batches:
            if writer is None:
                schema = _renamed(batch.schema, columns)
                names = schema.names
                writer = parquet.ParquetWriter(file, schema, coerce_timestamps=_TIME_UNIT)
            await asyncio.to_thread(writer.write_batch, batch.rename_columns(names))
            rows += batch.num_rows
    except (pa.ArrowException, ValueError) as error:
        raise InvalidInput(
            f"The rows cannot be written to a file: {str(error)[:500]}",
            hint="All batches have one schema, and timestamps have microseconds.",
        ) from error
    finally:
        if writer is not None:
            await asyncio.to_thread(writer.close)
    await asyncio.to_thread(file.seek, 0)
    return rows, names


def _renamed(schema: pa.Schema, columns: Sequence[Column]) -> pa.Schema:
    """Give fields the names of a table's columns, whatever their capitals are where that is unambiguous."""
    exact = {column.name for column in columns}
    folded: dict[str, list[str]] = {}
    for name in exact:
        folded.setdefault(name.casefold(), []).append(name)
    names = []
    for name in schema.names:
        found = [name] if name in exact else folded.get(name.casefold(), [])
        if len(found) != 1:
            raise InvalidInput(f"The table has no column {name}.", hint=f"It has {', '.join(sorted(exact))}."[:300])
        names.append(found[0])
    if len(set(names)) < len(names):
        raise InvalidInput("Two columns of the batches go into one column of the table.")
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
