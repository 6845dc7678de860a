"""Whoever acts, in the schema: people and service accounts."""

import strawberry

from execution.declare import column
from maestro.db.rows import Row
from maestro.ids import Kind
from schema.nodes import Node, node_of


@strawberry.interface(description="Somebody who acts: a person, or a program in its own name.")
class Actor(Node):
    """A person or a service account."""

    name: str = column("The name to show.")

    @classmethod
    def of_row(cls, row: Row) -> Node:
        """Return the person or the service account that a row of `ActorById` is."""
        # The two inherit this, and their rows come from loaders of theirs.
        return node_of(Kind(row.actor), row) if cls is Actor else cls(row=row)
