"""Returning to any moment: a side instance at that moment, or a new data folder in the place of a lost one."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from maestro import clock
from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import cluster
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock
from maestro.progress import Progress, untold
from ops.point_in_time import keeping, side
from ops.point_in_time.archive import Archive
from ops.point_in_time.bases import BaseBackup, verify
from ops.point_in_time.reach import reach
from ops.point_in_time.salvage import salvage
from ops.point_in_time.side import Recovery, SideInstance
from ops.point_in_time.targets import Plan, Target, plan
from ops.point_in_time.timelines import timeline_of


@asynccontextmanager
async def restore_to_time(
    archive: Archive,
    target: Target,
    *,
    database: str = "maestro",
    user: str = "maestro",
    within: Path | None = None,
    progress: Progress = untold,
) -> AsyncIterator[SideInstance]:
    """Give a side instance of the server as it was at a target, for the length of a block.

    Its URL is that of `database` in it for the account `user`, by a private socket and without a password; nothing of
    the running server is touched. Its files are in a new folder `within` another one, the archive's unless given, and
    gone after the block. Raises InvalidInput for a target out of reach, BackupRefused for a base backup or a log that
    is damaged.
    """
    planned = await _planned(archive, target)
    await verify(archive, planned.stretch.base, progress=progress)
    async with side.folder_beside(archive, within) as folder:
        files = Files(folder)
        await side.lay_out(archive, planned.stretch.base, files, progress=progress)
        command = side.prepare(archive, files, ())
        async with side.recovered(archive, Recovery(planned, files, command, user), progress=progress) as instance:
            url = make_url(instance.url).set(database=database)
            yield replace(instance, url=url.render_as_string(hide_password=False))


async def _planned(archive: Archive, target: Target) -> Plan:
    timeline, until = await timeline_of(archive, target)
    return plan(archive, target, await reach(archive, timeline=timeline), until=until)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A data folder that was made anew."""

    base: BaseBackup
    reached_lsn: int
    reached_at: datetime | None
    damaged: Path | None
    """Where the old one is now, if there was any."""


async def rebuild_data_folder(
    data_dir: Path, archive: Archive, *, target: Target | None = None, progress: Progress = untold
) -> Rebuilt:
    """Make the data folder of the embedded PostgreSQL anew, as far as the log leads unless a target is given.

    For when it is lost or damaged; it must not run. What can still be read of its log counts. Once the new one is
    whole the old one is moved aside, never removed. Raises EmbeddedDatabaseError while it runs, and what
    `restore_to_time` raises.
    """
    files = _files_of(data_dir)
    files.make(archive.account)
    lock = FolderLock.try_acquire(files.lock)
    if lock is None:
        raise EmbeddedDatabaseError(
            f"PostgreSQL runs on {files.data}.", hint="Stop the server whose data folder it is, then try again."
        )
    try:
        target = target or Target()
        await salvage(archive, files.data / "pg_wal")
        planned = await _planned(archive, target)
        await verify(archive, planned.stretch.base, progress=progress)
        instance = await _rebuild(
            archive, planned, Files(files.root.with_name("postgres.rebuilding")), progress=progress
        )
        damaged = _put_in_place(files, instance.data)
        await asyncio.to_thread(_begin_anew, archive)
        await asyncio.to_thread(cluster.prepare, files, archive.account, lock)
    finally:
        lock.close()
    return Rebuilt(instance.base, instance.reached_lsn, instance.reached_at, damaged)


def _files_of(data_dir: Path) -> Files:
    return Files(data_dir.resolve() / "postgres")


async def _rebuild(archive: Archive, planned: Plan, files: Files, *, progress: Progress) -> SideInstance:
    """Recover in a folder of its own; when this returns PostgreSQL has ended in order, and all is on the disk."""
    if files.root.exists():
        lock = FolderLock.try_acquire(files.lock)
        if lock is None:
            raise EmbeddedDatabaseError(f"The data folder is just being built anew, in {files.root}.")
        await asyncio.to_thread(shutil.rmtree, files.root)
        lock.close()
    files.make(archive.account)
    await side.lay_out(archive, planned.stretch.base, files, progress=progress)
    command = side.prepare(archive, files, ())
    recovery = Recovery(planned, files, command, is_lasting=True)
    async with side.recovered(archive, recovery, progress=progress) as instance:
        progress("Writing everything to the disk")
    return instance


def _begin_anew(archive: Archive) -> None:
    """Have the next receiver begin where the new folder does; what was after that is on a timeline that was left."""
    keeping.set_aside(archive)
    archive.state.unlink(missing_ok=True)


def _put_in_place(files: Files, rebuilt: Path) -> Path | None:
    damaged = None
    if files.data.exists():
        damaged = files.damaged(f"{clock.now():%Y%m%d%H%M%S}")
        files.data.rename(damaged)
    rebuilt.rename(files.data)
    shutil.rmtree(rebuilt.parent)
    return damaged
