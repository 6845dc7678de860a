"""BigQuery's types in words that all vendors share and in Arrow's, and values as parameters of these types."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa
from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter, SchemaField

from connectors.sql.capability import Column, ColumnType
from maestro.errors import InvalidInput

_TYPES: Final[dict[str, tuple[str, ColumnType, pa.DataType]]] = {
    "BOOLEAN": ("BOOL", ColumnType.BOOLEAN, pa.bool_()),
    "INTEGER": ("INT64", ColumnType.INTEGER, pa.int64()),
    "FLOAT": ("FLOAT64", ColumnType.FLOAT, pa.float64()),
    "NUMERIC": ("NUMERIC", ColumnType.DECIMAL, pa.decimal128(38, 9)),
    "BIGNUMERIC": ("BIGNUMERIC", ColumnType.DECIMAL, pa.decimal256(76, 38)),
    "STRING": ("STRING", ColumnType.TEXT, pa.string()),
    "BYTES": ("BYTES", ColumnType.BINARY, pa.binary()),
    "DATE": ("DATE", ColumnType.DATE, pa.date32()),
    "TIME": ("TIME", ColumnType.TIME, pa.time64("us")),
    "DATETIME": ("DATETIME", ColumnType.TIMESTAMP, pa.timestamp("us")),
    "TIMESTAMP": ("TIMESTAMP", ColumnType.TIMESTAMP, pa.timestamp("us", "UTC")),
    "INTERVAL": ("INTERVAL", ColumnType.INTERVAL, pa.month_day_nano_interval()),
    "JSON": ("JSON", ColumnType.JSON, pa.string()),
    "GEOGRAPHY": ("GEOGRAPHY", ColumnType.GEOGRAPHY, pa.string()),
}
"""By the names that the API gives the fields of tables."""
_ALIASES: Final = {"BOOL": "BOOLEAN", "INT64": "INTEGER", "FLOAT64": "FLOAT", "STRUCT": "RECORD"}
_PARAMETERS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (str, "STRING"),
    (bytes, "BYTES"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (time, "TIME"),
    (dict, "JSON"),
)
"""The types of values where BigQuery does not say which ones it expects; the first that fits."""
Parameter = ScalarQueryParameter | ArrayQueryParameter


def column(field: SchemaField, keys: Sequence[str] = ()) -> Column:
    """Return a field of a table or a result as a column."""
    kind = _known(field)[1]
    return Column(
        field.name,
        ColumnType.ARRAY if field.mode == "REPEATED" else kind,
        _vendor_type(field),
        is_nullable=field.mode != "REQUIRED",
        is_key=field.name in keys,
        comment=field.description or None,
    )


def arrow_type(field: SchemaField) -> pa.DataType:
    """Return what a field of a result is in Arrow."""
    inside = pa.struct([(one.name, arrow_type(one)) for one in field.fields]) if field.fields else _known(field)[2]
    return pa.list_(inside) if field.mode == "REPEATED" else inside


def _known(field: SchemaField) -> tuple[str, ColumnType, pa.DataType]:
    name = _ALIASES.get(field.field_type, field.field_type)
    if name == "RECORD":
        return "STRUCT", ColumnType.STRUCT, pa.struct([])
    return _TYPES.get(name, (name, ColumnType.OTHER, pa.string()))


def _vendor_type(field: SchemaField) -> str:
    name = _known(field)[0]
    if field.fields:
        name = f"STRUCT<{', '.join(f'{one.name} {_vendor_type(one)}' for one in field.fields)}>"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name


def parameters(given: Sequence[Any], expected: Sequence[Parameter]) -> list[Parameter]:
    """Return values as parameters of the types that BigQuery expects, or of their own where it does not say.

    InvalidInput for more or fewer than it expects, and for a value that is of no type of BigQuery.
    """
    if expected and len(expected) != len(given):
        raise InvalidInput(f"The statement takes {len(expected)} parameters, and {len(given)} are given.")
    kinds: Sequence[str | None] = [_expected(one) for one in expected] if expected else [None] * len(given)
    return [_parameter(value, kind, number) for number, (value, kind) in enumerate(zip(given, kinds, strict=True), 1)]


def _expected(one: Parameter) -> str:
    return str(one.array_type if isinstance(one, ArrayQueryParameter) else one.type_)


def _parameter(value: Any, kind: str | None, number: int) -> Parameter:
    if isinstance(value, list | tuple) and kind != "JSON":
        kinds = {kind or _own(one, number) for one in value} or {kind or "STRING"}
        if len(kinds) > 1:
            raise InvalidInput(f"Parameter {number} is an array of several types: {', '.join(sorted(kinds))}.")
        return ArrayQueryParameter(None, kinds.pop(), list(value))
    if isinstance(value, bytearray | memoryview):
        value = bytes(value)
    kind = kind or _own(value, number)
    if kind == "JSON" and isinstance(value, str):
        value = _parsed(value, number)
    return ScalarQueryParameter(None, kind, value)


def _own(value: Any, number: int) -> str:
    if value is None:
        return "STRING"
    for kind, name in _PARAMETERS:
        if isinstance(value, kind):
            return "DATETIME" if isinstance(value, datetime) and value.tzinfo is None else name
    raise InvalidInput(f"Parameter {number} is of no type of BigQuery: {type(value).__name__}.")


def _parsed(text: str, number: int) -> Any:
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise InvalidInput(f"Parameter {number} is no JSON: {error}.") from None
