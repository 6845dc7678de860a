"""What is kept with a container of Azure and how far it is open, in the schema: how it is told, how it is set."""

from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from dataloaders.container_settings import FoundSettings, FoundStoredPolicy
from execution.declare import column
from maestro.public_access import PublicAccess
from schema.enums import described
from schema.nodes import RowBacked

described(
    PublicAccess,
    "What everybody may read of a container who knows its address, without signing in.",
    {"OBJECTS": "Objects whose keys they know.", "CONTAINER": "The list of its objects, and all of them."},
)


@strawberry.type(description="What shared access signatures that name a policy permit.")
class StoredAccessPolicy(RowBacked):
    """A stored policy."""

    row: strawberry.Private[FoundStoredPolicy]
    name: str = column("The name that signatures tell.")
    permissions: str | None = column("What they permit, in Azure's letters; null where each of them says so itself.")
    starts_at: datetime | None = column("From when they are good; null where each of them says so itself.")
    expires_at: datetime | None = column("Until when they are good; null where each of them says so itself.")


@strawberry.type(description="What is kept with a container of Azure, and how far it is open.")
class ContainerSettings:
    """The settings of a container."""

    row: strawberry.Private[FoundSettings]

    @strawberry.field(description="Its metadata, an object of texts.")
    def metadata(self) -> JSON:
        """Return the metadata."""
        return JSON(self.row.metadata)

    @strawberry.field(description="What everybody may read without signing in; null for nothing.")
    def public_access(self) -> PublicAccess | None:
        """Return how far it is open."""
        return self.row.public_access

    @strawberry.field(description="The stored policies, of which there are at most five.")
    def stored_policies(self) -> list[StoredAccessPolicy]:
        """Return the policies."""
        return [StoredAccessPolicy(row=one) for one in self.row.policies]

    @strawberry.field(description="The vendor's mark of exactly these settings; whoever sets others tells it.")
    def etag(self) -> str:
        """Return the mark."""
        return self.row.etag


@strawberry.input(description="All metadata of the container, in the place of those there are.")
class ContainerMetadataInput:
    """What is set."""

    metadata: JSON = strawberry.field(
        description="An object of texts: ASCII; their names of letters, digits and underscores, no digit first."
    )


@strawberry.input(description="What shared access signatures that name a policy are to permit.")
class StoredAccessPolicyInput:
    """A policy; what is left out each signature says itself."""

    name: str = strawberry.field(description="The name that signatures tell, of which there is one.")
    permissions: str | None = strawberry.field(
        default=UNSET, description="What they permit, in Azure's letters and their order, like `rl`."
    )
    starts_at: datetime | None = strawberry.field(default=UNSET, description="From when they are good.")
    expires_at: datetime | None = strawberry.field(default=UNSET, description="Until when they are good.")


@strawberry.input(
    description="How far a container is open to everybody, and all its stored policies, in the place of what is there."
)
class ContainerAccessInput:
    """What is set."""

    name: str = strawberry.field(
        description="The name of the container as the connector's settings have it, so that no other one than is meant "
        "is opened."
    )
    etag: str = strawberry.field(
        description="The etag of the settings that were read: CONFLICT when somebody has changed the container since."
    )
    public_access: PublicAccess | None = strawberry.field(
        default=UNSET, description="What everybody may read without signing in; nothing unless given."
    )
    stored_policies: list[StoredAccessPolicyInput] = strawberry.field(
        description="The stored policies, at most five. Signatures that name one that goes are good no more."
    )
