"""The types of PostgreSQL: what their columns hold, what they are in Arrow, and what a parameter has to be for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

import orjson
import pyarrow as pa
from asyncpg.types import Type

from connectors.sql.arrow import LOCAL_MOMENT, UTC_MOMENT, text_of
from connectors.sql.capability import ColumnType
from maestro.errors import InvalidInput

CATALOG: Final = "pg_catalog"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a type holds, what it is in Arrow, and the form of a number in the binary protocol."""

    type: ColumnType
    arrow: pa.DataType
    form: str | None = None
    width: int | None = None
    """Bytes of every value; None where values differ."""


def _number(kind: ColumnType, arrow: pa.DataType, form: str) -> Kind:
    return Kind(kind, arrow, form, int(form[1:]))


KINDS: Final[dict[str, Kind]] = {
    "bool": _number(ColumnType.BOOLEAN, pa.bool_(), "u1"),
    "int2": _number(ColumnType.INTEGER, pa.int16(), "i2"),
    "int4": _number(ColumnType.INTEGER, pa.int32(), "i4"),
    "int8": _number(ColumnType.INTEGER, pa.int64(), "i8"),
    "oid": _number(ColumnType.INTEGER, pa.uint32(), "u4"),
    "float4": _number(ColumnType.FLOAT, pa.float32(), "f4"),
    "float8": _number(ColumnType.FLOAT, pa.float64(), "f8"),
    "text": Kind(ColumnType.TEXT, pa.string()),
    "varchar": Kind(ColumnType.TEXT, pa.string()),
    "bpchar": Kind(ColumnType.TEXT, pa.string()),
    "name": Kind(ColumnType.TEXT, pa.string()),
    "bytea": Kind(ColumnType.BINARY, pa.binary()),
    "date": _number(ColumnType.DATE, pa.date32(), "i4"),
    "time": _number(ColumnType.TIME, pa.time64("us"), "i8"),
    "timestamp": _number(ColumnType.TIMESTAMP, LOCAL_MOMENT, "i8"),
    "timestamptz": _number(ColumnType.TIMESTAMP, UTC_MOMENT, "i8"),
    "json": Kind(ColumnType.JSON, pa.string()),
    "jsonb": Kind(ColumnType.JSON, pa.string()),
}
"""Types that are read as they are, by their names in the catalogue; the others are cast to a text."""
OTHERS: Final[dict[str, ColumnType]] = {
    "numeric": ColumnType.DECIMAL,
    "uuid": ColumnType.TEXT,
    "citext": ColumnType.TEXT,
    "char": ColumnType.TEXT,
    "xml": ColumnType.TEXT,
    "interval": ColumnType.INTERVAL,
    "timetz": ColumnType.TIME,
    "geometry": ColumnType.GEOGRAPHY,
    "geography": ColumnType.GEOGRAPHY,
}
_EASY: Final = frozenset({*KINDS, "numeric", "uuid"})
"""Types that the driver takes as Python's own values; others are given and taken as texts."""


def kind_of(found: Type) -> Kind:
    """Return what a type of a result holds and is in Arrow."""
    if found.kind == "array":
        return Kind(ColumnType.ARRAY, _list(found.name.removesuffix("[]")))
    if found.schema == CATALOG and found.name in KINDS:
        return KINDS[found.name]
    return Kind(column_type(found.name, found.kind), pa.string())


def is_native(found: Type) -> bool:
    """Say whether values of a type are read as they are, and need not be cast to a text."""
    name = found.name.removesuffix("[]") if found.kind == "array" else found.name
    return found.schema == CATALOG and name in KINDS


def is_easy(found: Type) -> bool:
    """Say whether the driver knows a type, and Python has one for it."""
    return found.kind == "array" or (found.schema == CATALOG and found.name in _EASY)


def column_type(name: str, kind: str = "scalar") -> ColumnType:
    """Return what a type holds, by its name and what sort of type it is."""
    if kind == "array" or name.startswith("_"):
        return ColumnType.ARRAY
    if kind == "composite":
        return ColumnType.STRUCT
    if kind == "enum":
        return ColumnType.TEXT
    return KINDS[name].type if name in KINDS else OTHERS.get(name, ColumnType.OTHER)


def _list(element: str) -> pa.DataType:
    return pa.list_(KINDS[element].arrow) if element in KINDS else pa.string()


def fitted(values: Sequence[Any], types: Sequence[Type]) -> list[Any]:
    """Return parameters as the driver takes them; InvalidInput for what a type cannot be.

    Values of JSON are taken for every type: a number, a date or an id may be a text.
    """
    if len(values) != len(types):
        raise InvalidInput(
            f"The statement has {len(types)} parameters, and {len(values)} were given.", field="parameters"
        )
    return [_fitted(value, wanted, number) for number, (value, wanted) in enumerate(zip(values, types, strict=True), 1)]


def _fitted(value: Any, wanted: Type, number: int) -> Any:
    try:
        return as_type(value, wanted.name, is_array=wanted.kind == "array")
    except (ValueError, TypeError, InvalidOperation) as error:
        raise InvalidInput(
            f"Parameter ${number} has to be of the type {wanted.name}: {str(error)[:200]}.",
            field="parameters",
            hint="Times are written as ISO 8601 does, bytes in hexadecimal with \\x in front.",
        ) from None


def fitted_column(values: Sequence[Any], wanted: Type, name: str) -> list[Any]:
    """Return the values of a column as the driver takes them; InvalidInput."""
    try:
        return [as_type(value, wanted.name, is_array=wanted.kind == "array") for value in values]
    except (ValueError, TypeError, InvalidOperation) as error:
        raise InvalidInput(f"The column {name} has to be of the type {wanted.name}: {str(error)[:200]}.") from None


def as_type(value: Any, name: str, *, is_array: bool = False) -> Any:
    """Return a value as the driver takes it for a type; ValueError, TypeError."""
    if value is None:
        return None
    if is_array:
        parts = orjson.loads(value) if isinstance(value, str) and value.startswith("[") else value
        if not isinstance(parts, list | tuple):
            raise TypeError("a list is wanted")
        element = name.removesuffix("[]")
        return [as_type(part, element, is_array=isinstance(part, list | tuple)) for part in parts]
    made: Callable[[Any], Any] = _MADE.get(name, text_of)
    return made(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError(f"{value} is no integer")
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(f"{value} is no number")
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError(f"{value} is no number")
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in {"true", "false", "t", "f"}:
        return value.lower().startswith("t")
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def _binary(value: Any) -> bytes:
    if not isinstance(value, str):
        return bytes(value) if isinstance(value, bytearray | memoryview) else value
    if not value.startswith("\\x"):
        raise ValueError("bytes are wanted")
    return bytes.fromhex(value[2:])


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return date.fromisoformat(value) if isinstance(value, str) else value


def _time(value: Any) -> time:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: Any) -> datetime:
    made = datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(made, date) and not isinstance(made, datetime):
        made = datetime.combine(made, time())
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _local(value: Any) -> datetime:
    return _moment(value).astimezone(UTC).replace(tzinfo=None)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=text_of).decode()


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


_MADE: Final[dict[str, Callable[[Any], Any]]] = {
    "bool": _boolean,
    "int2": _integer,
    "int4": _integer,
    "int8": _integer,
    "oid": _integer,
    "float4": _float,
    "float8": _float,
    "numeric": _decimal,
    "bytea": _binary,
    "date": _date,
    "time": _time,
    "timestamp": _local,
    "timestamptz": _moment,
    "json": _json,
    "jsonb": _json,
    "uuid": _uuid,
}
