"""Named points, such as "before the migration", to which the database can be brought back."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from maestro import private_files
from maestro.errors import Conflict, InvalidInput
from ops.point_in_time import server
from ops.point_in_time.archive import Archive, read_json, write_json
from ops.point_in_time.wal import position, written

MAKE: Final = """
SELECT point.lsn::text, clock_timestamp() AS at, pg_walfile_name(point.lsn) AS file,
  pg_current_xact_id()::text AS number
FROM (SELECT pg_create_restore_point($1) AS lsn OFFSET 0) AS point
"""
"""A transaction with a number of its own: its commit brings the point to the disk, and to a synchronous receiver."""
NAME: Final = re.compile(r"[^\s\x00-\x1f'\\](?:[^\x00-\x1f'\\]{0,61}[^\s\x00-\x1f'\\])?")


@dataclass(frozen=True, slots=True)
class Point:
    """A name in the log."""

    name: str
    lsn: int
    """Behind its record."""
    at: datetime
    timeline: int


def points(archive: Archive) -> dict[str, Point]:
    """Return the named points."""
    known = read_json(archive.points) or []
    found = [
        Point(one["name"], position(one["lsn"]), datetime.fromisoformat(one["at"]), one["timeline"]) for one in known
    ]
    return {point.name: point for point in found}


async def named_point(archive: Archive, url: str, name: str) -> Point:
    """Give the present moment a name; everything committed before this returns is before the point.

    Raises InvalidInput for what is no name, Conflict for one that is taken.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput("A name has 1 to 63 characters, without quotes and backslashes.", field="name")
    archive.make()
    with private_files.locked(archive.wal):
        known = points(archive)
        if name in known:
            raise Conflict(f"There is a point {name!r} of {known[name].at:%Y-%m-%d %H:%M:%S} UTC already.")
        async with server.connected(url) as connection:
            row = await connection.fetchrow(MAKE, name)
        if row is None:
            raise Conflict("The server has given no position.")
        known[name] = Point(name, position(row["lsn"]), row["at"].astimezone(UTC), int(row["file"][:8], 16))
        write_json(archive.points, [{**asdict(one), "lsn": written(one.lsn)} for one in known.values()])
        return known[name]
