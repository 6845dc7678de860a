"""Making a backup: one moment of the database, and the files of artifacts that it knows, in a store."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from connectors.stores import ObjectStore, exists
from maestro.crowd import for_each
from maestro.db.tables.enums import BackupKind
from maestro.errors import MaestroError
from maestro.progress import Progress, counted, untold
from maestro.threads import in_thread
from maestro.vault import MasterKeys
from ops.backups.blobs import Blobs, Sending, send_blobs
from ops.backups.dumping import JOBS, Dump, dump
from ops.backups.manifest import FileEntry, Manifest, written
from ops.backups.opening import DUMP, manifest_in
from ops.backups.places import file_of, folder_of, manifest_of
from ops.backups.sealing import ENDING, Seal, seal_file
from ops.backups.servers import connected, transient
from ops.backups.turns import begin_backup, end_backup

WORK: Final = ".work"
"""Where a store that is a folder lets files be made that are to be moved into it."""
AT_ONCE: Final = 2
"""So many files are digested, encrypted or sent at a time."""
UNDOING_S: Final = 3.0
"""So long somebody who cancels waits for the files to be removed; the rest is done by the next try, or by a sweep."""
_GONE: Final = "SELECT sha256 FROM unnest($1::text[]) sha256 WHERE sha256 NOT IN (SELECT b.sha256 FROM public.blob b)"


@dataclass(frozen=True, slots=True)
class Installation:
    """What is backed up: the database by the URL of its owner, the folder of stored files, the version of Maestro.

    `programs` is the folder of PostgreSQL's client programs, None to look for them; `cluster` that of the server's data
    where it lies on this machine.
    """

    url: str
    blobs: Path
    version: str
    programs: Path | None = None
    cluster: Path | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where backups lie, under which keys they are signed, for whom they are encrypted, and a folder for drafts.

    The folder for drafts is not used where the store is a folder itself: it has one.
    """

    store: ObjectStore
    keys: MasterKeys
    drafts: Path
    seal: Seal | None = None

    def work_of(self, backup_id: UUID) -> Path:
        """Return the folder in which the files of a backup are made."""
        folder = self.store.folder
        return (folder / WORK if folder is not None else self.drafts) / backup_id.hex


@dataclass(frozen=True, slots=True)
class Order:
    """Which backup is to be made."""

    backup_id: UUID
    label: str = ""
    jobs: int = JOBS


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made, and nothing more: whether it is good is not known before it was verified.

    `seconds` are by step; they and the bytes that were sent are not known of one that was there already.
    """

    manifest: Manifest
    sent_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def damaged(self) -> tuple[str, ...]:
        """SHA-256s of files of artifacts that the backup has not, since their bytes are others."""
        return tuple(self.manifest.details.get("damagedBlobs", ()))

    @property
    def missing(self) -> tuple[str, ...]:
        """SHA-256s of files of artifacts that are not there, though the database knows them."""
        return tuple(self.manifest.details.get("missingBlobs", ()))

    @property
    def vanished(self) -> tuple[str, ...]:
        """SHA-256s of files of artifacts that were deleted while the backup was made."""
        return tuple(self.manifest.details.get("vanishedBlobs", ()))

    @property
    def is_whole(self) -> bool:
        """Whether it has every file that it should have."""
        return not (self.damaged or self.missing)


async def make_backup(
    order: Order, *, installation: Installation, destination: Destination, progress: Progress = untold
) -> Made:
    """Make a backup; it exists when its manifest is in the store, which is written last.

    Done again after it was cut off, even by the end of the process, it begins anew and leaves nothing behind; done
    again after it has succeeded, it returns what there is. A file of artifacts that cannot be read as what it was is
    left out, and told. Raises PreflightFailed, ProgramFailed, what the store raises, and Transient.
    """
    store = destination.store
    if await exists(store, manifest_of(order.backup_id)):
        await end_backup(store, order.backup_id)
        return Made(await manifest_in(store, order.backup_id, destination.keys))
    await discard_backup(order.backup_id, destination=destination)
    making = _Making(order, installation, destination, progress)
    async with _undone(order.backup_id, destination) as work:
        return await making.make(work)


async def discard_backup(backup_id: UUID, *, destination: Destination) -> None:
    """Remove what there is of a backup in the store and among the drafts, whole or not; other backups' files stay."""
    store = destination.store
    await in_thread(lambda _: shutil.rmtree(destination.work_of(backup_id), ignore_errors=True))
    # Without its manifest there is no backup: nobody relies on the files that go next.
    await store.delete([manifest_of(backup_id)])
    async for page in store.list(folder_of(backup_id)):
        await store.delete([found.key for found in page])
    await end_backup(store, backup_id)


@dataclass(slots=True)
class _Making:
    """A backup that is being made."""

    order: Order
    installation: Installation
    destination: Destination
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    async def make(self, work: Path) -> Made:
        with self._timed("dump"):
            dumped = await dump(
                self.installation.url,
                work / DUMP,
                programs=self.installation.programs,
                jobs=self.order.jobs,
                progress=self.progress,
            )
        with self._timed("files"):
            files = await self._send_files(work)
        with self._timed("blobs"):
            sending = Sending(self.installation.blobs, self.destination.store, self.destination.seal, work)
            blobs = await send_blobs(dumped.blobs, sending, progress=self.progress)
            vanished = await _deleted(self.installation.url, blobs.missing)
        made = Made(self._manifest(dumped, files, blobs, vanished=vanished), blobs.sent_bytes, self.seconds)
        content = written(made.manifest, self.destination.keys)
        await self.destination.store.put_bytes(manifest_of(self.order.backup_id), content)
        return made

    async def _send_files(self, work: Path) -> tuple[FileEntry, ...]:
        """Bring the dump's files into the store, one after the other out of the folder in which they were made."""
        paths = await in_thread(lambda _: sorted(path for path in (work / DUMP).iterdir() if path.is_file()))
        sent: list[FileEntry] = []
        told = counted(self.progress, "Storing the dump", len(paths), unit="files")

        async def send(path: Path) -> None:
            sent.append(await self._send_file(path))
            told(1)

        await for_each(paths, send, at_once=AT_ONCE)
        return tuple(sorted(sent, key=lambda entry: entry.path))

    async def _send_file(self, path: Path) -> FileEntry:
        store, seal = self.destination.store, self.destination.seal
        name = f"{DUMP}/{path.name}"
        if seal is None:
            stored = await store.put_file(file_of(self.order.backup_id, name), path, consume=True)
            return FileEntry(path=name, size=stored.size, sha256=str(stored.sha256))
        sealed = path.with_name(path.name + ENDING)
        passed = await seal_file(path, sealed, seal)
        await in_thread(lambda _: path.unlink())
        name += ENDING
        await store.put_file(file_of(self.order.backup_id, name), sealed, sha256=passed.sha256, consume=True)
        return FileEntry(
            path=name,
            size=passed.size,
            sha256=passed.sha256,
            plain_size=passed.plain_size,
            plain_sha256=passed.plain_sha256,
        )

    def _manifest(
        self, dumped: Dump, files: tuple[FileEntry, ...], blobs: Blobs, *, vanished: frozenset[str]
    ) -> Manifest:
        seal = self.destination.seal
        left_out = {
            "damagedBlobs": sorted(blobs.damaged),
            "missingBlobs": sorted(set(blobs.missing) - vanished),
            "vanishedBlobs": sorted(vanished),
        }
        manifest = described(
            dumped, self.order, key_id=self.destination.keys.current, app_version=self.installation.version
        )
        return replace(
            manifest,
            files=files,
            blobs=tuple(blobs.entries),
            encryption=seal.entry if seal else None,
            details={**manifest.details, **left_out},
        )

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 3)


def described(dumped: Dump, order: Order, *, key_id: str, app_version: str) -> Manifest:
    """Return what is to be known of a dump, as a manifest without any file."""
    contents = dumped.contents
    return Manifest(
        backup_id=order.backup_id,
        kind=BackupKind.FULL,
        created_at=dumped.taken_at,
        label=order.label,
        key_id=key_id,
        app_version=app_version,
        server_version=contents.server_version,
        tools={"pg_dump": dumped.programs.version, "compression": dumped.programs.compression},
        schema_revision=contents.revision or "",
        database=contents.database,
        tables=contents.tables,
        sequences=contents.sequences,
        files=(),
        details=contents.details,
    )


async def _deleted(url: str, missing: list[str]) -> frozenset[str]:
    """Return which of some files the database does not know any more: they were deleted while the backup was made."""
    if not missing:
        return frozenset()
    async with connected(url) as connection:
        with transient():
            return frozenset(row["sha256"] for row in await connection.fetch(_GONE, missing))


@asynccontextmanager
async def _undone(backup_id: UUID, destination: Destination) -> AsyncIterator[Path]:
    """Give a folder to make a backup in for the length of a block; when that fails, nothing of the backup is left."""
    work = destination.work_of(backup_id)
    is_made = False
    try:
        await begin_backup(destination.store, backup_id)
        await in_thread(lambda _: work.mkdir(mode=0o700, parents=True))
        yield work
        is_made = True
    finally:
        with suppress(MaestroError, TimeoutError):
            async with asyncio.timeout(UNDOING_S):
                if not is_made:
                    await discard_backup(backup_id, destination=destination)
                await end_backup(destination.store, backup_id)
        await in_thread(lambda _: shutil.rmtree(work, ignore_errors=True))
