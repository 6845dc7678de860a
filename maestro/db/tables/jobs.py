"""Background jobs, what happened to them, and the backups that they made."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, one_of
from maestro.db.tables.enums import JobKind, JobState


class Job(Owned, Base):
    """A piece of durable background work and how far it has come."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        Index("ix_job_organization_id_id", "organization_id", "id"),
        Index("ix_job_state", "state", "id", postgresql_where=text("state IN ('QUEUED', 'RUNNING', 'CANCELLING')")),
        Index(
            "uq_job_organization_id_idempotency_key",
            "organization_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=JobState.QUEUED)
    phase: Mapped[str | None]
    completed: Mapped[int | None]
    total: Mapped[int | None]
    unit: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    run_after: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    input: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    result: Mapped[dict[str, Any] | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    is_retryable: Mapped[bool | None]
    idempotency_key: Mapped[str | None]


class JobEvent(Identified, Tenant, Base):
    """Something that happened to a job."""

    __tablename__ = "job_event"
    __table_args__ = (Index("ix_job_event_job_id_id", "job_id", "id"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    level: Mapped[str] = mapped_column(server_default="INFO")
    message: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class Backup(Identified, Tenant, Base):
    """A copy of the data; it counts as good only when it has been restored and compared."""

    __tablename__ = "backup"
    __table_args__ = (
        one_of("state", JobState),
        Index("ix_backup_organization_id_id", "organization_id", "id"),
    )

    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    kind: Mapped[str]
    scope: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str]
    size_bytes: Mapped[int | None]
    manifest: Mapped[dict[str, Any] | None]
    checksum: Mapped[str | None]
    location: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verified_at: Mapped[datetime | None]
    verification: Mapped[dict[str, Any] | None]
    expires_at: Mapped[datetime | None]
