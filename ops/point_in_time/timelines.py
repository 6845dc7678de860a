"""On which timeline a target lies: a data folder that was built anew goes on upon another one."""

from datetime import UTC, datetime

from ops.point_in_time import programs, tail
from ops.point_in_time.archive import Archive
from ops.point_in_time.points import points
from ops.point_in_time.targets import Target
from ops.point_in_time.wal import Segment, branches, position


async def timeline_of(archive: Archive, target: Target) -> tuple[int, datetime | None]:
    """Return the timeline of a target, and when the next one began, if any.

    A moment lies on the timeline that was lived on then, though a later return may have left it at an earlier one.
    A position is looked for along the way to the newest timeline.
    """
    server = archive.identity()
    if server is None or target.timeline is not None:
        return target.timeline or 1, None
    newest = archive.newest_timeline(server.segment_bytes)
    if target.name is not None:
        point = points(archive).get(target.name)
        return (newest if point is None else point.timeline), None
    if target.lsn is not None:
        return _at(archive, target.lsn, newest), None
    return (newest, None) if target.time is None else await _at_time(archive, target.time, newest)


def _at(archive: Archive, text: str, newest: int) -> int:
    try:
        lsn = position(text)
    except ValueError:
        return newest  # refused by whoever plans
    ways = branches(newest, archive.history(newest))
    return next(way.timeline for way in ways if way.until is None or lsn <= way.until)


async def _at_time(archive: Archive, time: datetime, newest: int) -> tuple[int, datetime | None]:
    following: datetime | None = None
    for timeline in range(newest, 1, -1):
        began = await _began(archive, timeline)
        if began is not None and time >= began:
            return timeline, following
        following = began or following
    return 1, following


async def _began(archive: Archive, timeline: int) -> datetime | None:
    """Return when the first transaction ended on a timeline; when it became known while there was none."""
    server = archive.require_identity()
    ways = branches(timeline, archive.history(timeline))
    if len(ways) < 2 or (left := ways[-2].until) is None:  # noqa: PLR2004 - where it comes from, and itself
        return None
    kept = archive.kept(server.segment_bytes)
    segment = Segment.of(left, timeline=timeline, size=server.segment_bytes)
    if segment in kept:
        waldump = programs.find(server.major_version) / "pg_waldump"
        name = segment.name(server.segment_bytes)
        if (first := await tail.first_commit(kept[segment], name, waldump, after=left)) is not None:
            return first
    path = next(folder / f"{timeline:08X}.history" for folder in (archive.segments, archive.stream))
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
