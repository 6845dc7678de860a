"""What viewers and others may do, in the schema: roles, decisions, and why."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.authorization
from dataloaders.projects import ProjectById
from execution.declare import column, one
from execution.policy import Scope, cached
from maestro.access import ROLES, Permission
from maestro.db.tables.enums import Role
from resolvers.authorization import AccessLimit, Decision, Explanation, NeededRole
from schema import enums
from schema.guards import query
from schema.memberships import Membership
from schema.nodes import RowBacked

if TYPE_CHECKING:
    from schema.projects import Project

enums.described(
    AccessLimit,
    "What keeps somebody from what their role allows.",
    {
        "ACCOUNT_DISABLED": "The service account is switched off.",
        "KEY_REVOKED": "The API key was revoked.",
        "KEY_EXPIRED": "The API key has expired.",
        "APPEND_ONLY": "The API key may log and never read.",
        "SCOPES": "The permission is not among the scopes of the API key.",
        "PROJECTS": "The API key is limited to other projects.",
    },
)


@strawberry.type(description="A role and what it allows.")
class RoleInfo:
    """A row of the catalogue."""

    role: Role = strawberry.field(description="The role.")
    permissions: list[Permission] = strawberry.field(description="What it allows; each role holds all of the next one.")


@strawberry.type(description="Whether the viewer may do something with an object.")
class AccessDecision(RowBacked):
    """One decision."""

    row: strawberry.Private[Decision]
    action: Permission = column("What would be done.")
    is_found: bool = column("Whether there is such an object that the viewer can see.")
    is_allowed: bool = column("Whether they may do it; not where nothing is found.")

    @strawberry.field(description="The id that was asked about.")
    def id(self) -> strawberry.ID:
        """Return the id as it came."""
        return strawberry.ID(self.row.id)


@strawberry.type(description="The least role that would allow something.")
class RoleNeeded(RowBacked):
    """A role in a place."""

    row: strawberry.Private[NeededRole]
    role: Role = column("The role.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] | None = one(
        ProjectById, key="project_id", description="The project in which it is enough; null for the whole organisation."
    )


@strawberry.type(description="Whether somebody may do something with an object, and why.")
class AccessExplanation(RowBacked):
    """An explanation."""

    row: strawberry.Private[Explanation]
    is_allowed: bool = column("Whether they may do it.")
    limit: AccessLimit | None = column("What keeps them from it although a role allows it; null when nothing does.")

    @strawberry.field(description="The membership whose role allows it; null when none does.")
    def grant(self) -> Membership | None:
        """Return the membership."""
        return None if self.row.grant is None else Membership(row=self.row.grant)

    @strawberry.field(description="The least role that would allow it, and where; null when a role allows it.")
    def nearest(self) -> RoleNeeded | None:
        """Return the role."""
        return None if self.row.nearest is None else RoleNeeded(row=self.row.nearest)


@strawberry.type
class AuthorizationQueries:
    """Root fields."""

    @query(
        None,
        cached=cached(ttl=3600, scope=Scope.PUBLIC),
        description="The roles with what they allow, from everything to reading.",
    )
    def roles(self) -> list[RoleInfo]:
        """Return the catalogue."""
        return [
            RoleInfo(role=role, permissions=[one for one in Permission if one in held]) for role, held in ROLES.items()
        ]

    @query(None, description="Whether the viewer may do some things with some objects: a decision for each pair.")
    async def can(
        self,
        info: Info[Any, Any],
        actions: Annotated[list[Permission], strawberry.argument(description="What would be done; at most 38.")],
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The ids of the objects; at most 200.")],
    ) -> list[AccessDecision]:
        """Decide."""
        decisions = await resolvers.authorization.decide(info.context, actions, ids)
        return [AccessDecision(row=one) for one in decisions]

    @query(
        None,
        description="Whether somebody may do something with an object, and why. About oneself everybody may ask, about "
        "others whoever has MEMBER_READ where the object lies. From which addresses a key may be used does not count.",
    )
    async def explain_access(
        self,
        info: Info[Any, Any],
        actor: Annotated[
            strawberry.ID, strawberry.argument(description="The id of a User, a ServiceAccount or an ApiKey.")
        ],
        permission: Annotated[Permission, strawberry.argument(description="What would be done.")],
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of the object.")],
    ) -> AccessExplanation:
        """Explain."""
        explanation = await resolvers.authorization.explain(info.context, id, actor=actor, permission=permission)
        return AccessExplanation(row=explanation)
