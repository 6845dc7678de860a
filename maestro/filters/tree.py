"""The tree that every filter becomes, whichever way it was written."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class Space(StrEnum):
    """Where a target lives: a named field of the list, or one of its open sets of keys."""

    FIELD = "field"
    METRICS = "metrics"
    PARAMS = "params"
    TAGS = "tags"


class Aggregate(StrEnum):
    """Which value of a metric's series is compared."""

    LAST = "last"
    MIN = "min"
    MAX = "max"


class Operator(StrEnum):
    """How a target is compared; the value is the spelling in a filter text.

    A comparison, with a NOT in its operator or without, holds only for objects that have the target, and `Not` is
    the plain complement: `params.lr != 1` asks for another learning rate, `NOT params.lr = 1` also takes objects
    that have none.
    """

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "IN"
    NOT_IN = "NOT IN"
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    MATCHES = "MATCHES"
    EXISTS = "EXISTS"
    BETWEEN = "BETWEEN"
    NOT_BETWEEN = "NOT BETWEEN"


Scalar: TypeAlias = str | int | float | bool | datetime


@dataclass(frozen=True, slots=True)
class Target:
    """What is compared: a field by its name, or a key of a space. The aggregate counts for metrics alone."""

    space: Space
    key: str
    aggregate: Aggregate = Aggregate.LAST


@dataclass(frozen=True, slots=True)
class Comparison:
    """One claim about one target.

    `value` is None for EXISTS, one or more scalars for IN and NOT IN, `(low, high)` for BETWEEN and NOT BETWEEN (both
    ends belong to the range) and one scalar otherwise. Datetimes are in UTC, durations are milliseconds, integers
    fit 64 bits, floats are finite, text holds no NUL.
    """

    target: Target
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that the member does not hold for."""

    member: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """All members hold; two or more, none of them an And. Made by `all_of`."""

    members: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one member holds; two or more, none of them an Or. Made by `any_of`."""

    members: "tuple[Filter, ...]"


Filter: TypeAlias = Comparison | Not | And | Or


def all_of(first: Filter, *rest: Filter) -> Filter:
    """Join by AND, without an And inside an And."""
    members = tuple(inner for one in (first, *rest) for inner in (one.members if isinstance(one, And) else (one,)))
    return And(members) if rest else first


def any_of(first: Filter, *rest: Filter) -> Filter:
    """Join by OR, without an Or inside an Or."""
    members = tuple(inner for one in (first, *rest) for inner in (one.members if isinstance(one, Or) else (one,)))
    return Or(members) if rest else first


def combine(*filters: Filter | None) -> Filter | None:
    """Join by AND the filters that are there: the typed and the text form of one request, say."""
    present = [one for one in filters if one is not None]
    return all_of(*present) if present else None
