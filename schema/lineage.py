"""Lineage in the schema: graphs of what came from what."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders.lineage import Graph, Lineage, LineageDirection, Walk
from dataloaders.runs import RunById
from execution.declare import column, computed, one
from execution.policy import cached
from maestro.db.rows import Row
from maestro.db.tables.enums import LineageKind
from maestro.errors import InvalidInput
from maestro.ids import Kind, decode, encode
from schema.enums import described
from schema.nodes import Node, RowBacked, node_of

if TYPE_CHECKING:
    from schema.runs import Run

MOST_STEPS = 10

described(
    LineageDirection,
    "Where to look from the start.",
    {
        "UPSTREAM": "At what it came from.",
        "DOWNSTREAM": "At what came from it.",
        "BOTH": "At what it came from and at what came from it.",
    },
)


@strawberry.type(description="An arrow from where something came from to where it went.")
class LineageEdge(RowBacked):
    """An edge's row."""

    row: strawberry.Private[Row]
    kind: LineageKind = column("What the target has to do with the origin.")
    at: datetime = column("When it was noted.")
    run: Annotated["Run", strawberry.lazy("schema.runs")] | None = one(
        RunById, key="run_id", description="The run in which it happened."
    )

    @computed("from_type", "from_id", description="The id of the node that it came from.", name="from")
    def origin(self) -> strawberry.ID:
        """Return the global id of the origin."""
        return strawberry.ID(encode(Kind[self.row.from_type], self.row.from_id))

    @computed("to_type", "to_id", description="The id of the node that it went to.", name="to")
    def target(self) -> strawberry.ID:
        """Return the global id of the target."""
        return strawberry.ID(encode(Kind[self.row.to_type], self.row.to_id))


@strawberry.type(description="What an object came from and what came from it, some steps far.")
class LineageGraph:
    """A graph; its row holds the nodes and the edges."""

    row: strawberry.Private[Graph]

    @strawberry.field(description="The nodes that were reached, the nearest first; at most 500.")
    def nodes(self) -> list[Node]:
        """Return the nodes."""
        return [node_of(kind, row) for kind, row in self.row.nodes]

    @strawberry.field(description="All arrows among these nodes, the oldest first; at most 5,000.")
    def edges(self) -> list[LineageEdge]:
        """Return the arrows."""
        return [LineageEdge(row=row) for row in self.row.edges]

    @strawberry.field(description="Whether there are more nodes or arrows than these within the depth.")
    def is_truncated(self) -> bool:
        """Say whether something was left out."""
        return self.row.is_truncated


def walk(
    id: Annotated[strawberry.ID, strawberry.argument(description="The node to start from.")],
    direction: Annotated[LineageDirection, strawberry.argument(description="Where to look.")] = LineageDirection.BOTH,
    depth: Annotated[int, strawberry.argument(description="How many steps far: 1 to 10.")] = 3,
) -> Walk:
    """Declare and read the arguments of a lineage graph."""
    if not 1 <= depth <= MOST_STEPS:
        raise InvalidInput(f"depth is {depth}; a graph is 1 to {MOST_STEPS} steps deep.", field="depth")
    return Walk(decode(id), direction, depth)


@strawberry.type
class LineageQueries:
    """Root fields."""

    lineage: LineageGraph | None = one(
        Lineage,
        key=None,
        arguments=walk,
        cached=cached(ttl=300),
        description="The lineage of a node: what it came from, what came from it.",
    )
