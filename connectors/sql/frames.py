"""Whole results in memory: as a table of Arrow, and as a DataFrame of pandas."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from connectors.sql.capability import ColumnType, Query

NULLABLE: Final[dict[pa.DataType, Any]] = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
"""The types of pandas that know a missing value beside whole numbers, which NumPy's make into floats."""


async def table(source: Query, statement: str, parameters: Sequence[Any] = (), **options: Any) -> pa.Table:
    """Run a statement and return all its rows; the options and errors are those of `query`."""
    async with source.query(statement, parameters, **options) as result:
        return pa.Table.from_batches([batch async for batch in result.batches()], schema=result.schema)


async def frame(source: Query, statement: str, parameters: Sequence[Any] = (), **options: Any) -> pd.DataFrame:
    """Run a statement and return all its rows as a DataFrame; the options and errors are those of `query`.

    Whole numbers and booleans beside NULL become pandas' nullable types, which keep every digit; decimals are
    `Decimal`.
    """
    async with source.query(statement, parameters, **options) as result:
        rows = pa.Table.from_batches([batch async for batch in result.batches()], schema=result.schema)
        exact = [
            number
            for number, column in enumerate(result.columns)
            if column.type is ColumnType.DECIMAL and pa.types.is_string(rows.schema.field(number).type)
        ]
    return framed(rows, exact=exact)


def framed(rows: pa.Table, *, exact: Sequence[int] = ()) -> pd.DataFrame:
    """Return a table as a DataFrame; the texts of the columns of the numbers `exact` as `Decimal`.

    Two columns may have one name: they are numbers until all are there.
    """
    numbered = rows.rename_columns([str(number) for number in range(rows.num_columns)])
    nullable = [field.name for field in numbered.schema if field.type in NULLABLE and numbered[field.name].null_count]
    made = numbered.drop_columns(nullable).to_pandas()
    if nullable:
        known = numbered.select(nullable).to_pandas(types_mapper=NULLABLE.get)
        made = pd.concat([made, known], axis=1)[numbered.column_names]
    for number in exact:
        made[str(number)] = made[str(number)].map(Decimal, na_action="ignore").astype(object)
    made.columns = pd.Index(rows.column_names)
    return made
