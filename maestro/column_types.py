"""What columns hold, in words that all vendors share."""

from enum import StrEnum


class ColumnType(StrEnum):
    """What a column holds; the vendor's own name for it is told beside it."""

    BOOLEAN = "BOOLEAN"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    DECIMAL = "DECIMAL"
    TEXT = "TEXT"
    BINARY = "BINARY"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    INTERVAL = "INTERVAL"
    JSON = "JSON"
    ARRAY = "ARRAY"
    STRUCT = "STRUCT"
    GEOGRAPHY = "GEOGRAPHY"
    OTHER = "OTHER"
