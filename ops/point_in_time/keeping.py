"""Putting what has arrived of the log where it is kept, and removing what nobody can need any more."""

import gzip
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

from maestro import clock
from maestro.postgres.lock import FolderLock
from ops.point_in_time import programs
from ops.point_in_time.archive import PARTIAL_BASE, Archive
from ops.point_in_time.bases import BaseBackup, bases, chain
from ops.point_in_time.wal import HISTORY, PACKED, PARTIAL, SEGMENT, Segment

LEVEL: Final = 1
"""Of gzip: a segment takes it a quarter of a second, and becomes a third."""


def tidy(archive: Archive, *, most: int = 1, leave: int = 0) -> int:
    """Pack some whole segments of the stream, all but the last `leave`, and put them with the others; return how many.

    A receiver that is started again looks at what is there to know where to go on.
    """
    arrived = sorted(path for path in archive.stream.iterdir() if SEGMENT.fullmatch(path.name))
    arrived = arrived[: len(arrived) - leave]
    for path in archive.stream.glob("*.history"):
        if HISTORY.fullmatch(path.name) and not (archive.segments / path.name).exists():
            store(archive, path.name, path.read_bytes())
    is_packed = shutil.which("gzip") is not None  # with which PostgreSQL unpacks them again
    for path in arrived[:most]:
        content = content_of(path)
        if is_packed:
            store(archive, path.name + PACKED, gzip.compress(content, LEVEL, mtime=0))
        else:
            store(archive, path.name, content)
        path.unlink()
    return len(arrived[:most])


def content_of(path: Path) -> bytes:
    """Return what a file in a folder of another account holds."""
    # The folder is another account's: a link in it could lead anywhere.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()


def store(archive: Archive, name: str, content: bytes) -> None:
    """Write a file that is whole under its name, and on the disk when this returns."""
    draft, target = archive.segments / f".{name}", archive.segments / name
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o600)
        os.fchown(file.fileno(), archive.account.uid, archive.account.gid)
        os.fsync(file.fileno())
    draft.rename(target)
    folder = os.open(archive.segments, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def mend(archive: Archive, size: int) -> None:
    """Remove a file that a receiver was just making when it was killed: none would write into half a file.

    Nothing is in it yet, since files are given their full size before their content.
    """
    for path in archive.stream.glob(f"*{PARTIAL}"):
        if path.lstat().st_size != size:
            path.unlink()


def set_aside(archive: Archive) -> None:
    """Empty the stream, so that a receiver begins where its slot does; what had arrived is kept.

    After a gap, and on another timeline, a receiver would otherwise ask for what the server does not have.
    """
    if (server := archive.identity()) is not None:
        mend(archive, server.segment_bytes)
    while tidy(archive):
        pass
    for path in archive.stream.iterdir():
        if SEGMENT.match(path.name):
            store(archive, path.name, content_of(path))
        path.unlink()


async def remove_old(archive: Archive, *, keep: timedelta, is_dry_run: bool = False) -> list[BaseBackup]:
    """Remove the base backups that no moment of the last `keep` needs, and the log before the oldest one left.

    Returns what was removed, or with `is_dry_run` would be. The base backups that an incremental one rests on stay as
    long as it does, and the newest base backup always does.
    """
    known = bases(archive)
    oldest = clock.now() - keep
    needed = [base for base in known if base.stopped_at > oldest]
    # The moment `oldest` itself is reached from the one before it.
    needed += [base for base in known if base.stopped_at <= oldest][-1:]
    kept = {one.id for base in needed for one in chain(base, known)}
    removed = [base for base in known if base.id not in kept]
    if is_dry_run or not known:
        return removed
    lock = FolderLock.try_acquire(archive.base / "lock")
    if lock is None:
        return []  # one is just being made, perhaps upon one of these
    try:
        for base in reversed(removed):
            _remove_base(archive, base)
    finally:
        lock.close()
    await _remove_log(archive, min(base.start_lsn for base in known if base.id in kept))
    return removed


def _remove_base(archive: Archive, base: BaseBackup) -> None:
    # What is half gone has to look so.
    going = archive.base / f"{PARTIAL_BASE}{base.id}"
    (archive.base / base.id).rename(going)
    shutil.rmtree(going)


async def _remove_log(archive: Archive, before: int) -> None:
    """Remove the segments before a position, on every timeline."""
    server = archive.require_identity()
    first = Segment.of(before, timeline=1, size=server.segment_bytes).name(server.segment_bytes)
    cleanup = programs.find(server.major_version) / "pg_archivecleanup"
    await programs.require([cleanup, "--strip-extension=.gz", archive.segments, first])
