"""Service accounts in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.service_accounts
from dataloaders.api_keys import ApiKeysByServiceAccount
from dataloaders.memberships import MembershipsByServiceAccount
from dataloaders.service_accounts import (
    SERVICE_ACCOUNTS,
    ApiKeyCountByServiceAccount,
    ServiceAccountById,
    ServiceAccounts,
)
from execution.declare import column, many, one, page, value
from maestro.access import Permission
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from schema.actors import Actor
from schema.api_keys import ApiKey, api_key_page
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import Connection, given
from schema.filtering import DateTimeCondition, IdCondition, StringCondition, condition, filter_input, sort_input
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.nodes import Owned, by_id
from schema.outcomes import NameTaken, StaleVersion

if TYPE_CHECKING:
    from schema.memberships import Membership

ServiceAccountId = Annotated[strawberry.ID, strawberry.argument(description="The id of a ServiceAccount.")]


@strawberry.type(description="A program that acts in its own name.")
class ServiceAccount(Actor, Owned, kind=Kind.ServiceAccount):
    """A service account's row."""

    name: str = column("Its name, unique in the organisation.")
    description: str = column("What it does.")
    disabled_at: datetime | None = column("When it was switched off; null while it may act.")
    memberships: list[Annotated["Membership", strawberry.lazy("schema.memberships")]] = many(
        MembershipsByServiceAccount, description="Its roles, the first given first."
    )
    api_key_count: int = value(ApiKeyCountByServiceAccount, description="How many of its API keys work now.")
    api_keys: Connection[ApiKey] = page(
        ApiKeysByServiceAccount,
        arguments=api_key_page,
        description="Its API keys, for itself and for who manages service accounts or keys; none for others.",
    )


@filter_input("Which service accounts; all members that are given must hold.")
class ServiceAccountFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    description: StringCondition | None = condition("By description.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    disabled_at: DateTimeCondition | None = condition("By the time at which they were switched off.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


service_account_page = list_arguments(
    SERVICE_ACCOUNTS,
    ServiceAccountFilter,
    sort_input("ServiceAccountSort", SERVICE_ACCOUNTS),
    noun="service accounts",
)


@strawberry.type
class ServiceAccountQueries:
    """Root fields."""

    service_account: ServiceAccount | None = one(
        ServiceAccountById,
        key=None,
        arguments=by_id(Kind.ServiceAccount),
        description="A service account by its id.",
    )
    service_accounts: Connection[ServiceAccount] = page(
        ServiceAccounts, key=None, arguments=service_account_page, description="The organisation's service accounts."
    )


@strawberry.input(description="A new service account with its first role.")
class CreateServiceAccountInput:
    """What a service account is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the organisation.")
    role: Role = strawberry.field(description="What it may do; nobody gives what they do not hold.")
    description: str | None = strawberry.field(default=UNSET, description="What it does.")
    project_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The project that the role is for; the whole organisation unless given."
    )


@strawberry.input(description="Changes of a service account; what is left out stays as it is.")
class UpdateServiceAccountInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    description: str | None = strawberry.field(default=UNSET, description="What it does.")


@strawberry.type(description="The service account as it is after the change.")
class ServiceAccountSaved:
    """The good outcome."""

    service_account: ServiceAccount = strawberry.field(description="The service account.")


CreateServiceAccountPayload = Annotated[
    ServiceAccountSaved | NameTaken,
    strawberry.union("CreateServiceAccountPayload", description="How the creation went."),
]
UpdateServiceAccountPayload = Annotated[
    ServiceAccountSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateServiceAccountPayload", description="How the change went."),
]
SwitchServiceAccountPayload = Annotated[
    ServiceAccountSaved | StaleVersion,
    strawberry.union("SwitchServiceAccountPayload", description="How switching it on or off went."),
]


@strawberry.type
class ServiceAccountMutations:
    """Root fields."""

    @mutation(
        Permission.SERVICE_ACCOUNT_MANAGE,
        description="Create a service account with a role. It acts by API keys, which are made apart.",
    )
    async def create_service_account(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateServiceAccountInput, strawberry.argument(description="The service account.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateServiceAccountPayload:
        """Create."""
        values = given(input)
        if values.get("project_id") is not None:
            values["project_id"] = uuid_of(Kind.Project, values["project_id"], field="projectId")
        row = await resolvers.service_accounts.create(info.context, values, idempotency_key=idempotency_key)
        return ServiceAccountSaved(service_account=ServiceAccount(row=row))

    @mutation(Permission.SERVICE_ACCOUNT_MANAGE, description="Rename a service account, or describe it.")
    async def update_service_account(
        self,
        info: Info[Any, Any],
        id: ServiceAccountId,
        input: Annotated[UpdateServiceAccountInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateServiceAccountPayload:
        """Update."""
        key = uuid_of(Kind.ServiceAccount, id)
        row = await resolvers.service_accounts.update(
            info.context, key, expected_version=expected_version, changes=given(input)
        )
        return ServiceAccountSaved(service_account=ServiceAccount(row=row))

    @mutation(
        Permission.SERVICE_ACCOUNT_MANAGE,
        description="Switch a service account off: its API keys stop working at once, and nothing else of it is lost.",
    )
    async def disable_service_account(
        self, info: Info[Any, Any], id: ServiceAccountId, expected_version: ExpectedVersion = None
    ) -> SwitchServiceAccountPayload:
        """Disable."""
        key = uuid_of(Kind.ServiceAccount, id)
        row = await resolvers.service_accounts.disable(info.context, key, expected_version=expected_version)
        return ServiceAccountSaved(service_account=ServiceAccount(row=row))

    @mutation(
        Permission.SERVICE_ACCOUNT_MANAGE,
        description="Switch a service account on again: its API keys that have not ended work as before.",
    )
    async def enable_service_account(
        self, info: Info[Any, Any], id: ServiceAccountId, expected_version: ExpectedVersion = None
    ) -> SwitchServiceAccountPayload:
        """Enable."""
        key = uuid_of(Kind.ServiceAccount, id)
        row = await resolvers.service_accounts.enable(info.context, key, expected_version=expected_version)
        return ServiceAccountSaved(service_account=ServiceAccount(row=row))
