"""Taking a base backup of a running server by `pg_basebackup`, whole or what has changed since the last one."""

import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
from uuid_utils.compat import uuid7

from maestro.errors import Conflict, Transient
from maestro.postgres.lock import FolderLock
from maestro.progress import Progress, untold
from ops.point_in_time import programs, server
from ops.point_in_time.archive import PARTIAL_BASE, Archive
from ops.point_in_time.bases import BaseBackup, bases, chain, data_of, verify_folder
from ops.point_in_time.server import Server
from ops.point_in_time.wal import position

COPIED: Final = re.compile(r"^\s*(\d+)/(\d+) kB")
KILOBYTE: Final = 1024
LONGEST_CHAIN: Final = 14
"""Backups that one may consist of: each of them has to be whole, and is read when they are combined."""
INCREMENTAL_FROM: Final = 17


async def make_base_backup(
    archive: Archive,
    url: str,
    *,
    is_incremental: bool = True,
    most_kb_per_second: int | None = None,
    progress: Progress = untold,
) -> BaseBackup:
    """Copy the data folder of a running server and verify the copy.

    Incremental when that is wanted and possible: there is one to rest on, of the same server and verified when it was
    made, and the server still knows what has changed since. It exists once it is whole; what a killed one has left is
    removed by the next. Raises Conflict while another one is being made, PreflightFailed when the server does not
    grant it, BackupRefused when what was written is not what can be read.
    """
    archive.make()
    found = await server.look(url)
    archive.claim(found.identity)
    lock = FolderLock.try_acquire(archive.base / "lock")
    if lock is None:
        raise Conflict("Another base backup is being made.", hint="Wait for its end.")
    try:
        for left in archive.base.glob(f"{PARTIAL_BASE}*"):
            shutil.rmtree(left)
        parent = _parent(archive, found) if is_incremental else None
        made = await _take(archive, found, lock, parent=parent, rate=most_kb_per_second, progress=progress)
        if made is None:
            made = await _take(archive, found, lock, parent=None, rate=most_kb_per_second, progress=progress)
        if made is None:
            raise Transient("pg_basebackup has failed.")
        return made
    finally:
        lock.close()


def _parent(archive: Archive, found: Server) -> BaseBackup | None:
    known = bases(archive)
    if not (known and found.summarizes and found.identity.major_version >= INCREMENTAL_FROM):
        return None
    return known[-1] if len(chain(known[-1], known)) < LONGEST_CHAIN else None


async def _take(
    archive: Archive,
    found: Server,
    lock: FolderLock,
    *,
    parent: BaseBackup | None,
    rate: int | None,
    progress: Progress,
) -> BaseBackup | None:
    """Make one; None when the server does not know what has changed since the parent."""
    base_id, began = uuid7().hex, time.monotonic()
    folder = archive.base / f"{PARTIAL_BASE}{base_id}"
    folder.mkdir()
    folder.chmod(0o711 if archive.account.is_another else 0o700)
    data = folder / "data"
    archive.account.own_folder(data)
    started_at = await _now(found.url)
    command = [
        *(found.program("pg_basebackup"), "--pgdata", data, "--no-password", "--progress", "--verbose"),
        # Its own log comes with it, so that it is whole without the archive.
        *("--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--label", f"maestro {base_id}"),
        *([f"--max-rate={rate}"] if rate else []),
        *(["--incremental", data_of(archive, parent) / "backup_manifest"] if parent else []),
    ]
    finished = await programs.run(
        command, account=archive.account, lock=lock, environment=found.environment, told=_copied(progress)
    )
    if finished.code != 0:
        shutil.rmtree(folder)
        if parent is not None:
            return None
        raise Transient(f"`pg_basebackup` failed: {finished.last_words}")
    progress("Verifying the base backup")
    await verify_folder(data, found.program("pg_verifybackup"), base=base_id)
    made = BaseBackup(
        id=base_id,
        parent_id=None if parent is None else parent.id,
        **_log_of(data),
        started_at=started_at,
        stopped_at=await _now(found.url),
        system_identifier=found.identity.system_identifier,
        size_bytes=_size(data),
        seconds=round(time.monotonic() - began, 3),
    )
    made.write(folder)
    folder.rename(archive.base / base_id)
    return made


def _log_of(data: Path) -> dict[str, int]:
    """Return which part of the log a copy needs to become whole, as its manifest tells."""
    ranges = orjson.loads((data / "backup_manifest").read_bytes())["WAL-Ranges"]
    return {
        "timeline": ranges[-1]["Timeline"],
        "start_lsn": position(ranges[0]["Start-LSN"]),
        "stop_lsn": position(ranges[-1]["End-LSN"]),
    }


def _copied(progress: Progress) -> Callable[[str], None]:
    def told(line: str) -> None:
        if copied := COPIED.match(line):
            progress("Copying the data folder", *(int(kb) * KILOBYTE for kb in copied.groups()), unit="bytes")

    return told


async def _now(url: str) -> datetime:
    """Return the server's time, which is what commits are stamped with."""
    async with server.connected(url) as connection:
        moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment.astimezone(UTC)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
