"""Memberships in the schema: who has which role in the organisation and in its projects."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.memberships
import resolvers.organizations
from dataloaders.memberships import MEMBERS
from dataloaders.projects import ProjectById
from dataloaders.service_accounts import ServiceAccountById
from dataloaders.users import UserById
from execution.declare import column, one
from maestro.access import Permission
from maestro.db.tables.enums import MembershipSource, Role
from maestro.ids import Kind, decode, uuid_of
from resolvers.memberships import NewRole
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.guards import mutation
from schema.list_arguments import brief_list_arguments
from schema.nodes import Owned
from schema.outcomes import StaleVersion
from schema.service_accounts import ServiceAccount
from schema.users import User
from schema.viewer_organizations import ViewerOrganization

if TYPE_CHECKING:
    from schema.projects import Project

MembershipId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Membership.")]

member_page = brief_list_arguments(MEMBERS)


@strawberry.type(description="A role that somebody has in the organisation or in one project.")
class Membership(Owned, kind=Kind.Membership):
    """A membership's row."""

    user: User | None = one(UserById, key="user_id", description="The person; null for a service account.")
    service_account: ServiceAccount | None = one(
        ServiceAccountById, key="service_account_id", description="The service account; null for a person."
    )
    role: Role = column("What the member may do.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] | None = one(
        ProjectById, key="project_id", description="The project that the role is for; null for the whole organisation."
    )
    source: MembershipSource = column("Where the role comes from.")
    removed_at: datetime | None = column("When it ended; null while it lasts.")


@strawberry.type(description="The membership as it is after the change.")
class MembershipSaved:
    """The good outcome."""

    membership: Membership = strawberry.field(description="The membership.")


@strawberry.type(description="What is left to somebody who has left an organisation.")
class OrganizationLeft:
    """The good outcome."""

    organizations: list[ViewerOrganization] = strawberry.field(
        description="The organisations that the viewer still belongs to, by name."
    )


UpdateMembershipPayload = Annotated[
    MembershipSaved | StaleVersion, strawberry.union("UpdateMembershipPayload", description="How the change went.")
]
RemoveMembershipPayload = Annotated[
    MembershipSaved | StaleVersion, strawberry.union("RemoveMembershipPayload", description="How the removal went.")
]


@strawberry.type
class MembershipMutations:
    """Root fields."""

    @mutation(
        Permission.MEMBER_MANAGE,
        description="Give somebody who belongs to the organisation a role in a project, or one in the whole "
        "organisation to who has roles in projects alone. For service accounts it needs service_account:manage too.",
    )
    async def add_member(
        self,
        info: Info[Any, Any],
        actor: Annotated[strawberry.ID, strawberry.argument(description="The id of a User or of a ServiceAccount.")],
        role: Annotated[Role, strawberry.argument(description="What they may do; nobody gives what they do not hold.")],
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The project that the role is for; the whole organisation unless given."),
        ] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> MembershipSaved:
        """Add."""
        kind, _ = decode(actor, field="actor")
        kind = kind if kind is Kind.ServiceAccount else Kind.User
        member = uuid_of(kind, actor, field="actor")
        project = None if project_id is None else uuid_of(Kind.Project, project_id, field="projectId")
        new = NewRole(kind, member, role, project)
        row = await resolvers.memberships.add(info.context, new, idempotency_key=idempotency_key)
        return MembershipSaved(membership=Membership(row=row))

    @mutation(
        Permission.MEMBER_MANAGE,
        description="Give a member another role. Nobody gives or takes away what they do not hold, and the last owner "
        "stays one: LAST_OWNER.",
    )
    async def update_membership(
        self,
        info: Info[Any, Any],
        id: MembershipId,
        role: Annotated[Role, strawberry.argument(description="What they may do from now on.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateMembershipPayload:
        """Update."""
        row = await resolvers.memberships.update(
            info.context, uuid_of(Kind.Membership, id), role=role, expected_version=expected_version
        )
        return MembershipSaved(membership=Membership(row=row))

    @mutation(
        Permission.MEMBER_MANAGE,
        description="End a membership; the member's other roles stay. Who has none left is out at once, with the API "
        "keys they have in this organisation. The last owner cannot be removed: LAST_OWNER.",
    )
    async def remove_membership(
        self, info: Info[Any, Any], id: MembershipId, expected_version: ExpectedVersion = None
    ) -> RemoveMembershipPayload:
        """Remove."""
        row = await resolvers.memberships.remove(
            info.context, uuid_of(Kind.Membership, id), expected_version=expected_version
        )
        return MembershipSaved(membership=Membership(row=row))

    @mutation(
        None,
        description="Give up every role that the viewer has in the organisation. For people, in a session or with a "
        "key without limits; the last owner cannot leave: LAST_OWNER.",
    )
    async def leave_organization(self, info: Info[Any, Any]) -> OrganizationLeft:
        """Leave."""
        await resolvers.memberships.leave(info.context)
        rows = await resolvers.organizations.own(info.context)
        return OrganizationLeft(organizations=[ViewerOrganization(row=row) for row in rows])
