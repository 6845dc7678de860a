"""The root fields that find nodes of any kind."""

from typing import Annotated, Any, cast

import strawberry
from strawberry.types import Info

import resolvers.nodes
from schema.guards import query
from schema.nodes import Node, node_of


@strawberry.type
class NodeQueries:
    """Root fields."""

    @query(None, description="Anything by its id.")
    async def node(
        self, info: Info[Any, Any], id: Annotated[strawberry.ID, strawberry.argument(description="The id of anything.")]
    ) -> Node | None:
        """Find one."""
        (found,) = await resolvers.nodes.find(info.context, [id], field="id")
        if isinstance(found, Exception):
            raise found
        return node_of(*found)

    @query(
        None,
        description="Many things by their ids, in the order of the ids: null, with an error, for one that "
        "is not there.",
    )
    async def nodes(
        self,
        info: Info[Any, Any],
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The ids; at most 200.")],
    ) -> list[Node | None]:
        """Find many; an exception in a list is the error of its place."""
        found = await resolvers.nodes.find(info.context, ids)
        return cast("list[Node | None]", [one if isinstance(one, Exception) else node_of(*one) for one in found])
