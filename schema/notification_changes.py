"""Changes of notification channels in the schema."""

from typing import Annotated, Any

import strawberry
from pydantic import SecretStr
from strawberry import UNSET
from strawberry.types import Info

import resolvers.notifications
from maestro.access import Permission
from maestro.db.tables.enums import JobKind, NotificationKind
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job
from schema.notifications import ChannelId, NotificationChannel
from schema.outcomes import NameTaken, StaleVersion


@strawberry.input(description="A new channel.")
class CreateNotificationChannelInput:
    """What a channel is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the organisation.")
    kind: NotificationKind = strawberry.field(description="By which way it is told.")
    address: str = strawberry.field(description="The e-mail address, or the URL to send requests to, http or https.")
    job_kinds: list[JobKind] = strawberry.field(
        default_factory=list, description="Of which jobs it is told; of all unless given."
    )
    on_failure: bool = strawberry.field(
        default=True, description="Whether it is told of jobs that fail, or are done in part."
    )
    on_success: bool = strawberry.field(default=False, description="Whether it is told of jobs that succeed.")
    is_enabled: bool = strawberry.field(default=True, description="Whether it is in use.")
    secret: SecretStr | None = strawberry.field(
        default=UNSET, description="With what requests are signed, 16 to 1,000 characters; they are not unless given."
    )


@strawberry.input(description="Changes of a channel; what is left out stays as it is.")
class UpdateNotificationChannelInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    address: str | None = strawberry.field(
        default=UNSET, description="Where it is told from now on. With another host the secret has to be given anew."
    )
    job_kinds: list[JobKind] | None = strawberry.field(
        default=UNSET, description="Of which jobs it is told; an empty list stands for all."
    )
    on_failure: bool | None = strawberry.field(
        default=UNSET, description="Whether it is told of jobs that fail, or are done in part."
    )
    on_success: bool | None = strawberry.field(default=UNSET, description="Whether it is told of jobs that succeed.")
    is_enabled: bool | None = strawberry.field(default=UNSET, description="Whether it is in use.")
    secret: SecretStr | None = strawberry.field(
        default=UNSET, description="With what requests are signed from now on; null for nothing."
    )


@strawberry.type(description="The channel as it is after the change.")
class NotificationChannelSaved:
    """The good outcome."""

    channel: NotificationChannel = strawberry.field(description="The channel.")


CreateNotificationChannelPayload = Annotated[
    NotificationChannelSaved | NameTaken,
    strawberry.union("CreateNotificationChannelPayload", description="How the creation went."),
]
UpdateNotificationChannelPayload = Annotated[
    NotificationChannelSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateNotificationChannelPayload", description="How the change went."),
]
DeleteNotificationChannelPayload = Annotated[
    NotificationChannelSaved | StaleVersion,
    strawberry.union("DeleteNotificationChannelPayload", description="How the removal went."),
]


@strawberry.type
class NotificationMutations:
    """Root fields."""

    @mutation(
        Permission.NOTIFICATION_MANAGE,
        description="Say who is told how jobs end. Send a secret in variables: nobody can read it afterwards.",
    )
    async def create_notification_channel(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateNotificationChannelInput, strawberry.argument(description="The channel.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateNotificationChannelPayload:
        """Create."""
        values = given(input)
        row = await resolvers.notifications.create(info.context, values, idempotency_key=idempotency_key)
        return NotificationChannelSaved(channel=NotificationChannel(row=row))

    @mutation(
        Permission.NOTIFICATION_MANAGE,
        description="Change a channel. With another host in the address it has no secret any more unless that is given "
        "anew.",
    )
    async def update_notification_channel(
        self,
        info: Info[Any, Any],
        id: ChannelId,
        input: Annotated[UpdateNotificationChannelInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateNotificationChannelPayload:
        """Update."""
        key = uuid_of(Kind.NotificationChannel, id)
        row = await resolvers.notifications.change(
            info.context, key, expected_version=expected_version, changes=given(input)
        )
        return NotificationChannelSaved(channel=NotificationChannel(row=row))

    @mutation(
        Permission.NOTIFICATION_MANAGE,
        description="Remove a channel for good, its secret too. Returns what it was.",
    )
    async def delete_notification_channel(
        self, info: Info[Any, Any], id: ChannelId, expected_version: ExpectedVersion = None
    ) -> DeleteNotificationChannelPayload:
        """Delete."""
        key = uuid_of(Kind.NotificationChannel, id)
        row = await resolvers.notifications.delete(info.context, key, expected_version=expected_version)
        return NotificationChannelSaved(channel=NotificationChannel(row=row))

    @mutation(
        Permission.NOTIFICATION_MANAGE,
        description="Have a channel told that it can be told, even one that is switched off. Returns the job: it "
        "succeeds when the channel was told.",
    )
    async def test_notification_channel(self, info: Info[Any, Any], id: ChannelId) -> Job:
        """Test."""
        row = await resolvers.notifications.test(info.context, uuid_of(Kind.NotificationChannel, id))
        return Job(row=row)
