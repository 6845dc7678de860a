"""The viewer, their organisation and its members in the schema."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from dataloaders.actors import RoleByActor
from dataloaders.api_keys import ApiKeys, ApiKeysOfViewer
from dataloaders.audit import AuditLogByOrganization
from dataloaders.invitations import InvitationsByOrganization
from dataloaders.memberships import MembersByOrganization
from dataloaders.organizations import ApiKeyNameById, OrganizationById, UsageByOrganization
from dataloaders.quotas import QuotaUsageByOrganization
from dataloaders.service_accounts import ServiceAccountById, ServiceAccountsByOrganization
from dataloaders.users import UserById
from execution.declare import column, computed, many, one, page, value
from execution.policy import Scope, cached
from maestro import access
from maestro.cache import CacheTag
from maestro.db.tables.enums import Role
from maestro.ids import Kind
from schema.api_keys import ApiKey, api_key_page
from schema.audit import AuditEntry, audit_page
from schema.connections import Connection
from schema.guards import query
from schema.invitations import Invitation, invitation_page
from schema.memberships import Membership, member_page
from schema.nodes import Node, RowBacked
from schema.quotas import QuotaUsage
from schema.scalars import BigInt
from schema.service_accounts import ServiceAccount, service_account_page
from schema.sessions import Session, viewer_sessions
from schema.users import User
from schema.viewer_organizations import ViewerOrganization, viewer_organizations


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
    points: BigInt = column("Metric points, as they were counted at `pointsAsOf`.")
    points_as_of: datetime | None = column(
        "When the points were last counted; null without projects. What was logged since then is not in it."
    )
    points_today: BigInt = column("Metric points that were logged today, UTC, by counting them as they come.")


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
        MembersByOrganization, arguments=member_page, description="Who belongs to it, and in which role."
    )
    invitations: Connection[Invitation] = page(
        InvitationsByOrganization,
        arguments=invitation_page,
        description="Its invitations: those that wait for somebody first, then the newest.",
    )
    service_accounts: Connection[ServiceAccount] = page(
        ServiceAccountsByOrganization, arguments=service_account_page, description="Its service accounts."
    )
    usage: OrganizationUsage = one(UsageByOrganization, key="id", description="How much it holds now.")
    quota_usage: list[QuotaUsage] = many(
        QuotaUsageByOrganization, description="The quotas that are set, and how much of each is used."
    )
    api_keys: Connection[ApiKey] = page(
        ApiKeys, arguments=api_key_page, description="The API keys of all its members and service accounts."
    )
    audit_log: Connection[AuditEntry] = page(
        AuditLogByOrganization,
        arguments=audit_page,
        description="What was done in it, and what was refused; the newest first unless told.",
    )


@strawberry.type(description="Who is asking.")
class Viewer(RowBacked):
    """The request's viewer in place of a row."""

    row: strawberry.Private[access.Viewer]

    user: User | None = one(
        UserById, key="user_id", description="The person in whose name the request acts; null for a service account."
    )
    service_account: ServiceAccount | None = one(
        ServiceAccountById, key="service_account_id", description="The service account that acts; null for a person."
    )
    organization: Organization = one(
        OrganizationById, key="organization_id", description="The organisation in which the request acts."
    )
    organizations: list[ViewerOrganization] = strawberry.field(
        resolver=viewer_organizations,
        description="The organisations that they belong to, by name; for an API key only the one that it is made for.",
    )
    method: access.SignInMethod = column("How they signed in.")
    role: Role | None = value(
        RoleByActor,
        key="actor_id",
        description="Their role in the whole organisation; null for who has roles in projects alone.",
    )
    api_key_name: str | None = value(
        ApiKeyNameById, key="api_key_id", description="The name of the API key; null in a session."
    )

    @computed("grants", description="What they may do in the whole organisation, as far as the API key lets them.")
    def permissions(self) -> list[access.Permission]:
        """Return what is allowed everywhere, in the order of the catalogue."""
        return [one for one in access.Permission if self.row.grants.allow(one)]

    api_keys: Connection[ApiKey] = page(
        ApiKeysOfViewer, key="organization_id", arguments=api_key_page, description="The viewer's own API keys."
    )
    sessions: list[Session] = strawberry.field(
        resolver=viewer_sessions,
        description="The browsers in which the viewer is signed in, the last used first; in a session only.",
    )


@strawberry.type
class OrganizationQueries:
    """Root fields."""

    @query(
        None,
        appends=True,
        cached=cached(ttl=300, scope=Scope.VIEWER),
        description="Who is asking, and in which organisation.",
    )
    def viewer(self, info: Info[Any, Any]) -> Viewer:
        """Return the viewer of the request."""
        return Viewer(row=info.context.viewer)

    @query(
        None,
        cached=cached(ttl=300, tags=[CacheTag.ORGANIZATION]),
        description="The organisation in which the request acts.",
    )
    async def organization(self, info: Info[Any, Any]) -> Organization:
        """Load the viewer's organisation; an edge of the root could take its id from an argument only."""
        ctx = info.context
        return Organization(row=await ctx.loaders[OrganizationById].load(ctx.organization_id))
