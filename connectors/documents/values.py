"""Values of documents as JSON: MongoDB's Extended JSON, relaxed, in which numbers and texts are what they are."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from bson import json_util
from bson.errors import BSONError
from bson.json_util import JSONOptions

from maestro.errors import InvalidInput

# Times as texts, since those before 1970 would otherwise be objects of their own.
_OPTIONS: Final = json_util.RELAXED_JSON_OPTIONS.with_options(
    datetime_representation=json_util.DatetimeRepresentation.ISO8601
)
_READ: Final = JSONOptions(tz_aware=True)
SOURCE: Final = "https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md"


def plain(value: Any) -> Any:
    """Return a document, or a value in one, as JSON has it: an ObjectId is `{"$oid": "…"}`, a time `{"$date": "…"}`."""
    return orjson.loads(json_util.dumps(value, json_options=_OPTIONS))


def opened(value: Any, *, field: str) -> Any:
    """Return what JSON stands for: the way back from `plain`. InvalidInput, which names the `field`."""
    try:
        return json_util.loads(orjson.dumps(value).decode(), json_options=_READ)
    except (BSONError, ValueError, TypeError) as error:
        raise InvalidInput(
            f"{field} holds what is no Extended JSON: {error}.",
            field=field,
            hint='An ObjectId is written {"$oid": "24 hexadecimal digits"}, a time {"$date": "2026-11-29T14:30:00Z"}.',
        ) from None


def kind_of(value: Any) -> str:
    """Return the name of a value's type in the words of MongoDB's `$type`."""
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
