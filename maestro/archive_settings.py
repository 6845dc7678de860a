"""The settings of continuous archiving, by which the database returns to any second."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class ArchiveLevel(StrEnum):
    """How the write-ahead log of PostgreSQL is kept, from what loses most in a disaster to what loses nothing."""

    OFF = "off"
    ARCHIVE = "archive"
    RECEIVER = "receiver"
    SYNCHRONOUS = "synchronous"

    @property
    def streams(self) -> bool:
        """Whether a receiver follows the log, instead of PostgreSQL handing out whole segments of it."""
        return self in (ArchiveLevel.RECEIVER, ArchiveLevel.SYNCHRONOUS)


class ArchiveSettings(BaseSettings):
    """How far back, and how closely, the database can be brought to an earlier moment."""

    wal_archive: ArchiveLevel = Field(
        default=ArchiveLevel.RECEIVER,
        description=(
            "How the write-ahead log is kept for a return to any second: `receiver` follows it, and a disaster loses "
            "a second or two; `synchronous` has every commit wait for it, and nothing is lost; `archive` stores "
            "segments once a minute, for which an embedded database has to be started anew; `off`."
        ),
    )
    archive_dir: Path | None = Field(
        default=None,
        description=(
            "Folder in which the write-ahead log (`wal/`) and base backups (`base/`) are kept; the data folder unless "
            "set. On another disk they outlive the data folder's."
        ),
    )
    wal_keep: int = Field(
        default=7, ge=1, description="Days back to which every second can be returned to; what is older is removed."
    )
