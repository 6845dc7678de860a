"""Connectors to the outside world: their settings and secrets, how they fare, and what they are used for."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, false, func, text
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


class ConnectorCheck(Identified, Tenant, Base):
    """A test of a connector: what was tried step by step, and what came of it."""

    __tablename__ = "connector_check"
    __table_args__ = (
        one_of("status", ConnectorStatus),
        Index("ix_connector_check_connector_id_id", "connector_id", "id"),
    )

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    trigger: Mapped[str]
    status: Mapped[str]
    duration_ms: Mapped[float]
    steps: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))


class ConnectorUsage(Tenant, Base):
    """How much a connector was used on a day of UTC."""

    __tablename__ = "connector_usage"

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    operations: Mapped[int] = mapped_column(server_default=text("0"))
    errors: Mapped[int] = mapped_column(server_default=text("0"))
    bytes_read: Mapped[int] = mapped_column(server_default=text("0"))
    bytes_written: Mapped[int] = mapped_column(server_default=text("0"))


class ConnectorQuery(Identified, Tenant, Base):
    """A statement that somebody had a connector's database run; what it answered is not kept."""

    __tablename__ = "connector_query"
    __table_args__ = (
        one_of("state", JobState),
        Index("ix_connector_query_connector_id_id", "connector_id", "id"),
        Index("ix_connector_query_under_way", "started_at", postgresql_where=text("ended_at IS NULL")),
    )

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"))
    started_by_id: Mapped[UUID | None]
    statement: Mapped[str]
    is_writing: Mapped[bool] = mapped_column(server_default=false())
    """Whether it was allowed to change anything."""
    state: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    row_count: Mapped[int | None]
    size_bytes: Mapped[int | None]
    is_truncated: Mapped[bool] = mapped_column(server_default=false())
    vendor_id: Mapped[str | None]
    """The vendor's own id of the query, where it has one."""
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    cancelled_by_id: Mapped[UUID | None]
    cancel_key: Mapped[str | None]
    """What its sender calls it to stop it, who does not know its id before it has ended."""
