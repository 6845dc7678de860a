"""Projects: what a team works on."""

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Owned, Trashable, in_use_index


class Project(Owned, Trashable, Base):
    """Experiments, models and artifacts that belong together; numbers its runs."""

    __tablename__ = "project"
    __table_args__ = (
        in_use_index("uq_project_organization_id_name", "organization_id", "name", unique=True),
        in_use_index("uq_project_organization_id_slug", "organization_id", "slug", unique=True),
        in_use_index("ix_project_organization_id_id", "organization_id", "id"),
        in_use_index("ix_project_search", text("to_tsvector('simple', name || ' ' || description)"), using="gin"),
    )

    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    last_run_number: Mapped[int] = mapped_column(server_default=text("0"))
