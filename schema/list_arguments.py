"""The arguments of lists: declared for Strawberry by the annotations of a function, which reads them into a request."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from dataloaders.catalogue import Catalogue
from dataloaders.lists import Listing, PageRequest
from dataloaders.paging import window
from maestro.errors import InvalidInput
from maestro.filters import Filter, combine, from_input, parse
from schema.connections import After, Before, FilterText, First, InTrash, Last
from schema.filtering import SortTerm

Arguments = TypeVar("Arguments", bound=Callable[..., PageRequest])

MOST_SORTS: Final = 8


def list_arguments(
    catalogue: Catalogue, conditions: type, terms: type[SortTerm], *, noun: str
) -> Callable[..., PageRequest]:
    """Make the function that declares and reads the arguments of a list, `inTrash` only where there is a trash.

    `conditions` is the list's `filter_input`, `terms` an input that can be read as a sort, `noun` the plural of what
    is listed. Reading raises InvalidInput, and FilterError with the place of what is wrong in a filter.
    """

    def arguments(
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        wanted: Annotated[
            conditions | None,  # type: ignore[valid-type] # the annotation is for Strawberry, at run time
            strawberry.argument(name="filter", description=f"Which {noun}."),
        ] = None,
        filter_text: FilterText = None,
        sort: Annotated[
            list[terms] | None,  # type: ignore[valid-type] # as above
            strawberry.argument(description="In which order; newest first unless told."),
        ] = None,
        in_trash: InTrash = False,
    ) -> PageRequest:
        listed = _listing(catalogue, wanted=wanted, text=filter_text, sort=sort or [], in_trash=in_trash)
        return PageRequest(listed, window(first, after, last=last, before=before))

    return arguments if "deleted_at" in catalogue.columns else _without("in_trash", arguments)


def brief_list_arguments(catalogue: Catalogue) -> Callable[..., PageRequest]:
    """Make that function for a list that needs no typed filter: a filter text and the window are all it takes."""

    def arguments(
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        *,
        filter_text: FilterText = None,
    ) -> PageRequest:
        listed = _listing(catalogue, wanted=None, text=filter_text, sort=[], in_trash=False)
        return PageRequest(listed, window(first, after, last=last, before=before))

    return arguments


def _listing(catalogue: Catalogue, *, wanted: Any, text: str | None, sort: list[SortTerm], in_trash: bool) -> Listing:
    terms = tuple(term.read() for term in sort)
    if len(terms) > MOST_SORTS:
        raise InvalidInput(f"{len(terms)} sort terms; at most {MOST_SORTS} count.", field="sort", limit=MOST_SORTS)
    typed: Filter | None = None
    if wanted is not None and (conditions := _plain(wanted)):
        typed = from_input(conditions, catalogue.vocabulary)
    written = parse(text, catalogue.vocabulary) if text is not None else None
    return Listing(combine(typed, written), terms, in_trash)


def _plain(wanted: Any) -> Any:
    """Return a typed filter as the filter language reads it: names as on the wire, enums as their values."""
    if isinstance(wanted, list):
        return [_plain(item) for item in wanted]
    if isinstance(wanted, Enum):
        return wanted.value
    if not hasattr(wanted, "__strawberry_definition__"):
        return wanted
    fields = type(wanted).__strawberry_definition__.fields
    sent = {field: getattr(wanted, field.python_name) for field in fields}
    return {
        field.graphql_name or to_camel_case(field.python_name): _plain(value)
        for field, value in sent.items()
        if value is not UNSET
    }


def _without(name: str, arguments: Arguments) -> Arguments:
    # Strawberry declares what the signature shows; the hidden parameter keeps its default.
    shown = inspect.signature(arguments)
    parameters = [parameter for parameter in shown.parameters.values() if parameter.name != name]
    arguments.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined] # inspect looks for it
    return arguments
