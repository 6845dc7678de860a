"""The organisations that the viewer belongs to, in the schema: told in any of them."""

from typing import Any

import strawberry
from strawberry.types import Info

import resolvers.organizations
from execution.declare import column, computed
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from schema.nodes import RowBacked


@strawberry.type(description="An organisation that the viewer belongs to; what it holds is told in a request about it.")
class ViewerOrganization(RowBacked):
    """The row that the door answers."""

    row: strawberry.Private[Any]

    slug: str = column("Its name in addresses, by which the header `X-Maestro-Organization` names it.")
    name: str = column("Its name.")
    role: Role | None = column("The viewer's role in it; null for who has roles in projects alone.")
    is_current: bool = column("Whether the request acts in it.")

    @computed("id", description="The id of the Organization.")
    def id(self) -> strawberry.ID:
        """Return the global id."""
        return strawberry.ID(encode(Kind.Organization, self.row.id))


async def viewer_organizations(info: Info[Any, Any]) -> list[ViewerOrganization]:
    """Return the viewer's organisations; no loader does, since the database shows a request one of them."""
    return [ViewerOrganization(row=row) for row in await resolvers.organizations.own(info.context)]
