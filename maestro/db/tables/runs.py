"""Runs and their params."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Owned, Trashable, in_use_index, one_of
from maestro.db.tables.enums import ParamType, RunKind, RunStatus


class Run(Owned, Trashable, Base):
    """One execution."""

    __tablename__ = "run"
    __table_args__ = (
        one_of("status", RunStatus),
        one_of("kind", RunKind),
        Index("uq_run_project_id_number", "project_id", "number", unique=True),
        in_use_index(
            "uq_run_project_id_external_id", "project_id", "external_id", unique=True, where="external_id IS NOT NULL"
        ),
        in_use_index("ix_run_organization_id_id", "organization_id", "id"),
        in_use_index("ix_run_project_id_id", "project_id", "id"),
        in_use_index("ix_run_experiment_id_id", "experiment_id", "id"),
        in_use_index("ix_run_experiment_id_status_id", "experiment_id", "status", "id"),
        in_use_index("ix_run_project_id_started_at", "project_id", "started_at", "id"),
        # Removing an experiment or a run for good looks for what belongs to it in the trash too.
        Index("ix_run_experiment_id", "experiment_id"),
        Index("ix_run_parent_id_id", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
        in_use_index("ix_run_tags", "tags", using="gin"),
        in_use_index("ix_run_search", text("to_tsvector('simple', name || ' ' || notes)"), using="gin"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    number: Mapped[int]
    name: Mapped[str]
    external_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=RunStatus.RUNNING)
    status_reason: Mapped[str | None]
    kind: Mapped[str] = mapped_column(server_default=RunKind.TRAINING)
    tags: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    config: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    source: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    environment: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    notes: Mapped[str] = mapped_column(server_default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]


class Param(Base):
    """An input of a run: the value as it was logged, as text for people and as a number for comparing.

    Organisation and project are copies of the run's, for the indexes; the one foreign key to the run covers them.
    """

    __tablename__ = "param"
    __table_args__ = (
        one_of("type", ParamType),
        Index("ix_param_number", "project_id", "key", "number", "run_id", postgresql_where=text("number IS NOT NULL")),
        Index("ix_param_text", "project_id", "key", text('left("text", 200)'), "run_id"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    project_id: Mapped[UUID]
    type: Mapped[str]
    text: Mapped[str]
    number: Mapped[float | None]
