"""People, service accounts, their roles, keys and what they did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import Role


class User(Identified, Base):
    """A person; may be a member of several organisations."""

    __tablename__ = "user"

    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime | None]


class ServiceAccount(Identified, Tenant, Base):
    """A program that acts in its own name."""

    __tablename__ = "service_account"
    __table_args__ = (Index("uq_service_account_organization_id_name", "organization_id", "name", unique=True),)

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class Membership(Identified, Tenant, Base):
    """A role of a person or a service account, in the whole organisation or in one project."""

    __tablename__ = "membership"
    __table_args__ = (
        one_of("role", Role),
        CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name="one_member"),
        Index(
            "uq_membership_member",
            "organization_id",
            "user_id",
            "service_account_id",
            "project_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    service_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("service_account.id", ondelete="CASCADE"), index=True
    )
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Identified, Tenant, Base):
    """A key for programs: its hash is stored, the key itself is shown once."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name="one_bearer"),
        Index("ix_api_key_organization_id", "organization_id"),
    )

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    service_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("service_account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes]
    scopes: Mapped[list[str] | None]
    project_ids: Mapped[list[UUID] | None]
    is_append_only: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInLink(Base):
    """A link that signs its bearer in once."""

    __tablename__ = "sign_in_link"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AuditEntry(Identified, Tenant, Base):
    """One thing that somebody did or was refused."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_organization_id", "organization_id", "id"),)

    actor_id: Mapped[UUID | None]
    actor_label: Mapped[str]
    api_key_id: Mapped[UUID | None]
    address: Mapped[str | None]
    operation: Mapped[str]
    target_id: Mapped[UUID | None]
    target_type: Mapped[str | None]
    is_allowed: Mapped[bool]
    reason: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class PersistedOperation(Identified, Tenant, Base):
    """A GraphQL document that clients name by its hash."""

    __tablename__ = "persisted_operation"
    __table_args__ = (Index("uq_persisted_operation_organization_id_sha256", "organization_id", "sha256", unique=True),)

    sha256: Mapped[str]
    name: Mapped[str | None]
    document: Mapped[str]
    client: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]


class IdempotencyKey(Tenant, Base):
    """The answer that a mutation gave under a key, so that sending it again changes nothing."""

    __tablename__ = "idempotency_key"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str]
    input_hash: Mapped[bytes]
    result_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
