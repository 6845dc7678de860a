"""Loaders of who is told how jobs end."""

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import NotificationChannel
from maestro.db.tables.enums import NotificationKind
from maestro.filters import ValueType
from maestro.ids import Kind

CHANNELS = Catalogue(
    table=NotificationChannel,
    document=literal_column("to_tsvector('simple', notification_channel.name || ' ' || notification_channel.address)"),
    fields={
        "id": Listed(ValueType.ID, "The channel's id.", NotificationChannel.id, kind=Kind.NotificationChannel),
        "name": Listed(ValueType.STRING, "Its name.", NotificationChannel.name),
        "kind": Listed(
            ValueType.ENUM, "By which way it tells.", NotificationChannel.kind, values=tuple(NotificationKind)
        ),
        "address": Listed(ValueType.STRING, "Where it tells.", NotificationChannel.address),
        "isEnabled": Listed(ValueType.BOOLEAN, "Whether it is in use.", NotificationChannel.is_enabled),
        "lastSentAt": Listed(
            ValueType.DATETIME, "When it last told something.", NotificationChannel.last_sent_at, is_nullable=True
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", NotificationChannel.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", NotificationChannel.updated_at),
    },
)


class NotificationChannelById(ById):
    """Channels by their id."""

    # The address of a webhook may be all that it takes to write to it.
    needs = Permission.NOTIFICATION_MANAGE
    table = NotificationChannel


class NotificationChannels(ListLoader):
    """The organisation's channels."""

    needs = Permission.NOTIFICATION_MANAGE
    catalogue = CHANNELS
