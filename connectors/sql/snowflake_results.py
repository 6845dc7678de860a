"""Results of Snowflake: its types in words that all vendors share, and batches of Arrow of exactly these types."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa

from connectors.sql.arrow import schema_of
from connectors.sql.capability import Column, ColumnType
from connectors.sql.snowflake_errors import translated

_FIXED: Final = 0
_TYPES: Final[dict[int, tuple[str, ColumnType, pa.DataType]]] = {
    1: ("FLOAT", ColumnType.FLOAT, pa.float64()),
    2: ("VARCHAR", ColumnType.TEXT, pa.string()),
    3: ("DATE", ColumnType.DATE, pa.date32()),
    4: ("TIMESTAMP", ColumnType.TIMESTAMP, pa.timestamp("us")),
    5: ("VARIANT", ColumnType.JSON, pa.string()),
    6: ("TIMESTAMP_LTZ", ColumnType.TIMESTAMP, pa.timestamp("us", "UTC")),
    7: ("TIMESTAMP_TZ", ColumnType.TIMESTAMP, pa.timestamp("us", "UTC")),
    8: ("TIMESTAMP_NTZ", ColumnType.TIMESTAMP, pa.timestamp("us")),
    9: ("OBJECT", ColumnType.STRUCT, pa.string()),
    10: ("ARRAY", ColumnType.ARRAY, pa.string()),
    11: ("BINARY", ColumnType.BINARY, pa.binary()),
    12: ("TIME", ColumnType.TIME, pa.time64("us")),
    13: ("BOOLEAN", ColumnType.BOOLEAN, pa.bool_()),
    14: ("GEOGRAPHY", ColumnType.GEOGRAPHY, pa.string()),
    15: ("GEOMETRY", ColumnType.GEOGRAPHY, pa.string()),
    16: ("VECTOR", ColumnType.ARRAY, pa.string()),
    17: ("MAP", ColumnType.STRUCT, pa.string()),
}
"""By the numbers of the library. What has an inside of its own is told as JSON."""
_OTHER: Final = ("OTHER", ColumnType.OTHER, pa.string())
_NAMES: Final = {name: kind for name, kind, _ in _TYPES.values()}


def named_type(name: str, scale: int | None) -> ColumnType:
    """Return what a column of a table holds, by the name of its type."""
    if name == "NUMBER":
        return ColumnType.DECIMAL if scale else ColumnType.INTEGER
    return ColumnType.TEXT if name == "TEXT" else _NAMES.get(name, ColumnType.OTHER)


def read_columns(description: Sequence[Any] | None) -> tuple[tuple[Column, ...], pa.Schema]:
    """Return the columns of a result, and the same as a schema of Arrow."""
    columns, types = [], []
    for one in description or ():
        name, kind, arrow = _number(one) if one.type_code == _FIXED else _TYPES.get(one.type_code, _OTHER)
        columns.append(Column(one.name, kind, name, is_nullable=bool(one.is_nullable)))
        types.append(arrow)
    return tuple(columns), schema_of(columns, types)


def _number(one: Any) -> tuple[str, ColumnType, pa.DataType]:
    precision, scale = one.precision or 38, one.scale or 0
    name = f"NUMBER({precision},{scale})"
    # All integers of Snowflake have 38 digits; nearly all values have 64 bits.
    return (
        (name, ColumnType.DECIMAL, pa.decimal128(precision, scale)) if scale else (name, ColumnType.INTEGER, pa.int64())
    )


@dataclass(slots=True)
class SnowflakeResult:
    """What a statement has answered; `cursor` is the library's."""

    cursor: Any
    batch_rows: int
    affected: int | None = None
    columns: Sequence[Column] = field(init=False)
    schema: pa.Schema = field(init=False)

    def __post_init__(self) -> None:
        self.columns, self.schema = read_columns(None if self.affected is not None else self.cursor.description)

    @property
    def query_id(self) -> str | None:
        """Snowflake's own id of the statement."""
        return self.cursor.sfqid or None

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time, each of the result's schema."""
        if not self.columns:
            return
        with translated("reading the rows"):
            async with aclosing(self.cursor.fetch_arrow_batches(force_microsecond_precision=True)) as tables:
                async for table in tables:
                    for batch in self._fitted(table).to_batches(max_chunksize=self.batch_rows):
                        if batch.num_rows:
                            yield batch

    def _fitted(self, table: pa.Table) -> pa.Table:
        columns = [fitted(column, wanted.type) for column, wanted in zip(table.columns, self.schema, strict=True)]
        return pa.Table.from_arrays(columns, schema=self.schema)


def fitted(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """Return a column as it is promised; ArrowInvalid for a value that does not fit."""
    if column.type == wanted:
        return column
    if pa.types.is_nested(column.type) and wanted == pa.string():
        texts = [None if value is None else orjson.dumps(value, default=str).decode() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, wanted)])
    return column.cast(wanted)
