"""Organisations: the tenants."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified


class Organization(Identified, Base):
    """A team with its projects, connectors and members; nothing is ever shared between two of them."""

    __tablename__ = "organization"

    slug: Mapped[str]
    name: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    quotas: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(server_default=text("1"))
