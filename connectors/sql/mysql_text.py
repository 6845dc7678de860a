"""Statements of MySQL with their parameters in them: the driver knows no other way, so they are written with care.

A placeholder is `%s` outside of quotes and comments, and nothing else is: a statement is never to be escaped. Values
become literals that end where they should under the one character set and the modes that connections have.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.sql.arrow import text_of
from maestro.errors import InvalidInput

_PARTS: Final = re.compile(
    r"""
      '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`  # what is quoted
    | \#[^\n]* | --(?=\s)[^\n]* | /\*.*?\*/                         # comments
    | (?P<mark>%s)(?!\w)
    """,
    re.VERBOSE | re.DOTALL,
)


def quoted(name: str) -> str:
    """Return an identifier as it is written."""
    return "`" + name.replace("`", "``") + "`"


def rendered(statement: str, parameters: Sequence[Any], *, has_backslashes: bool = True) -> str:
    """Return a statement with literals where its placeholders are; InvalidInput where there are more or fewer."""
    if not parameters:
        return statement
    marks = sum(found["mark"] is not None for found in _PARTS.finditer(statement))
    if marks != len(parameters):
        raise InvalidInput(
            f"The statement has {marks} parameters, and {len(parameters)} were given.", field="parameters"
        )
    values = iter([literal(value, has_backslashes=has_backslashes) for value in parameters])
    return _PARTS.sub(lambda found: found[0] if found["mark"] is None else next(values), statement)


def literal(value: Any, *, has_backslashes: bool = True) -> str:
    """Return a value as a literal; InvalidInput for a number that is none."""
    for kind, made in _MADE:
        if isinstance(value, kind):
            return made(value)
    return _text(text_of(value), has_backslashes=has_backslashes)


def _text(value: str, *, has_backslashes: bool) -> str:
    escaped = value.replace("'", "''")
    return "'" + (escaped.replace("\\", "\\\\") if has_backslashes else escaped) + "'"


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise InvalidInput(f"MySQL has no {value}.", field="parameters", hint="Give null in its place.")
    return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise InvalidInput(f"MySQL has no {value}.", field="parameters", hint="Give null in its place.")
    return format(value, "f")


def _moment(value: datetime) -> str:
    return f"'{(value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None).isoformat(' ')}'"


def _duration(value: timedelta) -> str:
    sign, microseconds = ("-" if value < timedelta() else ""), abs(value) // timedelta(microseconds=1)
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"'{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}'"


_MADE: Final[Sequence[tuple[type | tuple[type, ...], Callable[[Any], str]]]] = (
    (type(None), lambda _: "NULL"),
    (bool, lambda value: str(int(value))),
    (int, str),
    (float, _float),
    (Decimal, _decimal),
    ((bytes, bytearray, memoryview), lambda value: f"x'{bytes(value).hex()}'"),
    (datetime, _moment),
    (date, lambda value: f"'{value.isoformat()}'"),
    (time, lambda value: f"'{value.replace(tzinfo=None).isoformat()}'"),
    (timedelta, _duration),
)
"""By types, the narrower first."""
