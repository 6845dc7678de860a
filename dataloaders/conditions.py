"""Filters and sorts as SQL over a catalogue; metrics and params join their tables once each, however often named."""

import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    cast,
    func,
    not_,
    or_,
    true,
)
from sqlalchemy.sql.selectable import FromClause

from dataloaders.base import UUIDS
from dataloaders.catalogue import Catalogue
from maestro.db.tables import MetricSeries, Param
from maestro.filters import Aggregate, And, Comparison, Filter, Not, Operator, Or, Space, Target
from maestro.series_names import SeriesName

AGGREGATES: Final = {Aggregate.LAST: "v_last", Aggregate.MIN: "v_min", Aggregate.MAX: "v_max"}
SORTED_CHARACTERS: Final = 200
"""How much of a text param counts for its order: what its index holds, and what a cursor can carry."""


class Conditions:
    """The WHERE, the joins and the sort expressions of one list query.

    A metric or param that a top-level AND demands is joined inside, so that PostgreSQL may drive the query from the
    index on its values; the others are outer joins, because an object without the key can still match. `metric_keys`
    are the ids that each metric's name has, one for each project in which it is used.
    """

    def __init__(self, catalogue: Catalogue, wanted: Filter | None, metric_keys: Mapping[str, Sequence[UUID]]) -> None:
        self._catalogue = catalogue
        self._metric_keys = metric_keys
        self._joins: dict[tuple[Space, str], FromClause] = {}
        members = wanted.members if isinstance(wanted, And) else (wanted,)
        demands = [one for one in members if isinstance(one, Comparison)]
        self._demanded = {(one.target.space, one.target.key) for one in demands}
        # A metric can be there without a finite value, and a param without a number.
        self._compared = {
            (one.target.space, one.target.key, _column(one.target, prefer_number=_is_number(one.value)))
            for one in demands
            if one.operator is not Operator.EXISTS
        }
        self.where: ColumnElement[bool] = true() if wanted is None else self._of(wanted)

    def joined(self, source: Any) -> Any:
        """Return the source with the joins that conditions and sorts need."""
        for (space, key), table in self._joins.items():
            is_inner = (space, key) in self._demanded
            source = source.join(table, self._on(space, key, table), isouter=not is_inner)
        return source

    def sort(self, target: Target) -> list[tuple[ColumnElement[Any], bool]]:
        """Return the expressions of a sort term, each with whether it can be null; params as numbers, then as texts."""
        if target.space is Space.FIELD:
            field = self._catalogue.fields[target.key]
            chosen = field.expression if field.orders is None else field.orders
            return [(typing.cast("ColumnElement[Any]", chosen), field.is_nullable)]
        place = target.space, target.key
        is_present = (*place, _column(target, prefer_number=True)) in self._compared
        first = self._value(target, prefer_number=True), not is_present
        if target.space is not Space.PARAMS or is_present:
            return [first]
        words = func.left(self._join(target).c.text, SORTED_CHARACTERS, type_=String)
        return [first, (words, place not in self._demanded)]

    def _of(self, wanted: Filter) -> ColumnElement[bool]:
        match wanted:
            case And(members):
                return and_(*(self._of(member) for member in members))
            case Or(members):
                return or_(*(self._of(member) for member in members))
            case Not(member):
                # The complement also holds where the member is unknown, for want of the key.
                return self._of(member).is_not(True)
            case Comparison():
                return self._comparison(wanted)

    def _comparison(self, wanted: Comparison) -> ColumnElement[bool]:
        target, operator, value = wanted.target, wanted.operator, wanted.value
        if operator is Operator.MATCHES:
            return self._catalogue.document.op("@@")(func.to_tsquery("simple", prefix_query(str(value))))
        if operator is Operator.EXISTS:
            return self._presence(target)
        if target.space is Space.TAGS and operator is Operator.EQ:
            # Containment is the form that the GIN index answers.
            tagged: ColumnElement[bool] = self._catalogue.columns.tags.contains({target.key: value})
            return tagged
        if target.space is Space.FIELD:
            field = self._catalogue.fields[target.key]
            return compare(field.expression, operator, _each(value, lambda one: field.parsed(one, name=target.key)))
        if target.space is Space.PARAMS and isinstance(_first(value), bool):
            table = self._join(target)
            return and_(
                table.c.type == "BOOL", compare(table.c.text, operator, _each(value, lambda one: str(one).lower()))
            )
        return compare(self._value(target, prefer_number=_is_number(value)), operator, value)

    def _presence(self, target: Target) -> ColumnElement[bool]:
        match target.space:
            case Space.FIELD:
                return self._catalogue.fields[target.key].expression.is_not(None)
            case Space.TAGS:
                tagged: ColumnElement[bool] = self._catalogue.columns.tags.has_key(target.key)
                return tagged
            case _:
                return self._join(target).c.run_id.is_not(None)

    def _value(self, target: Target, *, prefer_number: bool) -> ColumnElement[Any]:
        match target.space:
            case Space.METRICS | Space.PARAMS:
                return self._join(target).c[_column(target, prefer_number=prefer_number)]
            case _:
                return cast(self._catalogue.columns.tags[target.key].astext, String)

    def _join(self, target: Target) -> FromClause:
        place = target.space, target.key
        if place not in self._joins:
            table = MetricSeries if target.space is Space.METRICS else Param
            self._joins[place] = table.__table__.alias(f"j{len(self._joins)}")
        return self._joins[place]

    def _on(self, space: Space, key: str, table: FromClause) -> ColumnElement[bool]:
        same_run = table.c.run_id == self._catalogue.columns.id
        if space is Space.PARAMS:
            return and_(same_run, table.c.project_id == self._catalogue.columns.project_id, table.c.key == key)
        name = SeriesName.parse(key)
        return and_(
            same_run,
            table.c.context_hash == name.context_hash,
            _among(table.c.key_id, self._metric_keys.get(name.key, ())),
        )


def compare(left: SQLColumnExpression[Any], operator: Operator, value: Any) -> ColumnElement[bool]:
    """Return the SQL of one comparison."""
    match operator:
        case Operator.IN:
            return left.in_(value)
        case Operator.NOT_IN:
            return left.not_in(value)
        case Operator.BETWEEN:
            return left.between(*value)
        case Operator.NOT_BETWEEN:
            return not_(left.between(*value))
        case _:
            return _SIMPLE[operator](left, value)


_SIMPLE: Final[dict[Operator, Callable[[SQLColumnExpression[Any], Any], ColumnElement[bool]]]] = {
    Operator.EQ: lambda left, value: left == value,
    Operator.NE: lambda left, value: left != value,
    Operator.LT: lambda left, value: left < value,
    Operator.LE: lambda left, value: left <= value,
    Operator.GT: lambda left, value: left > value,
    Operator.GE: lambda left, value: left >= value,
    Operator.LIKE: lambda left, value: left.like(value),
    Operator.NOT_LIKE: lambda left, value: left.not_like(value),
    Operator.ILIKE: lambda left, value: left.ilike(value),
    Operator.NOT_ILIKE: lambda left, value: left.not_ilike(value),
}


def prefix_query(words: str) -> str:
    """Return a tsquery for all words, each as the beginning of one in the document; it matches nothing without any."""
    return " & ".join(f"{word}:*" for word in re.findall(r"\w+", words))


def targets(wanted: Filter | None) -> Iterator[Target]:
    """Return every target that a filter names."""
    match wanted:
        case And(members) | Or(members):
            for member in members:
                yield from targets(member)
        case Not(member):
            yield from targets(member)
        case Comparison(target):
            yield target
        case None:
            return


def _column(target: Target, *, prefer_number: bool) -> str:
    """Return the column of a metric's or a param's table that is compared."""
    if target.space is Space.METRICS:
        return AGGREGATES[target.aggregate]
    return "number" if prefer_number else "text"


def _among(column: ColumnElement[Any], ids: Sequence[UUID]) -> ColumnElement[bool]:
    # A single id as an equality lets the planner use the index's next columns for order and range.
    return column == ids[0] if len(ids) == 1 else column == func.any(bindparam(None, list(ids), type_=UUIDS))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _is_number(value: Any) -> bool:
    return isinstance(_first(value), int | float)


def _each(value: Any, convert: Any) -> Any:
    return tuple(map(convert, value)) if isinstance(value, tuple) else convert(value)
