"""Background jobs, what happened to them, and the schedules by which they begin."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, one_of
from maestro.db.tables.enums import CatchUp, JobKind, JobState


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
        # A schedule fires once for each of its times, however many workers look at it.
        Index(
            "uq_job_schedule_id_scheduled_for",
            "schedule_id",
            "scheduled_for",
            unique=True,
            postgresql_where=text("schedule_id IS NOT NULL"),
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
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """The higher ones of a queue go first."""
    crashes: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """How often a worker has died while it ran this attempt."""
    dispatched_at: Mapped[datetime | None]
    """When this attempt was handed to the queue; a row that waits without it is the note that it has to be."""
    worker: Mapped[str | None]
    """Which worker runs it, or ran it last."""
    cancelled_by_id: Mapped[UUID | None]
    schedule_id: Mapped[UUID | None] = mapped_column(ForeignKey("job_schedule.id", ondelete="SET NULL"))
    scheduled_for: Mapped[datetime | None]
    traceparent: Mapped[str | None]
    """What has asked for it, as W3C Trace Context names it; None for schedules."""


class JobSchedule(Owned, Base):
    """When jobs of a kind begin by themselves: a cron expression in a time zone."""

    __tablename__ = "job_schedule"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("catch_up", CatchUp),
        Index("uq_job_schedule_organization_id_name", "organization_id", "name", unique=True),
        Index("ix_job_schedule_organization_id_id", "organization_id", "id"),
        Index("ix_job_schedule_next_run_at", "next_run_at", postgresql_where=text("NOT is_paused")),
    )

    name: Mapped[str]
    kind: Mapped[str]
    cron: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    input: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    catch_up: Mapped[str] = mapped_column(server_default=CatchUp.LAST)
    is_paused: Mapped[bool] = mapped_column(server_default=false())
    next_run_at: Mapped[datetime | None]
    """The next time that has not been fired; None for a schedule that never fires again."""
    last_run_at: Mapped[datetime | None]
    """The last of its times that was fired."""


class JobEvent(Identified, Tenant, Base):
    """Something that happened to a job."""

    __tablename__ = "job_event"
    __table_args__ = (Index("ix_job_event_job_id_id", "job_id", "id"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    level: Mapped[str] = mapped_column(server_default="INFO")
    message: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
