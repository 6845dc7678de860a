"""Artifacts: named files in versions over content-addressed bytes, in a folder of the server or in object stores."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, Trashable, in_use_index, one_of
from maestro.db.tables.enums import ArtifactState


class Artifact(Owned, Trashable, Base):
    """Files by a name, like a data set or a trained model; what can be read are its versions."""

    __tablename__ = "artifact"
    __table_args__ = (
        in_use_index("uq_artifact_project_id_name", "project_id", "name", unique=True),
        in_use_index("ix_artifact_project_id_id", "project_id", "id"),
        in_use_index("ix_artifact_organization_id_id", "organization_id", "id"),
        in_use_index("ix_artifact_search", text("to_tsvector('simple', name || ' ' || description)"), using="gin"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    type: Mapped[str] = mapped_column(server_default="file")
    description: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    last_version_number: Mapped[int] = mapped_column(server_default=text("0"))


class ArtifactVersion(Owned, Base):
    """One immutable set of files: open while PENDING, sealed by its digest when COMMITTED."""

    __tablename__ = "artifact_version"
    __table_args__ = (
        one_of("state", ArtifactState),
        Index("uq_artifact_version_artifact_id_number", "artifact_id", "number", unique=True),
        Index("ix_artifact_version_run_id", "run_id", postgresql_where=text("run_id IS NOT NULL")),
    )

    artifact_id: Mapped[UUID] = mapped_column(ForeignKey("artifact.id", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=ArtifactState.PENDING)
    digest: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    file_count: Mapped[int] = mapped_column(server_default=text("0"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    committed_at: Mapped[datetime | None]


class Blob(Tenant, Base):
    """Bytes by their SHA-256, stored once an organisation however many artifacts hold them."""

    __tablename__ = "blob"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ArtifactEntry(Tenant, Base):
    """A file of an artifact version."""

    __tablename__ = "artifact_entry"
    __table_args__ = (
        Index("ix_artifact_entry_organization_id_sha256", "organization_id", "sha256"),
        Index("ix_artifact_entry_connector_id", "connector_id", postgresql_where=text("connector_id IS NOT NULL")),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("artifact_version.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    media_type: Mapped[str] = mapped_column(server_default="application/octet-stream")
    connector_id: Mapped[UUID | None] = mapped_column(ForeignKey("connector.id"))
    """The store that has its bytes; None for the server's own folder."""


class ArtifactStore(Tenant, Base):
    """Where the files of a project's artifacts go: into the store of a connector, under a prefix."""

    __tablename__ = "artifact_store"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id"), index=True)
    prefix: Mapped[str] = mapped_column(server_default="")
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    set_by_id: Mapped[UUID | None]


class RemoteBlob(Tenant, Base):
    """Bytes by their SHA-256 in the store of a connector, and the key under which they are there."""

    __tablename__ = "remote_blob"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int]
    key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LooseObject(Identified, Tenant, Base):
    """An object in the store of a connector that no file has: one that is awaited until it expires, or that may go."""

    __tablename__ = "loose_object"
    __table_args__ = (
        Index("ix_loose_object_version_id_path", "version_id", "path", postgresql_where=text("version_id IS NOT NULL")),
    )

    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id", ondelete="CASCADE"), index=True)
    key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    media_type: Mapped[str] = mapped_column(server_default="application/octet-stream")
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("artifact_version.id", ondelete="SET NULL"))
    path: Mapped[str | None]
    """The file of the version that it is to become."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ArtifactAlias(Tenant, Base):
    """A name that points at one version of an artifact and can be moved, like `latest`."""

    __tablename__ = "artifact_alias"

    artifact_id: Mapped[UUID] = mapped_column(ForeignKey("artifact.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("artifact_version.id", ondelete="CASCADE"), index=True)
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    set_by_id: Mapped[UUID | None]
