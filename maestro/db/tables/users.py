"""People, service accounts, their roles and keys, and how people sign in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import MembershipSource, Role, SignInWay


class User(Identified, Base):
    """A person; may be a member of several organisations. The address is what they or their provider gave: no key."""

    __tablename__ = "user"

    email: Mapped[str]
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
    created_by_id: Mapped[UUID | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    disabled_at: Mapped[datetime | None]


class Membership(Identified, Tenant, Base):
    """A role of a person or a service account, in the whole organisation or in one project; kept when it has ended."""

    __tablename__ = "membership"
    __table_args__ = (
        one_of("role", Role),
        one_of("source", MembershipSource),
        CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name="one_member"),
        Index(
            "uq_membership_member",
            "organization_id",
            "user_id",
            "service_account_id",
            "project_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    service_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("service_account.id", ondelete="CASCADE"), index=True
    )
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    source: Mapped[str] = mapped_column(server_default=MembershipSource.MANUAL)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    removed_at: Mapped[datetime | None]


class Invitation(Identified, Tenant, Base):
    """A link that makes whoever opens it a member, once; of the token only a hash is kept."""

    __tablename__ = "invitation"
    __table_args__ = (one_of("role", Role), Index("ix_invitation_organization_id_id", "organization_id", "id"))

    token_hash: Mapped[bytes] = mapped_column(unique=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]


class ApiKey(Identified, Tenant, Base):
    """A key for programs: its hash is stored, the key itself is shown once."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name="one_bearer"),
        Index("ix_api_key_organization_id_id", "organization_id", "id"),
    )

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    service_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("service_account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str] | None]
    project_ids: Mapped[list[UUID] | None]
    addresses: Mapped[list[str] | None]
    is_append_only: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    rotated_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_key.id", ondelete="SET NULL"))
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInLink(Base):
    """A link that signs its bearer in once."""

    __tablename__ = "sign_in_link"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Session(Identified, Base):
    """A browser that is signed in; its token changes from time to time, and the one before is good for a moment."""

    __tablename__ = "session"
    __table_args__ = (one_of("way", SignInWay),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id", ondelete="SET NULL"))
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    previous_hash: Mapped[bytes | None] = mapped_column(unique=True)
    way: Mapped[str]
    address: Mapped[str | None]
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    rotated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Identity(Base):
    """Who a person is at an identity provider."""

    __tablename__ = "identity"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    email: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IdempotencyKey(Tenant, Base):
    """The answer that a mutation gave under a key, so that sending it again changes nothing."""

    __tablename__ = "idempotency_key"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str]
    input_hash: Mapped[bytes]
    result_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
