"""The interfaces of every entity, and the way from a row to its type."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

import strawberry
from strawberry.types import Info

import resolvers.authorization
from dataloaders.users import ActorById
from execution.declare import column, computed, one
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.ids import Kind, encode, uuid_of

if TYPE_CHECKING:
    from schema.actors import Actor
    from schema.users import User

ActorReference = Annotated["Actor", strawberry.lazy("schema.actors")]
UserReference = Annotated["User", strawberry.lazy("schema.users")]

KINDS: dict[Kind, type["Node"]] = {}
"""The type of each kind of node; filled by the types themselves."""


class RowBacked:
    """An object made from its row alone, kept as `row`: a leaf without a resolver is the row's column of that name."""

    def __getattr__(self, name: str) -> Any:
        # Reached for declared leaves only: they are no attributes of the class.
        return getattr(self.__dict__["row"], name)


@strawberry.interface(description="Anything that has an id. `node(id)` finds it whatever its type is.")
class Node(RowBacked):
    """A GraphQL object with a kind, which its id tells."""

    row: strawberry.Private[Any]
    kind: ClassVar[Kind]

    def __init_subclass__(cls, *, kind: Kind | None = None) -> None:
        if kind is not None:
            cls.kind = kind
            KINDS[kind] = cls

    @computed("id", description="Identifies the object everywhere; its kind can be read from it.")
    def id(self) -> strawberry.ID:
        """Return the global id."""
        return strawberry.ID(encode(self.kind, self.row.id))

    # Which column leads to the project depends on the kind, and mostly no statement is needed: hence no edge.
    @strawberry.field(
        description="What the viewer may do where it lies: in its project, or in the whole organisation for what is in "
        "no project."
    )
    async def viewer_permissions(self, info: Info[Any, Any]) -> list[Permission]:
        """Look at the grants for the node's place."""
        return await resolvers.authorization.permissions_on(info.context, self.kind, self.row)


@strawberry.interface(description="Something that people create, change and delete.")
class Owned(Node):
    """A node with its history and its optimistic lock."""

    created_at: datetime = column("When it was created.")
    created_by: ActorReference | None = one(
        ActorById,
        key="created_by_id",
        description="Who created it; null where that is not known to the viewer.",
    )
    updated_at: datetime = column("When it was last changed.")
    version: int = column("Counts its changes; an update that names it is refused when somebody was faster.")


@strawberry.interface(description="Something that goes to the trash before it goes for good.")
class Trashable(Node):
    """A node that can be restored until it is purged."""

    deleted_at: datetime | None = column("When it was moved to the trash; null outside the trash.")
    purge_at: datetime | None = column("From when on it may be removed for good; null outside the trash.")


def by_id(kind: Kind) -> Callable[..., UUID]:
    """Declare the argument of a field that finds a node by its id."""

    def find(id: Annotated[strawberry.ID, strawberry.argument(description=f"The id of {kind.phrase}.")]) -> UUID:
        return uuid_of(kind, id)

    return find


def node_of(kind: Kind, row: Row) -> Node:
    """Return the object of a row."""
    return KINDS[kind](row=row)
