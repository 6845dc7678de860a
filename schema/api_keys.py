"""API keys in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.api_keys
from dataloaders.api_keys import API_KEYS, ApiKeyById, ProjectsByApiKey
from dataloaders.service_accounts import ServiceAccountById
from dataloaders.users import ActorById, UserById
from execution.declare import column, computed, many, one
from maestro.access import Permission
from maestro.clock import now
from maestro.ids import Kind, uuid_of
from schema.connections import given
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.nodes import ActorReference, Node, UserReference

if TYPE_CHECKING:
    from schema.projects import Project
    from schema.service_accounts import ServiceAccount

ApiKeyId = Annotated[strawberry.ID, strawberry.argument(description="The id of an ApiKey.")]


@strawberry.type(description="A key by which programs sign in. The key itself is shown once, when it is made.")
class ApiKey(Node, kind=Kind.ApiKey):
    """A key's row, which holds a hash in the place of the key."""

    name: str = column("What it is for.")
    prefix: str = column("Its first characters, by which people tell their keys apart.")
    user: UserReference | None = one(
        UserById, key="user_id", description="The person whose key it is; null for a service account's."
    )
    service_account: Annotated["ServiceAccount", strawberry.lazy("schema.service_accounts")] | None = one(
        ServiceAccountById,
        key="service_account_id",
        description="The service account whose key it is; null for a person's.",
    )
    projects: list[Annotated["Project", strawberry.lazy("schema.projects")]] | None = many(
        ProjectsByApiKey,
        description="The projects that it is limited to, those that the viewer cannot see left out; null for no limit.",
    )
    addresses: list[str] | None = column("The IP addresses and networks it may be used from; null for any.")
    is_append_only: bool = column("Whether it may log and never read.", name="appendOnly")
    created_at: datetime = column("When it was made.")
    created_by: ActorReference | None = one(ActorById, key="created_by_id", description="Who made it.")
    last_used_at: datetime | None = column("When it was last used, to the minute; null for never.")
    expires_at: datetime | None = column("When it stops working by itself; null for never.")
    revoked_at: datetime | None = column("When somebody ended it; null while nobody has.")
    rotated_from: Annotated["ApiKey", strawberry.lazy("schema.api_keys")] | None = one(
        ApiKeyById, key="rotated_from_id", description="The key that it replaces; null for a key of its own."
    )

    @computed(
        "scopes", description="The permissions that it is limited to; null for all that its bearer holds at the time."
    )
    def scopes(self) -> list[Permission] | None:
        """Return the scopes that are known."""
        return None if self.row.scopes is None else [one for one in Permission if one.value in self.row.scopes]

    @computed("revoked_at", "expires_at", description="Whether it is neither revoked nor expired.")
    def is_active(self) -> bool:
        """Look at the clock."""
        return self.row.revoked_at is None and (self.row.expires_at is None or self.row.expires_at > now())


@filter_input("Which API keys; all members that are given must hold.")
class ApiKeyFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    prefix: StringCondition | None = condition("By the first characters.")
    user: IdCondition | None = condition("By the person whose they are.")
    service_account: IdCondition | None = condition("By the service account whose they are.")
    append_only: BooleanCondition | None = condition("Those that only log, or the others.")
    is_active: BooleanCondition | None = condition("Those that are neither revoked nor expired, or the others.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    last_used_at: DateTimeCondition | None = condition("By the last use.")
    expires_at: DateTimeCondition | None = condition("By when they stop working.")
    revoked_at: DateTimeCondition | None = condition("By when they were revoked.")
    text: str | None = condition("By words of the name; the last may be unfinished.")


api_key_page = list_arguments(API_KEYS, ApiKeyFilter, sort_input("ApiKeySort", API_KEYS), noun="API keys")


@strawberry.input(
    description="A new API key. What is left out is not limited, or as in the key by which the request came."
)
class CreateApiKeyInput:
    """What a key is made of."""

    name: str = strawberry.field(description="What it is for: 1 to 200 characters.")
    service_account_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The service account whose key it is; the viewer's own unless given."
    )
    scopes: list[Permission] | None = strawberry.field(
        default=UNSET, description="The only permissions that it has, as far as its bearer holds them."
    )
    project_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="The only projects that it works in; at most 100."
    )
    addresses: list[str] | None = strawberry.field(
        default=UNSET,
        description="The only IP addresses and networks it may be used from, like 192.0.2.0/24; at most 100.",
    )
    append_only: bool = strawberry.field(
        default=False, description="Whether it may log and never read: for jobs on machines that others use too."
    )
    expires_at: datetime | None = strawberry.field(default=UNSET, description="When it stops working by itself.")
    expires_in_days: int | None = strawberry.field(
        default=UNSET, description="In how many days it stops working: 1 to 3,650, in the place of `expiresAt`."
    )


@strawberry.type(description="An API key that has just been made.")
class NewApiKey:
    """The only answer with a key in it."""

    key: str = strawberry.field(description="The key itself. It is shown this once and stored nowhere.")
    api_key: ApiKey = strawberry.field(description="What is known of it from now on.")


@strawberry.type
class ApiKeyMutations:
    """Root fields."""

    @mutation(
        None,
        description="Make an API key for oneself, or for a service account, which takes SERVICE_ACCOUNT_MANAGE or "
        "API_KEY_MANAGE. Nobody grants what they do not hold: made by a key, it reaches no further than that one.",
    )
    async def create_api_key(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="The key.")],
    ) -> NewApiKey:
        """Create."""
        made = await resolvers.api_keys.create(info.context, _read(given(input)))
        return NewApiKey(key=made.key, api_key=ApiKey(row=made.row))

    @mutation(None, description="Give an API key another name.")
    async def update_api_key(
        self,
        info: Info[Any, Any],
        id: ApiKeyId,
        name: Annotated[str, strawberry.argument(description="Its new name: 1 to 200 characters.")],
    ) -> ApiKey:
        """Rename."""
        return ApiKey(row=await resolvers.api_keys.rename(info.context, uuid_of(Kind.ApiKey, id), name))

    @mutation(
        None,
        description="Replace an API key, one's own or a service account's, by a new one with the same limits and the "
        "same end. The old one works until the overlap is over, and never longer than it would have.",
    )
    async def rotate_api_key(
        self,
        info: Info[Any, Any],
        id: ApiKeyId,
        overlap_minutes: Annotated[
            int, strawberry.argument(description="For how long both work: 0 to 10,080 minutes, a week.")
        ] = 60,
    ) -> NewApiKey:
        """Rotate."""
        made = await resolvers.api_keys.rotate(info.context, uuid_of(Kind.ApiKey, id), overlap_minutes=overlap_minutes)
        return NewApiKey(key=made.key, api_key=ApiKey(row=made.row))

    @mutation(
        None,
        description="End an API key at once: one's own, or any other with API_KEY_MANAGE. "
        "A key that was rotated from it stays good: end that too where the key has leaked.",
    )
    async def revoke_api_key(self, info: Info[Any, Any], id: ApiKeyId) -> ApiKey:
        """Revoke."""
        return ApiKey(row=await resolvers.api_keys.revoke(info.context, uuid_of(Kind.ApiKey, id)))


def _read(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the input with its ids as UUIDs."""
    account, projects = sent.get("service_account_id"), sent.get("project_ids")
    if account is not None:
        sent["service_account_id"] = uuid_of(Kind.ServiceAccount, account, field="serviceAccountId")
    if projects is not None:
        sent["project_ids"] = [uuid_of(Kind.Project, one, field="projectIds") for one in projects]
    return sent
