"""Mutations of organisations: made, renamed and switched between."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.organizations
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion
from schema.connections import given
from schema.guards import mutation
from schema.organizations import Organization
from schema.outcomes import NameTaken, StaleVersion
from schema.viewer_organizations import ViewerOrganization


@strawberry.input(description="A new organisation.")
class CreateOrganizationInput:
    """What an organisation is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters.")
    slug: str = strawberry.field(
        description="Its name in addresses: lower-case letters, digits and dashes; no other organisation of the "
        "viewer's may have it."
    )


@strawberry.input(description="Changes of the organisation; what is left out stays as it is.")
class UpdateOrganizationInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    slug: str | None = strawberry.field(
        default=UNSET, description="Its new name in addresses; no other organisation of the viewer's may have it."
    )
    settings: JSON | None = strawberry.field(default=UNSET, description="All its settings anew, by name.")


@strawberry.type(description="The organisation that was made. Name it in a request, or switch to it.")
class OrganizationCreated:
    """The good outcome."""

    organization: ViewerOrganization = strawberry.field(description="The organisation; the viewer owns it.")


@strawberry.type(description="The organisation as it is after the change.")
class OrganizationSaved:
    """The good outcome."""

    organization: Organization = strawberry.field(description="The organisation.")


@strawberry.type(description="Where the session acts from now on.")
class OrganizationSwitched:
    """The good outcome."""

    organizations: list[ViewerOrganization] = strawberry.field(
        description="The viewer's organisations; the next request of the session acts in the current one."
    )


CreateOrganizationPayload = Annotated[
    OrganizationCreated | NameTaken,
    strawberry.union("CreateOrganizationPayload", description="How the creation went."),
]
UpdateOrganizationPayload = Annotated[
    OrganizationSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateOrganizationPayload", description="How the change went."),
]


@strawberry.type
class OrganizationMutations:
    """Root fields."""

    @mutation(
        None,
        description="Create an organisation that the viewer owns. For people, in a session or with a key without "
        "limits, where the server's settings allow it.",
    )
    async def create_organization(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateOrganizationInput, strawberry.argument(description="The organisation.")],
    ) -> CreateOrganizationPayload:
        """Create; sent again, it is answered that the slug is taken."""
        row = await resolvers.organizations.create(info.context, name=input.name, slug=input.slug)
        return OrganizationCreated(organization=ViewerOrganization(row=row))

    @mutation(Permission.ORGANIZATION_UPDATE, description="Change the organisation in which the request acts.")
    async def update_organization(
        self,
        info: Info[Any, Any],
        input: Annotated[UpdateOrganizationInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateOrganizationPayload:
        """Update."""
        row = await resolvers.organizations.update(
            info.context, expected_version=expected_version, changes=given(input)
        )
        return OrganizationSaved(organization=Organization(row=row))

    @mutation(
        None,
        description="Let the viewer's session act in another of their organisations from now on. A single request "
        "names one by the header `X-Maestro-Organization`.",
    )
    async def switch_organization(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of one of the viewer's Organizations.")],
    ) -> OrganizationSwitched:
        """Switch."""
        rows = await resolvers.organizations.switch(info.context, uuid_of(Kind.Organization, id))
        return OrganizationSwitched(organizations=[ViewerOrganization(row=row) for row in rows])
