"""Inputs that narrow and order a list: typed conditions beside the filter text, and sort terms."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Generic, Protocol, TypeVar

import strawberry
from strawberry import UNSET

from dataloaders.catalogue import Catalogue, Sort
from maestro.filters import Space, Target
from schema.enums import described

E = TypeVar("E")
Input = TypeVar("Input", bound=type)


class SortTerm(Protocol):
    """An input that says what to sort by."""

    def read(self) -> Sort:
        """Return it as loaders take it; InvalidInput."""
        ...


def condition(description: str, *, name: str | None = None) -> Any:
    """Declare a condition that a client may leave out."""
    return strawberry.field(default=UNSET, description=description, name=name)


def filter_input(description: str) -> Callable[[Input], Input]:
    """Make the input of a list's filter: the class's conditions, and `and`, `or` and `not` to combine them."""

    def combinable(conditions: Any) -> Any:
        several, one = list[conditions] | None, conditions | None
        conditions.__annotations__ = {"and_": several, "or_": several, "not_": one, **conditions.__annotations__}
        conditions.and_ = condition("All of these hold.", name="and")
        conditions.or_ = condition("At least one of these holds.", name="or")
        conditions.not_ = condition("This does not hold.", name="not")
        return strawberry.input(conditions, description=description)

    return combinable


class SortDirection(StrEnum):
    """The direction of a sort term."""

    ASC = "ASC"
    DESC = "DESC"


described(
    SortDirection,
    "The direction of a sort term; nulls come last either way.",
    {"ASC": "From the least to the greatest.", "DESC": "From the greatest to the least."},
)


@strawberry.input(description="Conditions on a text; all that are given must hold.")
class StringCondition:
    """Comparisons of a STRING."""

    eq: str | None = condition("Equal to.")
    ne: str | None = condition("Not equal to.")
    in_: list[str] | None = condition("One of; at most 1,000.", name="in")
    not_in: list[str] | None = condition("None of; at most 1,000.")
    like: str | None = condition("Matches a pattern with % for any text and _ for any character.")
    ilike: str | None = condition("Matches a pattern whatever the case.")
    exists: bool | None = condition("Has a value, or has none.")


@strawberry.input(description="Conditions on an id.")
class IdCondition:
    """Comparisons of an ID."""

    eq: strawberry.ID | None = condition("Is this one.")
    ne: strawberry.ID | None = condition("Is not this one.")
    in_: list[strawberry.ID] | None = condition("Is one of these; at most 1,000.", name="in")
    exists: bool | None = condition("Is there, or is not.")


@strawberry.input(description="Conditions on a number.")
class NumberCondition:
    """Comparisons of a NUMBER, INTEGER or DURATION."""

    eq: float | None = condition("Equal to.")
    ne: float | None = condition("Not equal to.")
    lt: float | None = condition("Less than.")
    lte: float | None = condition("At most.")
    gt: float | None = condition("More than.")
    gte: float | None = condition("At least.")
    between: list[float] | None = condition("At least the first and at most the second.")
    exists: bool | None = condition("Has a value, or has none.")


@strawberry.input(description="Conditions on a moment.")
class DateTimeCondition:
    """Comparisons of a DATETIME."""

    eq: datetime | None = condition("At this moment.")
    lt: datetime | None = condition("Before.")
    lte: datetime | None = condition("At or before.")
    gt: datetime | None = condition("After.")
    gte: datetime | None = condition("At or after.")
    between: list[datetime] | None = condition("From the first to the second.")
    exists: bool | None = condition("Has happened, or has not.")


@strawberry.input(description="Conditions on a value of a closed set.")
class EnumCondition(Generic[E]):
    """Comparisons of an ENUM."""

    eq: E | None = condition("Is this one.")
    ne: E | None = condition("Is not this one.")
    in_: list[E] | None = condition("Is one of these.", name="in")
    not_in: list[E] | None = condition("Is none of these.")


@strawberry.input(description="Conditions on what is true or false.")
class BooleanCondition:
    """Comparisons of a BOOLEAN."""

    eq: bool | None = condition("Is so.")


@strawberry.input(description="Conditions on a tag.")
class TagCondition(StringCondition):
    """Comparisons of a tag's value."""

    key: str = strawberry.field(description="The tag's key.")


def sort_fields(name: str, catalogue: Catalogue) -> type[Enum]:
    """Make the enum of the fields that a list can be sorted by."""
    fields = {field: listed for field, listed in catalogue.fields.items() if listed.kind is None}
    made = Enum(name, {_upper(field): field for field in fields})  # type: ignore[misc] # its members are data
    return described(made, "What to sort by.", {_upper(field): listed.description for field, listed in fields.items()})


def sort_input(name: str, catalogue: Catalogue) -> type[SortTerm]:
    """Make the input of a sort term for a list that is sorted by its fields alone, and the enum of these."""
    fields = sort_fields(f"{name}Field", catalogue)

    class FieldSort:
        """A field and a direction."""

        field: fields = strawberry.field(description="The field.")  # type: ignore[valid-type] # made from the catalogue
        direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="The direction.")

        def read(self) -> Sort:
            """Return it as loaders take it."""
            field = self.field.value  # type: ignore[attr-defined] # as above
            return Sort(Target(Space.FIELD, field), self.direction is SortDirection.DESC)

    return strawberry.input(FieldSort, name=name, description="A sort term.")


def _upper(name: str) -> str:
    return "".join(f"_{char}" if char.isupper() else char for char in name).upper()
