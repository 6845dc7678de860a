"""Versions of the data: how what is kept in memory is known to be still so."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base


class DataVersion(Base):
    """The version of what has a tag in an organisation, or in all where it is zero; written by triggers alone."""

    __tablename__ = "data_version"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
