"""A backup as it is restored: checked, decrypted, and with its dump as files of this machine."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from connectors.stores import ObjectStore, digest_of, download, read
from maestro.crowd import for_each
from maestro.errors import BackupRefused, DigestMismatch, NotFound
from maestro.progress import Progress, counted, untold
from maestro.threads import Told, in_thread
from maestro.vault import MasterKeys
from ops.backups.manifest import LARGEST, FileEntry, Manifest, read_manifest
from ops.backups.places import file_of, manifest_of
from ops.backups.refusals import Refusal, refused
from ops.backups.sealing import ENDING, open_file, open_stream

DUMP: Final = "dump"
"""What the paths of the dump's files begin with in a backup."""
BEGINNING: Final = 64 * 1024
"""Bytes in which there is all that says for whom a file is encrypted."""
AT_ONCE: Final = 2
"""So many files are fetched and decrypted at a time."""


@dataclass(frozen=True, slots=True)
class OpenedBackup:
    """A backup to be restored: what it is, and the folder with its dump, plain and as pg_restore reads it."""

    manifest: Manifest
    dump: Path


async def manifest_in(
    store: ObjectStore, backup_id: UUID, keys: MasterKeys, *, accept_foreign: bool = False
) -> Manifest:
    """Return the manifest of a backup in a store; BackupRefused as of `read_manifest`, TRUNCATED when there is none."""
    try:
        content = await read(store, manifest_of(backup_id), limit=LARGEST)
    except NotFound:
        raise refused(Refusal.INCOMPLETE, "There is no manifest in the store: the backup was never finished.") from None
    found = read_manifest(content, keys, accept_foreign=accept_foreign)
    if found.backup_id != backup_id:
        raise refused(Refusal.CORRUPT, "The manifest in the place of this backup is that of another one.")
    return found


async def require_keys(manifest: Manifest, *, store: ObjectStore, keys: MasterKeys) -> None:
    """Raise BackupRefused with WRONG_KEY unless each encrypted file of a backup opens; their beginnings tell."""

    async def look(file: FileEntry) -> None:
        beginning = store.get(file_of(manifest.backup_id, file.path), end=BEGINNING)
        try:
            async with aclosing(beginning):
                await open_stream(beginning, keys)
        except BackupRefused as refusal:
            # Cut off as it is, it cannot be whole.
            if refusal.details["reason"] == Refusal.WRONG_KEY:
                raise

    await for_each([file for file in manifest.files if file.path.endswith(ENDING)], look, at_once=AT_ONCE)


@asynccontextmanager
async def opened(
    manifest: Manifest, *, store: ObjectStore, keys: MasterKeys, folder: Path, progress: Progress = untold
) -> AsyncIterator[OpenedBackup]:
    """Give the dump of a backup for the length of a block, every file of it being what the manifest says.

    Where it lies plain in a folder of this machine it is read there, else it is fetched and decrypted into `folder`,
    which is made, and removed at the end. BackupRefused: TRUNCATED, CORRUPT, WRONG_KEY; and what the store raises.
    """
    files = [file for file in manifest.files if file.path.startswith(f"{DUMP}/")]
    told = counted(progress, "Reading the dump", sum(file.size for file in files))
    opening = _Opening(manifest, store, keys, folder, told)
    local = store.folder
    if local is not None and manifest.encryption is None:
        await for_each(files, opening.check, at_once=AT_ONCE)
        yield OpenedBackup(manifest, local / file_of(manifest.backup_id, DUMP))
        return
    try:
        await in_thread(lambda _: _made_anew(folder))
        await for_each(files, opening.fetch, at_once=AT_ONCE)
        yield OpenedBackup(manifest, folder / DUMP)
    finally:
        await in_thread(lambda _: shutil.rmtree(folder, ignore_errors=True))


@dataclass(frozen=True, slots=True)
class _Opening:
    manifest: Manifest
    store: ObjectStore
    keys: MasterKeys
    folder: Path
    told: Told

    async def check(self, file: FileEntry) -> None:
        """Look at a file where it lies."""
        with _gone(file):
            found = await digest_of(self.store, file_of(self.manifest.backup_id, file.path), told=self.told)
        if found != (file.sha256, file.size):
            raise _changed(file)

    async def fetch(self, file: FileEntry) -> None:
        """Bring a file here, and decrypt it if need be."""
        place = self.folder / file.path
        try:
            with _gone(file):
                await download(
                    self.store,
                    file_of(self.manifest.backup_id, file.path),
                    place,
                    sha256=file.sha256,
                    told=self.told,
                )
        except DigestMismatch:
            raise _changed(file) from None
        if file.plain_sha256 is None:
            return
        passed = await open_file(place, place.with_name(place.name.removesuffix(ENDING)), self.keys)
        await in_thread(lambda _: place.unlink())
        if passed.plain_sha256 != file.plain_sha256:
            raise _changed(file)


def _made_anew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / DUMP).mkdir(mode=0o700, parents=True)


@contextmanager
def _gone(file: FileEntry) -> Iterator[None]:
    try:
        yield
    except NotFound:
        raise refused(Refusal.TRUNCATED, f"A file of the backup is gone: {file.path}.") from None


def _changed(file: FileEntry) -> BackupRefused:
    return refused(Refusal.CORRUPT, f"A file of the backup is not what it was: {file.path}.")
