"""What a list can be filtered and sorted by, with the SQL expression of each field."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import SQLColumnExpression

from maestro.db.tables import Base, MetricKey, MetricSeries, Param
from maestro.filters import Field, KeySpace, Space, Target, ValueType, Vocabulary
from maestro.ids import Kind, uuid_among, uuid_of

OPEN: Final[dict[Space, tuple[type[Base], ...]]] = {
    Space.METRICS: (MetricKey, MetricSeries),
    Space.PARAMS: (Param,),
    Space.TAGS: (),
}
"""The tables in which filters and sorts look for the keys of open spaces."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A field of a list: how it is named and compared, and where its value is.

    `orders` is the expression to sort by when that is another one; None where the field cannot be sorted by.
    `kind` says of an ID what it is the id of; there may be several.
    """

    type: ValueType
    description: str
    expression: SQLColumnExpression[Any]
    orders: SQLColumnExpression[Any] | None = None
    is_nullable: bool = False
    values: tuple[str, ...] = ()
    kind: Kind | tuple[Kind, ...] | None = None

    def parsed(self, value: Any, *, name: str) -> Any:
        """Return a filter's value as the column holds it: UUIDs for ids, the rest as it is."""
        match self.kind:
            case None:
                return value
            case Kind():
                return uuid_of(self.kind, value, field=name)
            case kinds:
                return uuid_among(kinds, value, field=name)


@dataclass(frozen=True)
class Catalogue:
    """A list: its table, its fields by their GraphQL names, its spaces of keys, and what `text` matches."""

    table: type[Base]
    fields: Mapping[str, Listed]
    document: SQLColumnExpression[Any]
    spaces: tuple[KeySpace, ...] = ()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names that a filter of this list may use."""
        named = [Field(name, field.type, field.description, field.values) for name, field in self.fields.items()]
        text = Field("text", ValueType.TEXT, "Words of the name and the description; the last may be unfinished.")
        return Vocabulary([*named, text], self.spaces)

    @property
    def columns(self) -> Any:
        """The columns of the table."""
        return self.table.__table__.c


@dataclass(frozen=True, slots=True)
class Sort:
    """One term of an order."""

    target: Target
    is_descending: bool = False
