"""Registered models, their versions and the aliases that move between them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Owned, Tenant, Trashable, in_use_index, one_of
from maestro.db.tables.enums import ModelLifecycle


class RegisteredModel(Owned, Trashable, Base):
    """A model by its name; what can be deployed are its versions."""

    __tablename__ = "registered_model"
    __table_args__ = (
        in_use_index("uq_registered_model_project_id_name", "project_id", "name", unique=True),
        in_use_index("ix_registered_model_project_id_id", "project_id", "id"),
        in_use_index("ix_registered_model_organization_id_id", "organization_id", "id"),
        in_use_index(
            "ix_registered_model_search", text("to_tsvector('simple', name || ' ' || description)"), using="gin"
        ),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    task: Mapped[str | None]
    framework: Mapped[str | None]
    tags: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    last_version_number: Mapped[int] = mapped_column(server_default=text("0"))


class ModelVersion(Owned, Trashable, Base):
    """One version of a model: what was trained, by which run, and how far it has come."""

    __tablename__ = "model_version"
    __table_args__ = (
        one_of("lifecycle", ModelLifecycle),
        Index("uq_model_version_model_id_number", "model_id", "number", unique=True),
        in_use_index("ix_model_version_model_id_number", "model_id", "number"),
        # Removing a run or a file for good looks for its versions in the trash too.
        Index("ix_model_version_source_run_id", "source_run_id", postgresql_where=text("source_run_id IS NOT NULL")),
        Index(
            "ix_model_version_artifact_version_id",
            "artifact_version_id",
            postgresql_where=text("artifact_version_id IS NOT NULL"),
        ),
    )

    model_id: Mapped[UUID] = mapped_column(ForeignKey("registered_model.id", ondelete="CASCADE"))
    number: Mapped[int]
    description: Mapped[str] = mapped_column(server_default="")
    lifecycle: Mapped[str] = mapped_column(server_default=ModelLifecycle.DRAFT)
    signature: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    card: Mapped[str] = mapped_column(server_default="")
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    source_run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="SET NULL"))
    artifact_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("artifact_version.id", ondelete="SET NULL"))


class ModelAlias(Owned, Trashable, Base):
    """A name that points at one version of a model and can be moved, like `champion`."""

    __tablename__ = "model_alias"
    __table_args__ = (
        in_use_index("uq_model_alias_model_id_name", "model_id", "name", unique=True),
        Index("ix_model_alias_version_id", "version_id"),
        Index("ix_model_alias_model_id", "model_id"),
    )

    model_id: Mapped[UUID] = mapped_column(ForeignKey("registered_model.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("model_version.id", ondelete="CASCADE"))
    name: Mapped[str]
    is_protected: Mapped[bool] = mapped_column(server_default=text("false"))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    set_by_id: Mapped[UUID | None]


class ModelAliasMove(Identified, Tenant, Base):
    """One move of an alias; a null version means that it was removed."""

    __tablename__ = "model_alias_move"
    __table_args__ = (Index("ix_model_alias_move_model_id_name_at", "model_id", "name", "at"),)

    model_id: Mapped[UUID] = mapped_column(ForeignKey("registered_model.id", ondelete="CASCADE"))
    name: Mapped[str]
    version_id: Mapped[UUID | None] = mapped_column(ForeignKey("model_version.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by_id: Mapped[UUID | None]
