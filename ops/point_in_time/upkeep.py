"""What has to be done of itself from time to time: a base backup when one is due, and the end of what is too old."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from maestro import clock
from maestro.progress import Progress, untold
from ops.point_in_time.archive import Archive
from ops.point_in_time.bases import BaseBackup, bases
from ops.point_in_time.keeping import remove_old
from ops.point_in_time.reach import reach
from ops.point_in_time.taking import make_base_backup

EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upkept:
    """What was done."""

    made: BaseBackup | None
    removed: tuple[BaseBackup, ...]


async def keep_up(
    archive: Archive, url: str, *, keep: timedelta, every: timedelta = EVERY, progress: Progress = untold
) -> Upkept:
    """Make a base backup if one is due, and remove what no moment of the last `keep` needs.

    One is due when there is none, when the newest is older than `every`, and at once behind a gap in the log: until
    then nothing that is written can be brought back.
    """
    made = None
    if await is_due(archive, every=every):
        made = await make_base_backup(archive, url, progress=progress)
    return Upkept(made, tuple(await remove_old(archive, keep=keep)))


async def is_due(archive: Archive, *, every: timedelta = EVERY) -> bool:
    """Return whether a base backup is to be made."""
    known = bases(archive)
    if not known or clock.now() - known[-1].stopped_at >= every:
        return True
    server = archive.require_identity()
    found = await reach(archive)
    newest = next((one for one in found.stretches if one.base == known[-1]), None)
    if newest is None:
        return True  # of a timeline that was left
    way = archive.way(newest.timeline, start=newest.base.start_lsn, size=server.segment_bytes)
    return newest.segments < len(way)
