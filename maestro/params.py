"""What a param is stored as: the type that its JSON value has, a text for people and a number for comparing."""

from typing import Any, NamedTuple

import orjson

from maestro.db.tables.enums import ParamType


class Typed(NamedTuple):
    """A value as the columns of `param` hold it."""

    type: ParamType
    text: str
    number: float | None


def typed(value: Any) -> Typed:
    """Return what a JSON value with finite numbers of at most 64 bits is stored as; objects have their keys sorted."""
    match value:
        case None:
            return Typed(ParamType.NULL, "null", None)
        case bool():
            return Typed(ParamType.BOOL, str(value).lower(), None)
        case int():
            return Typed(ParamType.INT, str(value), float(value))
        case float():
            return Typed(ParamType.FLOAT, repr(value), value)
        case str():
            return Typed(ParamType.STRING, value, None)
        case _:
            return Typed(ParamType.JSON, orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode(), None)
