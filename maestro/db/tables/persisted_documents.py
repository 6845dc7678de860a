"""GraphQL documents that clients name by an id, the clients that registered them, and how they are used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import DocumentKind


class PersistedDocument(Identified, Tenant, Base):
    """A document of one operation; `schema_sha256` is the schema under which it was valid when it was registered."""

    __tablename__ = "document"
    __table_args__ = (
        one_of("kind", DocumentKind),
        Index("uq_document_organization_id_sha256", "organization_id", "sha256", unique=True),
        Index("ix_document_organization_id_id", "organization_id", "id"),
    )

    sha256: Mapped[str]
    text: Mapped[str]
    name: Mapped[str | None]
    kind: Mapped[str]
    schema_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    retired_at: Mapped[datetime | None]
    retired_by_id: Mapped[UUID | None]


class DocumentClient(Tenant, Base):
    """A version of a client that has registered a document, and the id under which its requests name it."""

    __tablename__ = "document_client"
    __table_args__ = (Index("ix_document_client_organization_id_alias", "organization_id", "alias"),)

    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DocumentUsage(Tenant, Base):
    """How a client uses a document, an empty name for clients that have not registered it.

    `latencies` counts the calls by how long they took; the bounds are those of `maestro.documents.latencies`.
    """

    __tablename__ = "document_usage"

    document_id: Mapped[UUID] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(server_default=text("0"))
    errors: Mapped[int] = mapped_column(server_default=text("0"))
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    latencies: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()))
    cost_sum: Mapped[int] = mapped_column(server_default=text("0"))
    cost_max: Mapped[int] = mapped_column(server_default=text("0"))
