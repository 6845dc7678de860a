"""Who is told how jobs end."""

from datetime import datetime

from sqlalchemy import Index, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Owned, one_of
from maestro.db.tables.enums import NotificationKind


class NotificationChannel(Owned, Base):
    """An e-mail address or a webhook that is told how jobs end, with the sealed key that signs what it is sent."""

    __tablename__ = "notification_channel"
    __table_args__ = (
        one_of("kind", NotificationKind),
        Index("uq_notification_channel_organization_id_name", "organization_id", "name", unique=True),
        Index("ix_notification_channel_organization_id_id", "organization_id", "id"),
    )

    name: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    job_kinds: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """Of which jobs; an empty list stands for all."""
    on_failure: Mapped[bool] = mapped_column(server_default=true())
    on_success: Mapped[bool] = mapped_column(server_default=false())
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    key_id: Mapped[str | None]
    wrapped_key: Mapped[bytes | None]
    ciphertext: Mapped[bytes | None]
    last_sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
