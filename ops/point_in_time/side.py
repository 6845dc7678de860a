"""A PostgreSQL of its own beside the running one, brought from a base backup to where the log leads."""

import asyncio
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from maestro.errors import BackupRefused, EmbeddedDatabaseError
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock
from maestro.postgres.process import GuardedProcess, Manner, last_words
from maestro.progress import Progress
from ops.point_in_time import programs, server
from ops.point_in_time.archive import Archive, give
from ops.point_in_time.bases import BaseBackup, bases, chain, data_of
from ops.point_in_time.targets import Plan
from ops.point_in_time.wal import position

PORT: Final = 5432
"""Of the socket's name alone: nothing listens on a port."""
LOOK_S: Final = 0.1
TRUST: Final = "local all all trust\n"
"""Whoever can enter the socket's folder, which are the account and root, can read the files as well."""
PREFIX: Final = "maestro-side-"
FETCH: Final = Path(__file__).with_name("fetch_segment.sh")
NAME: Final = "@name@"
PLACE: Final = "@place@"
LEFT_BY_BACKUP: Final = ("postmaster.pid", "postmaster.opts", "standby.signal", "recovery.signal")


@dataclass(frozen=True, slots=True)
class SideInstance:
    """A running copy of the whole server at an earlier moment, which accepts changes that nobody will miss."""

    url: str
    """Of the database that was asked for."""
    base: BaseBackup
    reached_lsn: int
    reached_at: datetime | None
    """When the last transaction ended that it has."""
    data: Path


@asynccontextmanager
async def folder_beside(archive: Archive, within: Path | None) -> AsyncIterator[Path]:
    """Give a new folder that PostgreSQL's account can enter, removed at the end; those of killed ones are, too."""
    place = within or archive.folder
    for left in place.glob(f"{PREFIX}*"):
        if (lock := FolderLock.try_acquire(left / "lock")) is not None:
            await asyncio.to_thread(shutil.rmtree, left)
            lock.close()
    folder = _new_folder(archive, place)
    archive.account.require_way_to(folder)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


def _new_folder(archive: Archive, place: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    folder.chmod(0o711 if archive.account.is_another else 0o700)
    return folder


async def lay_out(archive: Archive, base: BaseBackup, files: Files, *, progress: Progress) -> None:
    """Put the files of a base backup into a data folder, the incremental ones combined with what they rest on."""
    parts = [data_of(archive, one) for one in chain(base, bases(archive))]
    progress("Copying the base backup")
    if len(parts) > 1:
        combine = programs.find(archive.require_identity().major_version) / "pg_combinebackup"
        archive.account.own_folder(files.data)
        await programs.require([combine, *parts, "--output", files.data, "--no-sync"], account=archive.account)
        return
    archive.account.own_folder(files.data)
    # By `cp`, which shares the blocks where the file system can.
    await programs.require(["cp", "-a", f"{parts[0]}/.", files.data], account=archive.account)


def prepare(archive: Archive, files: Files, more: Iterable[Path]) -> str:
    """Make a laid out folder one that recovers when it is started, and return the command that brings its log."""
    for name in LEFT_BY_BACKUP:
        (files.data / name).unlink(missing_ok=True)
    give(files.data / "recovery.signal", archive.account)
    # What the operator has set for the running server, such as who waits for whom, is not for this one.
    give(files.data / "postgresql.auto.conf", archive.account)
    fetched = files.root / "fetched"
    archive.account.own_folder(fetched)
    script = files.root / FETCH.name
    shutil.copyfile(FETCH, script)
    script.chmod(0o644)
    hba = files.root / "pg_hba.conf"
    hba.write_text(TRUST)
    hba.chmod(0o644)
    folders = [*more, archive.segments, archive.stream]
    server = archive.identity()
    words = ["sh", script, fetched / "names", NAME, PLACE, 0 if server is None else server.segment_bytes, *folders]
    told = shlex.join(map(str, words)).replace("%", "%%")
    return told.replace(NAME, "%f").replace(PLACE, '"%p"')


@dataclass(frozen=True, slots=True)
class Recovery:
    """A prepared folder, how far it is to go, and who is to reach it then."""

    plan: Plan
    files: Files
    command: str
    """What brings a file of the log."""
    user: str = "maestro"
    is_lasting: bool = False
    """Whether the folder outlives the block."""

    @property
    def settings(self) -> dict[str, str | None]:
        """PostgreSQL's, over the usual ones."""
        lasting = "on" if self.is_lasting else "off"
        return {
            **self.plan.settings,
            "restore_command": self.command,
            "recovery_target_timeline": str(self.plan.stretch.timeline),
            "recovery_target_action": "promote",
            # Nobody reads before the end: settings that would have to be as large as the other server's need not be.
            "hot_standby": "off",
            "listen_addresses": "",
            "hba_file": str(self.files.root / "pg_hba.conf"),
            "shared_preload_libraries": "",
            "summarize_wal": None,  # which older versions do not know
            "autovacuum": lasting,
            "fsync": lasting,
            "full_page_writes": lasting,
        }


@asynccontextmanager
async def recovered(archive: Archive, recovery: Recovery, *, progress: Progress) -> AsyncIterator[SideInstance]:
    """Run PostgreSQL on a prepared folder to the target, and keep it running, open for changes, for the block.

    Raises BackupRefused when the log does not lead there after all.
    """
    files = recovery.files
    manner = Manner(recovery.settings, programs.find(archive.require_identity().major_version))
    lock = FolderLock.try_acquire(files.lock)
    if lock is None:
        raise EmbeddedDatabaseError(f"Another PostgreSQL runs in {files.root}.")
    try:
        process = GuardedProcess.launch(files, archive.account, lock=lock, port=PORT, manner=manner)
    finally:
        lock.close()
    try:
        await _wait(process, recovery, progress)
        yield await _told(process, recovery)
    finally:
        await asyncio.shield(asyncio.to_thread(process.stop))


async def _wait(process: GuardedProcess, recovery: Recovery, progress: Progress) -> None:
    """Wait for the end of the recovery, however long it takes, and tell how far it is."""
    files, stretch = recovery.files, recovery.plan.stretch
    names = files.root / "fetched" / "names"
    while (is_ready := process.is_ready(files.data)) is None:
        done = len(names.read_text().splitlines()) if names.exists() else 0
        progress("Replaying the log", min(done, stretch.segments), stretch.segments, unit="segments")
        await asyncio.sleep(LOOK_S)
    if not is_ready:
        raise BackupRefused(
            f"The log does not lead to where it should: {last_words(files)}",
            reason="CORRUPT",
            hint="Return to an earlier moment, or from another base backup, and look at the disk.",
            base=stretch.base.id,
        )


async def _told(process: GuardedProcess, recovery: Recovery) -> SideInstance:
    plan = recovery.plan
    url = f"postgresql+asyncpg://{quote(recovery.user)}@/postgres?host={process.socket_folder}&port={process.port}"
    async with server.connected(url) as connection:
        row = await connection.fetchrow(
            "SELECT pg_last_wal_replay_lsn()::text AS lsn, pg_last_xact_replay_timestamp() AS at"
        )
    # PostgreSQL does not count the very transaction after whose position it has stopped.
    at: datetime | None = plan.stretch.committed_at if plan.is_to_the_end or row is None else row["at"]
    lsn = None if row is None or row["lsn"] is None else position(row["lsn"])
    return SideInstance(
        url,
        plan.stretch.base,
        plan.stretch.base.stop_lsn if lsn is None else lsn,
        None if at is None else at.astimezone(UTC),
        recovery.files.data,
    )
