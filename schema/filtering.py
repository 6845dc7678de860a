"""Inputs that narrow and order a list: typed conditions beside the filter text, and sort terms."""

from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, Generic, TypeVar

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from dataloaders.catalogue import Catalogue, Sort
from dataloaders.lists import Listing
from maestro.errors import InvalidInput
from maestro.filters import Filter, Space, Target, combine, from_input, parse
from schema.enums import described

E = TypeVar("E")

MOST_SORTS: Final = 8


def condition(description: str, *, name: str | None = None) -> Any:
    """Declare a condition that a client may leave out."""
    return strawberry.field(default=UNSET, description=description, name=name)


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


@strawberry.input(description="Conditions on a tag.")
class TagCondition(StringCondition):
    """Comparisons of a tag's value."""

    key: str = strawberry.field(description="The tag's key.")


def sort_fields(name: str, catalogue: Catalogue) -> type[Enum]:
    """Make the enum of the fields that a list can be sorted by."""
    fields = {field: listed for field, listed in catalogue.fields.items() if listed.kind is None}
    made = Enum(name, {_upper(field): field for field in fields})  # type: ignore[misc] # its members are data
    return described(made, "What to sort by.", {_upper(field): listed.description for field, listed in fields.items()})


def listing(catalogue: Catalogue, *, wanted: Any, text: str | None, sort: tuple[Sort, ...], in_trash: bool) -> Listing:
    """Read both forms of the filter into one; FilterError with the place of what is wrong."""
    if len(sort) > MOST_SORTS:
        raise InvalidInput(f"{len(sort)} sort terms; at most {MOST_SORTS} count.", field="sort", limit=MOST_SORTS)
    typed: Filter | None = None
    if wanted is not None and (conditions := plain(wanted)):
        typed = from_input(conditions, catalogue.vocabulary)
    written = parse(text, catalogue.vocabulary) if text is not None else None
    return Listing(combine(typed, written), sort, in_trash)


def plain(wanted: Any) -> Any:
    """Return a typed filter as the filter language reads it: names as on the wire, enums as their values."""
    if isinstance(wanted, list):
        return [plain(item) for item in wanted]
    if isinstance(wanted, Enum):
        return wanted.value
    if not hasattr(wanted, "__strawberry_definition__"):
        return wanted
    fields = type(wanted).__strawberry_definition__.fields
    sent = {field: getattr(wanted, field.python_name) for field in fields}
    return {
        field.graphql_name or to_camel_case(field.python_name): plain(value)
        for field, value in sent.items()
        if value is not UNSET
    }


def field_sorts(terms: list[Any] | None) -> tuple[Sort, ...]:
    """Return sort terms by named fields."""
    return tuple(
        Sort(Target(Space.FIELD, term.field.value), term.direction is SortDirection.DESC) for term in terms or ()
    )


def _upper(name: str) -> str:
    return "".join(f"_{char}" if char.isupper() else char for char in name).upper()
