"""JSON values as they may be stored: finite numbers, texts that PostgreSQL can hold, of a bearable size and depth."""

import math
from typing import Any, Final

import orjson

from maestro.errors import InvalidInput, PayloadTooLarge
from maestro.storable import LARGEST_INTEGER
from resolvers import validation

LARGEST_DOCUMENT: Final = 1_000_000


def document(value: Any, *, field: str) -> dict[str, Any]:
    """Return a JSON object of at most 1 MB, an empty one for none; InvalidInput, PayloadTooLarge."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{field} is no JSON object.", field=field, hint='Pass an object, like {"seed": 1}.')
    if (size := len(encoded(value, field=field))) > LARGEST_DOCUMENT:
        raise PayloadTooLarge(
            f"{field} has {size:,} bytes; at most {LARGEST_DOCUMENT:,} are allowed.",
            field=field,
            limit=LARGEST_DOCUMENT,
            hint="Store what is large as an artifact.",
        )
    return value


def encoded(value: Any, *, field: str) -> str:
    """Return the one text of a JSON value, its keys sorted; InvalidInput for what JSON or PostgreSQL cannot hold."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidInput(f"{field} cannot be written as JSON: {error}.", field=field) from None
    _check(value, field)
    return text


def _check_number(value: float, field: str) -> None:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise InvalidInput(f"{field} holds an integer beyond 64 bits.", field=field, hint="Pass it as a text.")
    if not math.isfinite(value):
        raise InvalidInput(
            f"{field} holds a number that is not finite.",
            field=field,
            hint='JSON has no NaN and no infinity; pass a text like "NaN" if the value matters.',
        )


def _check(value: Any, field: str) -> None:
    # A stack of our own: how deep a value may be is then the encoder's limit alone.
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as members:
                waiting += [*members.keys(), *members.values()]
            case list() as items:
                waiting += items
            case str() as text:
                validation.text(text, field=field, limit=LARGEST_DOCUMENT)
            case bool() | None:
                pass
            case int() | float() as amount:
                _check_number(amount, field)
