"""The viewer, their organisation and its members in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from dataloaders.organizations import (
    MEMBERS,
    ApiKeyNameById,
    Members,
    OrganizationById,
    ServiceAccountById,
    UsageByOrganization,
)
from dataloaders.projects import ProjectById
from dataloaders.users import UserById
from execution.declare import column, one, page, value
from maestro import access
from maestro.db.tables.enums import Role
from maestro.ids import Kind
from schema.connections import Connection
from schema.enums import SignInMethod
from schema.list_arguments import brief_list_arguments
from schema.nodes import Node, RowBacked
from schema.scalars import BigInt
from schema.users import User

if TYPE_CHECKING:
    from schema.projects import Project


@strawberry.type(description="A program that acts in its own name.")
class ServiceAccount(Node, kind=Kind.ServiceAccount):
    """A service account's row."""

    name: str = column("Its name, unique in the organisation.")
    description: str = column("What it does.")
    created_at: datetime = column("When it was created.")
    disabled_at: datetime | None = column("When it was switched off; null while it may act.")


@strawberry.type(description="A role that somebody has in the organisation or in one project.")
class Membership(Node, kind=Kind.Membership):
    """A membership's row."""

    user: User | None = one(UserById, key="user_id", description="The person; null for a service account.")
    service_account: ServiceAccount | None = one(
        ServiceAccountById, key="service_account_id", description="The service account; null for a person."
    )
    role: Role = column("What the member may do.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] | None = one(
        ProjectById, key="project_id", description="The project that the role is for; null for the whole organisation."
    )
    created_at: datetime = column("Since when.")


@strawberry.type(description="How much an organisation holds; of what is in the trash only files and points count.")
class OrganizationUsage(RowBacked):
    """The counts as a row."""

    row: strawberry.Private[Any]

    projects: int = column("Projects in use.")
    experiments: int = column("Experiments in use.")
    runs: int = column("Runs in use.")
    models: int = column("Registered models in use.")
    artifacts: int = column("Artifacts in use.")
    storage_bytes: BigInt = column("Bytes of the stored files; the same bytes count once.")
    points: BigInt = column("Metric points.")


@strawberry.type(description="A team with its projects, connectors and members; two of them share nothing.")
class Organization(Node, kind=Kind.Organization):
    """An organisation's row."""

    slug: str = column("Its name in addresses.")
    name: str = column("Its name.")
    created_at: datetime = column("When it was created.")
    updated_at: datetime = column("When it was last changed.")
    version: int = column("Counts its changes.")
    settings: JSON = column("What its members have set, by name.")
    quotas: JSON = column("What it may use at most, by name; what is not named is not limited.")
    members: Connection[Membership] = page(
        Members, arguments=brief_list_arguments(MEMBERS), description="Who belongs to it, and in which role."
    )
    usage: OrganizationUsage = one(UsageByOrganization, key="id", description="How much it holds now.")


@strawberry.type(description="Who is asking.")
class Viewer(RowBacked):
    """The request's viewer in place of a row."""

    row: strawberry.Private[access.Viewer]

    user: User = one(UserById, key="user_id", description="The person in whose name the request acts.")
    organization: Organization = one(
        OrganizationById, key="organization_id", description="The organisation in which the request acts."
    )
    method: SignInMethod = column("How they signed in.")
    api_key_name: str | None = value(
        ApiKeyNameById, key="api_key_id", description="The name of the API key; null in a session."
    )


@strawberry.type
class OrganizationQueries:
    """Root fields."""

    @strawberry.field(description="Who is asking, and in which organisation.")
    def viewer(self, info: Info[Any, Any]) -> Viewer:
        """Return the viewer of the request."""
        return Viewer(row=info.context.viewer)

    @strawberry.field(description="The organisation in which the request acts.")
    async def organization(self, info: Info[Any, Any]) -> Organization:
        """Load the viewer's organisation; an edge of the root could take its id from an argument only."""
        ctx = info.context
        return Organization(row=await ctx.loaders[OrganizationById].load(ctx.organization_id))
