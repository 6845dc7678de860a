"""Relay's connections over keyset pages, and the arguments that every list takes."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from dataloaders.lists import Totals
from dataloaders.paging import Page
from execution.declare import value
from execution.policy import cached
from maestro.db.rows import Row

NodeType = TypeVar("NodeType")

First = Annotated[
    int | None,
    strawberry.argument(description="How many items from the start or from `after`; 20 unless told, at most 1,000."),
]
After = Annotated[str | None, strawberry.argument(description="The cursor after which to go on: `pageInfo.endCursor`.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many items from the end or up to `before`; at most 1,000.")
]
Before = Annotated[
    str | None, strawberry.argument(description="The cursor before which to stop: `pageInfo.startCursor`.")
]
FilterText = Annotated[
    str | None,
    strawberry.argument(
        description="A filter as text, like `name ILIKE '%mlp%' AND version > 1`; it and `filter` must hold."
    ),
]
InTrash = Annotated[bool, strawberry.argument(description="List what is in the trash instead of what is in use.")]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether items follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether items come before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item; null on an empty page.")


@strawberry.type(description="An item of a list with its cursor.")
class Edge(Generic[NodeType]):
    """Relay's edge."""

    page: strawberry.Private[Page]
    item: strawberry.Private[Row]
    node: NodeType = strawberry.field(description="The item.")

    @strawberry.field(description="Points at this item, for `after` and `before` of the same list.")
    def cursor(self) -> str:
        """Return the opaque cursor."""
        return self.page.cursor(self.item)


@strawberry.type(description="A page of a list.")
class Connection(Generic[NodeType]):
    """Relay's connection; its row is the page."""

    row: strawberry.Private[Page]
    make: strawberry.Private[Callable[..., Any]]
    total_count: int = value(
        Totals,
        key="total_key",
        cached=cached(ttl=300),
        description="How many items the whole list has; counted only when selected.",
    )

    @strawberry.field(description="The items of this page without their cursors.")
    def nodes(self) -> list[NodeType]:
        """Return the items."""
        return [self.make(row=row) for row in self.row.rows]

    @strawberry.field(description="The items of this page with their cursors.")
    def edges(self) -> list[Edge[NodeType]]:
        """Return the items with their cursors."""
        return [Edge(page=self.row, item=row, node=self.make(row=row)) for row in self.row.rows]

    @strawberry.field(description="Where this page stands in the list.")
    def page_info(self) -> PageInfo:
        """Return Relay's PageInfo."""
        rows = self.row.rows
        return PageInfo(
            has_next_page=self.row.has_next,
            has_previous_page=self.row.has_previous,
            start_cursor=self.row.cursor(rows[0]) if rows else None,
            end_cursor=self.row.cursor(rows[-1]) if rows else None,
        )


def given(sent: Any) -> Any:
    """Return an input object as plain values, without what the client left out."""
    if isinstance(sent, list):
        # Columns of points have many thousand items, which are no input objects.
        return [given(item) for item in sent] if sent and hasattr(sent[0], "__strawberry_definition__") else sent
    # A member of an enum has the definition too, on its class.
    if isinstance(sent, Enum) or not hasattr(sent, "__strawberry_definition__"):
        return sent
    fields: Mapping[str, Any] = vars(sent)
    return {name: given(item) for name, item in fields.items() if item is not strawberry.UNSET}
