"""Experiments: sets of comparable runs."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Owned, Trashable, in_use_index


class Experiment(Owned, Trashable, Base):
    """Runs that can be compared; `path` places it in a tree of virtual folders."""

    __tablename__ = "experiment"
    __table_args__ = (
        in_use_index("uq_experiment_project_id_path_name", "project_id", "path", "name", unique=True),
        in_use_index("ix_experiment_project_id_id", "project_id", "id"),
        in_use_index("ix_experiment_organization_id_id", "organization_id", "id"),
        in_use_index("ix_experiment_search", text("to_tsvector('simple', name || ' ' || description)"), using="gin"),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str]
    path: Mapped[str] = mapped_column(server_default="/")
    description: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
