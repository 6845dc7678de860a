"""What every table shares: names of constraints, column types, owner, optimistic lock and trash."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

IN_USE = text("deleted_at IS NULL")
"""The condition of every partial index on a table with a trash."""


class Base(DeclarativeBase):
    """Root of the tables; constraint names are deterministic, so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it as a plain dict
        UUID: Uuid(as_uuid=True),
        datetime: DateTime(timezone=True),
        str: Text(),
        int: BigInteger(),
        float: Double(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(Uuid(as_uuid=True)),
    }


class Identified:
    """A UUIDv7 key: unique everywhere and sorted by the time of creation."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)


class Tenant:
    """A row that belongs to one organisation."""

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), sort_order=-1)


class Owned(Identified, Tenant):
    """A row that somebody creates and changes: who, when, and the version that an update must name.

    Whoever acts is a person or a service account, so the columns that tell who refer to no single table.
    """

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(server_default=text("1"))


class Trashable:
    """A row that goes to the trash before it goes for good.

    `trashed_with_id` is the object whose deletion took this row along: restoring that object brings back what it
    took, and nothing that had been deleted before.
    """

    deleted_at: Mapped[datetime | None]
    deleted_by_id: Mapped[UUID | None]
    trashed_with_id: Mapped[UUID | None]
    purge_at: Mapped[datetime | None]


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Keep a text column to the members of an enum; unlike a native enum it can change in a transaction."""
    listed = ", ".join(f"'{member.value}'" for member in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def in_use_index(name: str, *columns: Any, unique: bool = False, where: str = "", using: str = "btree") -> Index:
    """Index only the rows outside the trash: lists never read the others, and a deleted name is free at once."""
    condition = text(f"deleted_at IS NULL AND {where}") if where else IN_USE
    parts = [text(column) if isinstance(column, str) and " " in column else column for column in columns]
    return Index(name, *parts, unique=unique, postgresql_where=condition, postgresql_using=using)
