"""Who is told how jobs end, in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders.notifications import CHANNELS, NotificationChannelById, NotificationChannels
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import JobKind, NotificationKind
from maestro.ids import Kind
from schema.connections import Connection
from schema.filtering import (
    BooleanCondition,
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.list_arguments import list_arguments
from schema.nodes import Owned, by_id

ChannelId = Annotated[strawberry.ID, strawberry.argument(description="The id of a NotificationChannel.")]


@strawberry.type(description="An e-mail address or a webhook that is told how jobs end.")
class NotificationChannel(Owned, kind=Kind.NotificationChannel):
    """A channel's row."""

    name: str = column("Its name, unique in the organisation.")
    address: str = column("The e-mail address, or the URL to which requests are sent.")
    on_failure: bool = column("Whether it is told of jobs that fail, or are done in part.")
    on_success: bool = column("Whether it is told of jobs that succeed.")
    is_enabled: bool = column("Whether it is in use.")
    last_sent_at: datetime | None = column("When it was last told something; null for never.")
    last_error: str | None = column("Why it could not be told the last time; null when it could.")

    @computed("kind", name="kind", description="By which way it is told.")
    def way(self) -> NotificationKind:
        """Return the column; `kind` is the kind of node in Python."""
        return NotificationKind(self.row.kind)

    @computed("job_kinds", description="Of which jobs it is told; an empty list stands for all.")
    def job_kinds(self) -> list[JobKind]:
        """Return the column as members of the enum."""
        return [JobKind(kind) for kind in self.row.job_kinds]

    @computed("ciphertext", description="Whether its requests are signed with a secret. Nobody can read that.")
    def has_secret(self) -> bool:
        """Look whether there is one."""
        return self.row.ciphertext is not None


@filter_input("Which channels; all members that are given must hold.")
class NotificationChannelFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    kind: EnumCondition[NotificationKind] | None = condition("By the way that they are told.")
    address: StringCondition | None = condition("By where they are told.")
    is_enabled: BooleanCondition | None = condition("Those that are in use, or the others.")
    last_sent_at: DateTimeCondition | None = condition("By when they were last told something.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name and the address; the last may be unfinished.")


channel_page = list_arguments(
    CHANNELS, NotificationChannelFilter, sort_input("NotificationChannelSort", CHANNELS), noun="channels"
)


@strawberry.type
class NotificationQueries:
    """Root fields."""

    notification_channel: NotificationChannel | None = one(
        NotificationChannelById,
        key=None,
        arguments=by_id(Kind.NotificationChannel),
        description="A channel by its id.",
    )
    notification_channels: Connection[NotificationChannel] = page(
        NotificationChannels,
        key=None,
        arguments=channel_page,
        description="Who is told how the organisation's jobs end.",
    )
