"""Files of artifacts on their way back from a backup: those that are missing, each only as what it was."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from connectors.local import LocalBlobs
from connectors.stores import CHUNK, ObjectStore
from maestro.crowd import for_each
from maestro.errors import DigestMismatch, NotFound, PayloadTooLarge
from maestro.progress import Progress, counted, untold
from maestro.threads import in_thread
from maestro.vault import MasterKeys
from ops.backups.manifest import BlobEntry, Manifest
from ops.backups.refusals import Refusal, refused
from ops.backups.sealing import open_stream

AT_ONCE: Final = 2
_OPENED: Final = "opened"


async def bring_files_back(
    manifest: Manifest,
    *,
    store: ObjectStore,
    keys: MasterKeys,
    blobs: Path,
    drafts: Path,
    progress: Progress = untold,
) -> int:
    """Store again what a backup has and the folder of files lacks, and return how many files those were.

    No file is removed, and one that is there in its size is neither read nor changed. Those that are encrypted are
    opened in the folder `drafts`. BackupRefused for one that is gone from the store or is not what its digest says.
    """
    missing = await in_thread(lambda _: list(_missing(manifest, blobs)))
    told = counted(progress, "Bringing files back", sum(blob.size for _, blob in missing))
    local = LocalBlobs(blobs)

    async def bring(one: tuple[UUID, BlobEntry]) -> None:
        organization, blob = one
        # Two organisations may have the same file, and both at the same time.
        opened = drafts / f"{blob.sha256}.{organization.hex}.{_OPENED}"
        content = plain_bytes(blob, store=store, keys=keys, opened=opened)
        try:
            await local.write(organization, content, limit=blob.size, expected=blob.sha256)
        except NotFound:
            raise refused(Refusal.TRUNCATED, f"A file of the backup is gone: {blob.key}.") from None
        except (DigestMismatch, PayloadTooLarge):
            raise refused(Refusal.CORRUPT, f"A file of the backup is not what it was: {blob.key}.") from None
        told(blob.size)

    if any(blob.is_encrypted for _, blob in missing):
        await in_thread(lambda _: drafts.mkdir(mode=0o700, parents=True, exist_ok=True))
    await for_each(missing, bring, at_once=AT_ONCE)
    return len(missing)


async def plain_bytes(
    blob: BlobEntry, *, store: ObjectStore, keys: MasterKeys, opened: Path
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file of artifacts as it lies in a backup; an encrypted one is opened in a draft, `opened`.

    NotFound when the store does not have it, BackupRefused when no key opens it.
    """
    if not blob.is_encrypted:
        async for content in store.get(blob.key):
            yield content
        return
    try:
        await open_stream(store.get(blob.key), keys, target=opened)
        async for content in _read(opened):
            yield content
    finally:
        await in_thread(lambda _: opened.unlink(missing_ok=True))


def _missing(manifest: Manifest, blobs: Path) -> Iterator[tuple[UUID, BlobEntry]]:
    for blob in manifest.blobs:
        for organization in blob.organizations:
            place = blobs / organization / blob.sha256[:2] / blob.sha256
            if not place.is_file() or place.stat().st_size != blob.size:
                yield UUID(hex=organization), blob


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while content := await in_thread(lambda _: file.read(CHUNK)):
            yield content
