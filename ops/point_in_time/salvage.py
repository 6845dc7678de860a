"""What the folder of a server that is gone still has of the log, and no receiver has got."""

import struct
from pathlib import Path
from typing import Final

from ops.point_in_time import programs, tail
from ops.point_in_time.archive import Archive
from ops.point_in_time.keeping import content_of, store
from ops.point_in_time.wal import PARTIAL, SEGMENT, Segment

HEAD: Final = struct.Struct("=HHIQ")
"""How a page of the log begins: a magic number, flags, its timeline and its position (`access/xlog_internal.h`)."""


async def salvage(archive: Archive, pg_wal: Path) -> int:
    """Copy the segments of the log that lie behind what was received, as far as they are whole; return how many.

    PostgreSQL gives old files the names of segments to come, which their first page tells. What can be read less far
    than what was received is left alone.
    """
    server = archive.identity()
    if server is None:
        return 0
    size, waldump = server.segment_bytes, programs.find(server.major_version) / "pg_waldump"
    timeline, kept = archive.newest_timeline(size), archive.kept(size)
    whole = [one.number for one, path in kept.items() if one.timeline == timeline and PARTIAL not in path.name]
    number, copied = max(whole, default=-1) + 1, 0
    if number == 0:
        number = min((one.number for one in kept if one.timeline == timeline), default=0)
    while True:
        segment = Segment(timeline, number + copied)
        path = pg_wal / segment.name(size)
        if not _is_of(path, segment, size):
            return copied
        found = await tail.read_segment(path, path.name, waldump)
        known = await tail.read_segment(kept[segment], path.name, waldump) if segment in kept else None
        if found.lsn is None or (known is not None and known.lsn is not None and known.lsn > found.lsn):
            return copied
        store(archive, path.name, content_of(path))
        copied += 1


def _is_of(path: Path, segment: Segment, size: int) -> bool:
    """Whether a file is the segment that its name says."""
    if not SEGMENT.fullmatch(path.name) or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return False
    _, _, timeline, position = HEAD.unpack(head)
    return bool(position == segment.start(size) and timeline <= segment.timeline)
