"""Types of values in documents, in the words of MongoDB's `$type`; told by names, so that no driver is needed."""

from collections.abc import Mapping
from typing import Any, Final


def kind_of(value: Any) -> str:
    """Return the name of a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case Mapping():
            return "object"
        case list():
            return "array"
        case _:
            return _KINDS.get(type(value).__name__, type(value).__name__.lower())


_KINDS: Final = {
    "int": "int",
    "Int64": "long",
    "float": "double",
    "str": "string",
    "ObjectId": "objectId",
    "datetime": "date",
    "bytes": "binData",
    "Binary": "binData",
    "UUID": "binData",
    "Decimal128": "decimal",
    "Regex": "regex",
    "Timestamp": "timestamp",
}
