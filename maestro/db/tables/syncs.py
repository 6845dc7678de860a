"""Syncs between two object stores: what is to be done, object by object, and what was done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, one_of
from maestro.db.tables.enums import JobState, PlanState, SyncAction, SyncItemState


class SyncPlan(Owned, Base):
    """What a sync would do: made by comparing both ends, looked at by somebody, then started or left to expire."""

    __tablename__ = "sync_plan"
    __table_args__ = (
        one_of("state", PlanState),
        Index("ix_sync_plan_organization_id_id", "organization_id", "id"),
        Index("ix_sync_plan_source_id_id", "source_id", "id"),
        Index("ix_sync_plan_target_id_id", "target_id", "id"),
    )

    source_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    target_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    state: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    summary: Mapped[dict[str, Any] | None]
    """How many objects and bytes each action concerns, with samples; None until it is ready."""
    error_message: Mapped[str | None]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class SyncItem(Tenant, Base):
    """One object of a plan, and how far the sync has come with it."""

    __tablename__ = "sync_item"
    __table_args__ = (
        one_of("action", SyncAction),
        one_of("state", SyncItemState),
        Index(
            "ix_sync_item_plan_id_pending", "plan_id", "number", postgresql_where=text("state IN ('PENDING', 'FAILED')")
        ),
    )

    plan_id: Mapped[UUID] = mapped_column(ForeignKey("sync_plan.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str]
    action: Mapped[str]
    size_bytes: Mapped[int]
    source: Mapped[dict[str, Any] | None]
    """What the source said of it when the plan was made: size, time, checksums, ETag."""
    target: Mapped[dict[str, Any] | None]
    """The same of the target; None where there was nothing."""
    state: Mapped[str] = mapped_column(server_default=SyncItemState.PENDING)
    upload: Mapped[dict[str, Any] | None]
    """How an upload in parts goes on that was broken off."""
    error: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class SyncRun(Identified, Tenant, Base):
    """One sync from a connector's store to that of another one."""

    __tablename__ = "sync_run"
    __table_args__ = (
        one_of("status", JobState),
        Index("ix_sync_run_organization_id_id", "organization_id", "id"),
        Index("ix_sync_run_connector_id_id", "connector_id", "id"),
        Index("ix_sync_run_target_id_id", "target_id", "id"),
    )

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    """The source."""
    target_id: Mapped[UUID | None] = mapped_column(ForeignKey("connector.id", ondelete="SET NULL"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("sync_plan.id", ondelete="SET NULL"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    trigger: Mapped[str]
    status: Mapped[str]
    plan: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    progress: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    stats: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    log: Mapped[str] = mapped_column(server_default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    rolled_back_at: Mapped[datetime | None]
