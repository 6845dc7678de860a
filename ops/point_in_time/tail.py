"""The end of the log that is kept: the last whole record, and the last commit, as `pg_waldump` reads them."""

import gzip
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ops.point_in_time import programs
from ops.point_in_time.archive import Archive
from ops.point_in_time.wal import PACKED, Segment, position

RECORD: Final = re.compile(r"len \(rec/tot\): +\d+/ *(?P<length>\d+), .*?lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), prev ")
ALIGNED: Final = 8
ENDED: Final = re.compile(
    r"desc: (?:COMMIT|ABORT)\w*(?: PREPARED)?(?: \d+:)? (?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)
LOOKED_AT: Final = 64
"""Segments that are searched for a commit before we give up: one GB in which nothing was committed."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a stretch of the log ends."""

    lsn: int | None
    """Of the last record that is whole."""
    end: int | None
    """Behind it, at the least."""
    committed_at: datetime | None
    """When the last transaction before it ended."""


async def read(archive: Archive, way: list[Segment], *, size: int, waldump: Path) -> Tail:
    """Return the end of a way all of whose segments are kept; it is read backwards to the last commit."""
    kept, last = archive.kept(size), Tail(None, None, None)
    for segment in reversed(way[-LOOKED_AT:]):
        found = await read_segment(kept[segment], segment.name(size), waldump)
        last = found if last.lsn is None else replace(last, committed_at=found.committed_at)
        if last.committed_at is not None:
            break
    return last


async def read_segment(path: Path, name: str, waldump: Path) -> Tail:
    """Return the end of what one file holds of the log, under the name of its segment."""
    printed = await _records(path, name, waldump)
    records = list(RECORD.finditer(printed))
    ends = list(ENDED.finditer(printed))
    lsn = position(records[-1]["lsn"]) if records else None
    length = int(records[-1]["length"]) if records else 0
    return Tail(
        lsn,
        None if lsn is None else (lsn + length + ALIGNED - 1) // ALIGNED * ALIGNED,
        _moment(ends[-1]["at"]) if ends else None,
    )


async def first_commit(path: Path, name: str, waldump: Path, *, after: int) -> datetime | None:
    """Return when the first transaction behind a position ended, within one file."""
    for line in (await _records(path, name, waldump)).splitlines():
        record, ended = RECORD.search(line), ENDED.search(line)
        if record is not None and ended is not None and position(record["lsn"]) >= after:
            return _moment(ended["at"])
    return None


async def _records(path: Path, name: str, waldump: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="maestro-wal-") as folder:
        # A copy: the partial file of a receiver grows, and pg_waldump knows no other names than PostgreSQL's.
        unpack(path, Path(folder, name))
        # It complains at the end of what was received, which is where we want to get.
        return (await programs.ask([waldump, "--path", folder, name])).output


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unpack(path: Path, target: Path) -> None:
    """Copy a segment to where it is read, unpacked; OSError or EOFError when it is damaged."""
    with gzip.open(path) if path.suffix == PACKED else path.open("rb") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
