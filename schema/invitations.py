"""Invitations in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.invitations
import resolvers.joining
import resolvers.organizations
from dataloaders.invitations import INVITATIONS
from dataloaders.projects import ProjectById
from dataloaders.users import ActorById, UserById
from execution.declare import column, computed, one
from maestro.access import Permission
from maestro.clock import now
from maestro.db.tables.enums import InvitationState, Role
from maestro.ids import Kind, uuid_of
from schema.arguments import IdempotencyKey
from schema.connections import given
from schema.filtering import (
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, UserReference
from schema.viewer_organizations import ViewerOrganization

if TYPE_CHECKING:
    from schema.projects import Project


@strawberry.type(description="An offer of a role to whoever opens its link, once. The link is shown when it is made.")
class Invitation(Node, kind=Kind.Invitation):
    """An invitation's row, which holds a hash in the place of the link."""

    email: str = column("The e-mail address that it is meant for: a label, nobody is looked up by it.")
    name: str = column("The name that a new person gets.")
    role: Role = column("What whoever accepts it may do.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] | None = one(
        ProjectById, key="project_id", description="The project that the role is for; null for the whole organisation."
    )
    created_at: datetime = column("When it was made.")
    created_by: ActorReference | None = one(ActorById, key="created_by_id", description="Who invites.")
    expires_at: datetime = column("Until when it can be accepted.")
    accepted_at: datetime | None = column("When it was accepted; null before.")
    accepted_by: UserReference | None = one(
        UserById, key="accepted_by_id", description="Who accepted it; null while nobody has."
    )
    revoked_at: datetime | None = column("When it was taken back; null while it is not.")

    @computed("accepted_at", "revoked_at", "expires_at", description="What has become of it.")
    def state(self) -> InvitationState:
        """Look at the stamps, and at the clock."""
        if self.row.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.row.revoked_at is not None:
            return InvitationState.REVOKED
        return InvitationState.PENDING if self.row.expires_at > now() else InvitationState.EXPIRED


@filter_input("Which invitations; all members that are given must hold.")
class InvitationFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    email: StringCondition | None = condition("By e-mail address.")
    name: StringCondition | None = condition("By name.")
    role: EnumCondition[Role] | None = condition("By role.")
    state: EnumCondition[InvitationState] | None = condition("By what has become of them.")
    project: IdCondition | None = condition("By project.")
    created_at: DateTimeCondition | None = condition("By the time at which they were made.")
    expires_at: DateTimeCondition | None = condition("By the time at which they expire.")
    text: str | None = condition("By words of the name and the address; the last may be unfinished.")


invitation_page = list_arguments(
    INVITATIONS, InvitationFilter, sort_input("InvitationSort", INVITATIONS), noun="invitations"
)


@strawberry.input(description="An invitation of somebody to the organisation, or to one project.")
class InviteMemberInput:
    """What an invitation is made of."""

    email: str = strawberry.field(description="Their e-mail address: a label, nothing is sent to it.")
    role: Role = strawberry.field(description="What they may do; nobody gives what they do not hold.")
    name: str | None = strawberry.field(
        default=UNSET, description="Their name; what stands before the @ of the address unless given."
    )
    project_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The project that the role is for; the whole organisation unless given."
    )
    expires_in_hours: int | None = strawberry.field(
        default=UNSET, description="How long it can be accepted: 1 to 720 hours, 168 unless given."
    )


@strawberry.type(description="An invitation with its link.")
class MemberInvited:
    """The only answer with the link in it."""

    invitation: Invitation = strawberry.field(description="The invitation.")
    path: str | None = strawberry.field(
        description="The path of the link at the server's address, for who is invited. It is shown this once: null "
        "when the invitation was made before, under the same idempotency key."
    )


@strawberry.type(description="The organisation that the viewer has joined. Name it in a request, or switch to it.")
class InvitationAccepted:
    """The good outcome."""

    organization: ViewerOrganization = strawberry.field(description="The organisation.")


@strawberry.type
class InvitationMutations:
    """Root fields."""

    @mutation(
        Permission.MEMBER_MANAGE,
        description="Invite somebody by a link that works once. Whoever opens it gets the role, as the person that "
        "they are signed in as, or as a new one. It is good while who invites could give the role themselves.",
    )
    async def invite_member(
        self,
        info: Info[Any, Any],
        input: Annotated[InviteMemberInput, strawberry.argument(description="The invitation.")],
        idempotency_key: IdempotencyKey = None,
    ) -> MemberInvited:
        """Invite."""
        values = given(input)
        if values.get("project_id") is not None:
            values["project_id"] = uuid_of(Kind.Project, values["project_id"], field="projectId")
        row, token = await resolvers.invitations.invite(info.context, values, idempotency_key=idempotency_key)
        return MemberInvited(
            invitation=Invitation(row=row), path=None if token is None else resolvers.invitations.path_of(token)
        )

    @mutation(Permission.MEMBER_MANAGE, description="Take an invitation back: its link stops working at once.")
    async def revoke_invitation(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of an Invitation.")],
    ) -> Invitation:
        """Revoke."""
        return Invitation(row=await resolvers.invitations.revoke(info.context, uuid_of(Kind.Invitation, id)))

    @mutation(
        None,
        description="Accept an invitation as the viewer, whichever organisation it is to. For people, in a session or "
        "with a key without limits.",
    )
    async def accept_invitation(
        self,
        info: Info[Any, Any],
        token: Annotated[str, strawberry.argument(description="What follows `token=` in the link.")],
    ) -> InvitationAccepted:
        """Accept."""
        row = await resolvers.joining.accept(info.context, token)
        return InvitationAccepted(organization=ViewerOrganization(row=row))
