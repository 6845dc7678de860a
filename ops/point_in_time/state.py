"""What an operator wants to know of the archive: how far back, how close, how large, and what is in the way."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from maestro import clock
from maestro.archive_settings import ArchiveLevel
from ops.point_in_time.archive import Archive
from ops.point_in_time.bases import BaseBackup, bases
from ops.point_in_time.hearing import Heard
from ops.point_in_time.points import Point, points
from ops.point_in_time.reach import Reach, reach, size_of

FRESH = timedelta(seconds=10)
"""A receiver that has said nothing for longer does not run."""


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """The archive as it is now."""

    level: ArchiveLevel | None
    """None when nothing was ever received."""
    is_receiving: bool
    received_lsn: int | None
    received_at: datetime | None
    """A moment before which everything that was committed has been received."""
    lag_s: float | None
    """What a disaster at this moment would lose at most, in seconds."""
    lag_bytes: int | None
    slot_status: str | None
    held_bytes: int | None
    trouble: str | None
    reach: Reach
    bases: tuple[BaseBackup, ...]
    points: tuple[Point, ...]
    wal_bytes: int
    base_bytes: int


async def status(archive: Archive) -> ArchiveState:
    """Look at the archive, and at what its receiver has said last."""
    heard, now = Heard.told_in(archive), clock.now()
    is_fresh = heard is not None and heard.told_at is not None and now - heard.told_at < FRESH
    heard = heard or Heard(ArchiveLevel.OFF)
    known = bases(archive)
    return ArchiveState(
        level=None if heard.told_at is None else heard.level,
        is_receiving=is_fresh and heard.is_streaming,
        received_lsn=heard.received_lsn,
        received_at=heard.received_at,
        lag_s=None if heard.received_at is None else max((now - heard.received_at).total_seconds(), 0.0),
        lag_bytes=heard.lag_bytes,
        slot_status=heard.slot_status,
        held_bytes=heard.held_bytes,
        trouble=heard.trouble if is_fresh else "No receiver runs.",
        reach=await reach(archive),
        bases=tuple(known),
        points=tuple(points(archive).values()),
        wal_bytes=size_of(archive.wal),
        base_bytes=sum(base.size_bytes for base in known),
    )
