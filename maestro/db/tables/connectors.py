"""Connectors to the outside world, and the runs of their syncs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, Trashable, in_use_index, one_of
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus, JobState


class Connector(Owned, Trashable, Base):
    """A database, a cloud store or a tracking server that the organisation uses; its secret is kept apart."""

    __tablename__ = "connector"
    __table_args__ = (
        one_of("kind", ConnectorKind),
        one_of("status", ConnectorStatus),
        in_use_index("uq_connector_organization_id_name", "organization_id", "name", unique=True),
        in_use_index("ix_connector_organization_id_id", "organization_id", "id"),
    )

    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    config: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(server_default=ConnectorStatus.UNTESTED)
    last_test: Mapped[dict[str, Any] | None]
    schedule: Mapped[str | None]


class ConnectorSecret(Tenant, Base):
    """The encrypted credential of a connector: under a key of its own, which the master key `key_id` wraps."""

    __tablename__ = "connector_secret"

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"), primary_key=True)
    key_id: Mapped[str]
    wrapped_key: Mapped[bytes]
    ciphertext: Mapped[bytes]
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    set_by_id: Mapped[UUID | None]


class SyncRun(Identified, Tenant, Base):
    """One sync of a connector's store."""

    __tablename__ = "sync_run"
    __table_args__ = (one_of("status", JobState), Index("ix_sync_run_connector_id_id", "connector_id", "id"))

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    trigger: Mapped[str]
    status: Mapped[str]
    plan: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    progress: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    stats: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    log: Mapped[str] = mapped_column(server_default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
