"""What a training hands over, as the server takes it: numbers of metrics, params, tags."""

import dataclasses
import enum
import math
import operator
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from maestro_client.safely import attempt, logger

LONGEST_KEY: Final = 250
LONGEST_PARAM: Final = 100_000
LONGEST_TAG: Final = 5_000
MOST_PARAMS: Final = 2_000
MOST_TAGS: Final = 200
MOST_STEP: Final = 2**53 - 1
MOST_INTEGER: Final = 2**63 - 1
DEEPEST: Final = 8
SECRET: Final = re.compile(
    r"(?:^|[._-])(?:pass(?:word|wd)?|secrets?|token|api_?keys?|access_?keys?|private_?keys?|credentials?)$",
    re.IGNORECASE,
)
"""Names of what is no param, whatever it holds."""


def number(key: str, value: Any) -> float | None:
    """Return a metric's value, NaN and infinities too; None, with a warning, for what is no number."""
    return attempt(f"The metric {key!r} is left out", lambda: float(value))


def is_metric_key(key: Any) -> bool:
    """Say whether a key can be that of a metric; a warning tells when not."""
    good = isinstance(key, str) and bool(key.strip()) and len(key) <= LONGEST_KEY and not set(key) & set("{}\0")
    if not good:
        logger.warning("%.300r is left out: the name of a metric has 1 to 250 characters and no braces.", key)
    return good


def step_of(step: Any) -> int | None:
    """Return a step from 0 to 2^53 - 1; None, with a warning, for what is none."""
    found = attempt("A step is a whole number", lambda: operator.index(step))
    if found is not None and not 0 <= found <= MOST_STEP:
        logger.warning("A step is from 0 to 2^53 - 1, not %s: what was logged at it is left out.", found)
        return None
    return found


def params(given: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Return params with dots for what was nested; what is no simple value, or is named like a secret, is left out."""
    found = [
        {"key": key, "value": _short(key, value)}
        for key, value in _flat("", given, 0)
        if key.strip() and len(key) <= LONGEST_KEY and not SECRET.search(key)
    ]
    if len(found) > MOST_PARAMS:
        logger.warning("A run has at most 2,000 params: %s are left out.", len(found) - MOST_PARAMS)
    return list({param["key"]: param for param in found[:MOST_PARAMS]}.values())


def tags(given: Mapping[Any, Any]) -> list[dict[str, str]]:
    """Return tags; values are written as texts, and cut where they are too long."""
    return [
        {"key": str(key)[:100], "value": str(value)[:LONGEST_TAG]}
        for key, value in islice(given.items(), MOST_TAGS)
        if str(key)
    ]


def _flat(prefix: str, given: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        key = f"{prefix}{name}"
        nested = _mapping(value)
        if nested and depth < DEEPEST:
            yield from _flat(f"{key}.", nested, depth + 1)
        else:
            simple = _simple(value)
            if simple is not _NOT_SIMPLE:
                yield key, simple


def _mapping(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


class _NotSimple:
    """Stands for a value that is no param."""


_NOT_SIMPLE: Final = _NotSimple()


def _simple(value: Any) -> Any:
    """Return a value as JSON takes it, or `_NOT_SIMPLE`."""
    match value:
        case enum.Enum():
            return _simple(value.value)
        case list() | tuple():
            items = [_simple(item) for item in value]
            return _NOT_SIMPLE if any(item is _NOT_SIMPLE for item in items) else items
        case None | bool() | str() | int() | float():
            return _plain(value)
        case _:
            return str(value) if hasattr(value, "__fspath__") else _scalar(value)


def _plain(value: Any) -> Any:
    """Return what JSON has a form for, and the server a place; as a text otherwise."""
    if isinstance(value, str):
        return str(value).replace("\0", "")
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    is_large = isinstance(value, int) and abs(value) > MOST_INTEGER
    return str(value) if is_large else value


def _scalar(value: Any) -> Any:
    """Return the number in a scalar of NumPy or the like, which knows to be one by having no dimensions."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        item = attempt("A param is left out", value.item)
        return _plain(item) if isinstance(item, bool | int | float | str) else _NOT_SIMPLE
    return _NOT_SIMPLE


def _short(key: str, value: Any) -> Any:
    longest = len(value) if isinstance(value, str) else len(repr(value))
    if longest <= LONGEST_PARAM:
        return value
    logger.warning("The param %r is too long: it is cut to 100,000 characters.", key)
    return (value if isinstance(value, str) else repr(value))[:LONGEST_PARAM]
