"""Scalars: what JSON and 32-bit integers cannot carry, or carry only item by item."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NewType, NoReturn

import numpy as np
import strawberry
from graphql import GraphQLError
from graphql.language import ValueNode
from pydantic import SecretStr
from strawberry.types.scalar import ScalarDefinition

SAFE: Final = 2**53 - 1
"""The largest integer that JavaScript's numbers hold exactly."""
LARGEST: Final = 2**63 - 1

BigInt = NewType("BigInt", int)
FloatColumn = NewType("FloatColumn", object)
IntColumn = NewType("IntColumn", object)


def _write_datetime(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _read_datetime(value: object) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError(f"A DateTime is a text, not {value!r}.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError(f"{value[:60]!r} is no ISO 8601 time, like 2026-01-31T12:00:00Z.") from None
    if moment.tzinfo is None:
        raise GraphQLError(f"{value!r} has no time zone; add Z for UTC.")
    return moment.astimezone(UTC)


def _write_big_int(value: int) -> int | str:
    return value if abs(value) <= SAFE else str(value)


def _read_big_int(value: object) -> int:
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 21:  # noqa: PLR2004 -- 64 bits need 20
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise GraphQLError(f"{str(value)[:60]!r} is no integer of 64 bits.")
    return value


def _write_floats(column: Any) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in np.asarray(column, dtype=np.float64).tolist()]


def _write_ints(column: Any) -> list[int]:
    listed: list[int] = np.asarray(column, dtype=np.int64).tolist()
    return listed


def _read_column(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise GraphQLError(f"A column is a list, not {str(value)[:60]!r}.")
    return value


def _read_secret(value: object) -> SecretStr:
    if not isinstance(value, str):
        raise GraphQLError("A Secret is a text.")
    return SecretStr(value)


def _refuse_secret(_written: ValueNode, _variables: object = None) -> NoReturn:
    raise GraphQLError("A Secret is sent in a variable, so that it is not in the document, which is kept and shown.")


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in ISO 8601 with its time zone, answered in UTC: 2026-01-31T12:00:00.000000Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_datetime,
        parse_value=_read_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day in ISO 8601: 2026-01-31.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=date.isoformat,
        parse_value=date.fromisoformat,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "An integer of 64 bits: a number up to 2^53 - 1, beyond that a text, so that JavaScript loses nothing. "
            "Either form is accepted."
        ),
        serialize=_write_big_int,
        parse_value=_read_big_int,
    ),
    FloatColumn: strawberry.scalar(
        name="FloatColumn",
        description=(
            "A list of 64-bit floats that travels as one value. Answers hold null where a float is not finite; "
            'inputs may hold the texts "NaN", "Infinity" and "-Infinity".'
        ),
        serialize=_write_floats,
        parse_value=_read_column,
    ),
    IntColumn: strawberry.scalar(
        name="IntColumn",
        description="A list of integers up to 2^53 - 1 that travels as one value.",
        serialize=_write_ints,
        parse_value=_read_column,
    ),
    SecretStr: strawberry.scalar(
        name="Secret",
        description="A text that is written and never read: stored encrypted, in no answer, log or error. It is sent "
        "in a variable.",
        parse_value=_read_secret,
        parse_literal=_refuse_secret,
    ),
}
