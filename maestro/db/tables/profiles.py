"""Profiles of the processes of an installation, and their files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from maestro.db.tables.base import Base, Identified, Tenant, one_of
from maestro.db.tables.enums import JobState, ProfileKind


class Profile(Identified, Tenant, Base):
    """What a process of the server was seen to do for a while; also the note by which the process is asked."""

    __tablename__ = "profile"
    __table_args__ = (
        one_of("kind", ProfileKind),
        one_of("state", JobState),
        Index("ix_profile_organization_id_id", "organization_id", "id"),
    )

    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    kind: Mapped[str]
    state: Mapped[str]
    seconds: Mapped[float] = mapped_column(Double)
    """How long is looked; 0 for what takes as long as it takes."""
    target: Mapped[str]
    """Of whom it is asked: the role of a process, whichever comes first, or the name of one."""
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    process: Mapped[str | None]
    """The name of the process that has taken it up."""
    taken_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    """The last sign of life of that process."""
    delivered_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None]
    """Why the process could not do it."""
    summary: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class ProfileFile(Identified, Tenant, Base):
    """A file of a profile, whole: it has at most some megabytes, and the process that makes it may be anywhere."""

    __tablename__ = "profile_file"
    __table_args__ = (Index("uq_profile_file_profile_id_name", "profile_id", "name", unique=True),)

    profile_id: Mapped[UUID] = mapped_column(ForeignKey("profile.id", ondelete="CASCADE"))
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
