"""Backups and restores."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import BackupKind, JobState


class Backup(Identified, Tenant, Base):
    """A copy of the data; it counts as good only when it has been restored and compared."""

    __tablename__ = "backup"
    __table_args__ = (
        one_of("kind", BackupKind),
        one_of("state", JobState),
        Index("ix_backup_organization_id_id", "organization_id", "id"),
    )

    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    kind: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    scope: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str]
    size_bytes: Mapped[int | None]
    manifest: Mapped[dict[str, Any] | None]
    checksum: Mapped[str | None]
    """The SHA-256 of the signed manifest, in lower-case hexadecimal."""
    location: Mapped[str | None]
    schema_revision: Mapped[str | None]
    is_encrypted: Mapped[bool] = mapped_column(server_default=false())
    is_protected: Mapped[bool] = mapped_column(server_default=false())
    """Whether no retention removes it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    verification: Mapped[dict[str, Any] | None]
    expires_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """When its files were removed; the row stays, to tell what there was."""


class Restore(Identified, Tenant, Base):
    """The return to a backup or to a point in time: what was done, how long it took, and the way back."""

    __tablename__ = "restore"
    __table_args__ = (
        one_of("state", JobState),
        Index("ix_restore_organization_id_id", "organization_id", "id"),
    )

    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    backup_id: Mapped[UUID | None] = mapped_column(ForeignKey("backup.id", ondelete="SET NULL"))
    safety_backup_id: Mapped[UUID | None] = mapped_column(ForeignKey("backup.id", ondelete="SET NULL"))
    scope: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    target_time: Mapped[datetime | None]
    """The point in time that was asked for; None for the state of the backup."""
    is_dry_run: Mapped[bool] = mapped_column(server_default=false())
    state: Mapped[str]
    verification: Mapped[dict[str, Any] | None]
    timings: Mapped[dict[str, Any] | None]
    """Seconds by step, and `unavailable` for how long nobody was answered."""
    kept_database: Mapped[str | None]
    """The name of the database that was replaced, while it is kept."""
    kept_until: Mapped[datetime | None]
    rolled_back_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
