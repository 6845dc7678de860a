"""Lineage: which object came from which."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import LineageKind


class LineageEdge(Identified, Tenant, Base):
    """An arrow from where something came from to where it went; the types are names of Node types."""

    __tablename__ = "lineage_edge"
    __table_args__ = (
        one_of("kind", LineageKind),
        Index("uq_lineage_edge_from_id_to_id_kind", "from_id", "to_id", "kind", unique=True),
        Index("ix_lineage_edge_to_id", "to_id"),
    )

    from_type: Mapped[str]
    from_id: Mapped[UUID]
    to_type: Mapped[str]
    to_id: Mapped[UUID]
    kind: Mapped[str]
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
