"""The types of MySQL and MariaDB: what columns hold, and what they are in Arrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from pymysql.constants import FIELD_TYPE as TYPE
from pymysql.constants import FLAG

from connectors.sql.arrow import LOCAL_MOMENT, UTC_MOMENT, decimal_type
from connectors.sql.capability import Column, ColumnType

BINARY: Final = 63
"""The number of the character set that is none."""
_INTEGERS: Final[Mapping[int, tuple[str, pa.DataType, pa.DataType]]] = {
    TYPE.TINY: ("tinyint", pa.int8(), pa.uint8()),
    TYPE.SHORT: ("smallint", pa.int16(), pa.uint16()),
    TYPE.INT24: ("mediumint", pa.int32(), pa.uint32()),
    TYPE.LONG: ("int", pa.int32(), pa.uint32()),
    TYPE.LONGLONG: ("bigint", pa.int64(), pa.uint64()),
    TYPE.YEAR: ("year", pa.int16(), pa.uint16()),
}
_PLAIN: Final[Mapping[int, tuple[str, ColumnType, pa.DataType]]] = {
    TYPE.FLOAT: ("float", ColumnType.FLOAT, pa.float32()),
    TYPE.DOUBLE: ("double", ColumnType.FLOAT, pa.float64()),
    TYPE.DATE: ("date", ColumnType.DATE, pa.date32()),
    TYPE.NEWDATE: ("date", ColumnType.DATE, pa.date32()),
    TYPE.TIME: ("time", ColumnType.TIME, pa.time64("us")),
    TYPE.DATETIME: ("datetime", ColumnType.TIMESTAMP, LOCAL_MOMENT),
    TYPE.TIMESTAMP: ("timestamp", ColumnType.TIMESTAMP, UTC_MOMENT),
    TYPE.JSON: ("json", ColumnType.JSON, pa.string()),
    TYPE.GEOMETRY: ("geometry", ColumnType.GEOGRAPHY, pa.binary()),
    TYPE.BIT: ("bit", ColumnType.BINARY, pa.binary()),
    TYPE.NULL: ("null", ColumnType.OTHER, pa.string()),
}
BY_NAME: Final[Mapping[str, ColumnType]] = {
    **{name: ColumnType.INTEGER for name, _, _ in _INTEGERS.values()},
    **{name: kind for name, kind, _ in _PLAIN.values()},
    "decimal": ColumnType.DECIMAL,
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), ColumnType.BINARY),
    **dict.fromkeys(
        ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "uuid", "inet4", "inet6"),
        ColumnType.TEXT,
    ),
    **dict.fromkeys(("point", "linestring", "polygon", "geometrycollection"), ColumnType.GEOGRAPHY),
    **dict.fromkeys(("multipoint", "multilinestring", "multipolygon"), ColumnType.GEOGRAPHY),
}
"""What columns hold, by the names of types in information_schema."""


@dataclass(frozen=True, slots=True)
class Described:
    """A column of a result as the server describes it."""

    column: Column
    arrow: pa.DataType


def described(fields: Sequence[Any]) -> list[Described]:
    """Return the columns of a result."""
    return [_described(field) for field in fields]


def _described(field: Any) -> Described:
    is_unsigned = bool(field.flags & FLAG.UNSIGNED)
    if field.type_code == TYPE.TINY and field.length == 1:
        return _column(field, ColumnType.BOOLEAN, "tinyint(1)", arrow=pa.bool_())
    if field.type_code in _INTEGERS:
        name, signed, unsigned = _INTEGERS[field.type_code]
        is_year = field.type_code == TYPE.YEAR
        vendor = f"{name} unsigned" if is_unsigned and not is_year else name
        return _column(field, ColumnType.INTEGER, vendor, arrow=unsigned if is_unsigned else signed)
    if field.type_code in {TYPE.DECIMAL, TYPE.NEWDECIMAL}:
        precision = field.length - bool(field.scale) - (not is_unsigned)  # a point and a sign are counted in
        return _column(
            field, ColumnType.DECIMAL, f"decimal({precision},{field.scale})", arrow=decimal_type(precision, field.scale)
        )
    if field.type_code in _PLAIN:
        name, kind, arrow = _PLAIN[field.type_code]
        return _column(field, kind, name, arrow=arrow)
    if field.charsetnr == BINARY:
        return _column(field, ColumnType.BINARY, "binary", arrow=pa.binary())
    return _column(field, ColumnType.TEXT, "text", arrow=pa.string())


def _column(field: Any, kind: ColumnType, vendor_type: str, *, arrow: pa.DataType) -> Described:
    is_nullable = not field.flags & FLAG.NOT_NULL
    return Described(Column(field.name, kind, vendor_type, is_nullable=is_nullable), arrow)


def is_set(value: Any, arrow: pa.DataType) -> bool:
    """Say whether a value is one: a day like 0000-00-00, which is none, comes as a text."""
    return not (isinstance(value, str) and (pa.types.is_temporal(arrow)))
