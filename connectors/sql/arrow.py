"""Rows as drivers give them, made into batches of Arrow; every vendor's values pass through here.

Integers, floats, booleans, bytes, dates and texts are Arrow's own. Decimals are exact. Moments with a zone are in UTC,
those without one have none. JSON is its text; so is whatever has no type of its own in Arrow.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa

from connectors.sql.capability import Column
from maestro.errors import InvalidInput

UTC_MOMENT: Final = pa.timestamp("us", "UTC")
LOCAL_MOMENT: Final = pa.timestamp("us")
MOST_DIGITS: Final = 76
"""Arrow's decimals have no more."""
_SMALL_DIGITS: Final = 38
_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = datetime(2000, 1, 1)  # noqa: DTZ001 -- only its time of day is used


def decimal_type(precision: int, scale: int) -> pa.DataType:
    """Return the exact type for so many digits, so many of them behind the point; text where there are too many."""
    if not 0 <= scale <= precision <= MOST_DIGITS or not precision:
        return pa.string()
    return pa.decimal128(precision, scale) if precision <= _SMALL_DIGITS else pa.decimal256(precision, scale)


def schema_of(columns: Sequence[Column], types: Sequence[pa.DataType]) -> pa.Schema:
    """Return the schema of columns, each with the vendor's name for its type as metadata."""
    return pa.schema(
        [
            pa.field(column.name, kind, metadata={"vendorType": column.vendor_type})
            for column, kind in zip(columns, types, strict=True)
        ]
    )


def batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as a batch; InvalidInput for a value that the type of its column cannot hold."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.RecordBatch.from_arrays(
        [array_of(values, field) for values, field in zip(columns, schema, strict=True)], schema=schema
    )


def array_of(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """Return the values of a column, None for NULL."""
    made = _MADE.get(field.type.id)
    fitting = values if made is None else [None if value is None else made(value) for value in values]
    try:
        return pa.array(fitting, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise unfit(field, error) from None


def plain(values: pa.Array, field: pa.Field) -> list[Any]:
    """Return values of a batch as Python's own, for a driver; InvalidInput for moments finer than microseconds."""
    try:
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", values.type.tz))
        elif pa.types.is_time(values.type):
            values = values.cast(pa.time64("us"))
    except pa.ArrowException as error:
        raise unfit(field, error) from None
    found: list[Any] = values.to_pylist()
    return found


def unfit(field: pa.Field, error: Exception) -> InvalidInput:
    """Return what says that a value does not fit into its column."""
    return InvalidInput(
        f"A value of the column {field.name} does not fit into {field.type}: {str(error)[:200]}",
        hint="Cast the column in the statement, to a text or to a float, say.",
        column=field.name,
    )


def text_of(value: Any) -> str:
    """Return a value as a text: JSON for what has parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool | dict | list):
        return orjson.dumps(value, default=text_of, option=orjson.OPT_NON_STR_KEYS).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _time_of_day(value: time | timedelta) -> time:
    if isinstance(value, time):
        return value.replace(tzinfo=None)
    if not timedelta() <= value < _DAY:
        raise InvalidInput(
            f"{value} is no time of a day.", hint="Cast the column to a text in the statement: it holds a duration."
        )
    return (_MIDNIGHT + value).time()


_MADE: Final[dict[int, Callable[[Any], Any]]] = {
    pa.bool_().id: bool,
    pa.string().id: text_of,
    pa.time64("us").id: _time_of_day,
    pa.binary().id: bytes,
}
"""What a driver's value becomes before Arrow takes it, by the id of the type."""
