"""What was done and refused: a log that only grows, each row sealed with the hash of the one before."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import ActorKind


class AuditEntry(Identified, Tenant, Base):
    """One thing that somebody did or was refused; `seq`, `at`, `prev_hash` and `hash` are set by a trigger."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        one_of("actor_kind", ActorKind),
        Index("uq_audit_entry_organization_id_seq", "organization_id", "seq", unique=True),
        Index("ix_audit_entry_organization_id_id", "organization_id", "id"),
        Index("ix_audit_entry_target_id", "target_id", postgresql_where=text("target_id IS NOT NULL")),
    )

    organization_id: Mapped[UUID] = mapped_column(
        # An organisation cannot go and take along what was done in it.
        ForeignKey("organization.id", ondelete="RESTRICT"),
        sort_order=-1,
    )
    seq: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor_id: Mapped[UUID | None]
    actor_kind: Mapped[str | None]
    actor_label: Mapped[str]
    api_key_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    address: Mapped[str | None]
    operation: Mapped[str]
    operation_name: Mapped[str | None]
    target_type: Mapped[str | None]
    target_id: Mapped[UUID | None]
    is_allowed: Mapped[bool]
    code: Mapped[str | None]
    reason: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(Base):
    """The last row of an organisation's log; written by the trigger alone."""

    __tablename__ = "audit_head"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="RESTRICT"), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]
