"""The files of artifacts on their way into a store of backups: each once for all of them, and not when it is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.stores import ObjectStore
from maestro.crowd import for_each
from maestro.errors import DigestMismatch, StoreFailed
from maestro.progress import Progress, counted, untold
from ops.backups.dumping import KnownBlob
from ops.backups.manifest import BlobEntry
from ops.backups.places import BLOBS, blob_of
from ops.backups.sealing import Seal, seal_file

AT_ONCE: Final = 2
"""So many are sent at a time."""


@dataclass(slots=True)
class Blobs:
    """What became of the files: those that the backup has, how many bytes were sent, and those that are not in it."""

    entries: list[BlobEntry] = field(default_factory=list)
    sent_bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    """SHA-256s of files whose bytes are others."""
    missing: list[str] = field(default_factory=list)
    """SHA-256s of files that are not there."""


@dataclass(frozen=True, slots=True)
class Sending:
    """From where files of artifacts go to where, for whom they are encrypted, and a folder for drafts of that."""

    folder: Path
    store: ObjectStore
    seal: Seal | None
    drafts: Path


async def send_blobs(known: Sequence[KnownBlob], sending: Sending, *, progress: Progress = untold) -> Blobs:
    """Bring the files of a backup into the store; those that it has are not sent again.

    What cannot be read as what it should be is left out, and told. Raises what the store does.
    """
    there, found = await _stored(sending.store) if known else {}, Blobs()
    told = counted(progress, "Copying files of artifacts", sum(blob.size for blob in known))

    async def work(blob: KnownBlob) -> None:
        await _take(blob, sending, there=there, found=found)
        told(blob.size)

    await for_each(known, work, at_once=AT_ONCE)
    found.entries.sort(key=lambda entry: entry.sha256)
    return found


async def unsent_bytes(known: Sequence[KnownBlob], store: ObjectStore, seal: Seal | None) -> int:
    """Return how many bytes of files the store does not have yet."""
    there = await _stored(store) if known else {}
    return sum(blob.size for blob in known if _key_of(blob, seal) not in there)


def _key_of(blob: KnownBlob, seal: Seal | None) -> str:
    return blob_of(blob.sha256, seal.blob_ending if seal else "")


async def _stored(store: ObjectStore) -> dict[str, int]:
    return {one.key: one.size async for page in store.list(BLOBS) for one in page}


async def _take(blob: KnownBlob, sending: Sending, *, there: dict[str, int], found: Blobs) -> None:
    key = _key_of(blob, sending.seal)
    size = there.get(key)
    # Encrypted, it is a little longer; nothing is put under the key of a blob but the whole of it.
    if size is None or size < blob.size or (sending.seal is None and size != blob.size):
        size = await _send(blob, key, sending=sending, found=found)
        if size is None:
            return
        found.sent_bytes += size
    entry = BlobEntry(key=key, sha256=blob.sha256, size=blob.size, stored_size=size, organizations=blob.organizations)
    found.entries.append(entry)


async def _send(blob: KnownBlob, key: str, *, sending: Sending, found: Blobs) -> int | None:
    """Send one of the copies of a blob, and return its size in the store; None when none is as it should be."""
    is_damaged = False
    for organization in blob.organizations:
        path = sending.folder / organization / blob.sha256[:2] / blob.sha256
        try:
            return await _put(blob, key, path=path, sending=sending)
        except FileNotFoundError:
            continue
        except DigestMismatch:
            is_damaged = True
        except StoreFailed:
            # Whoever has just removed the file is not the store's fault.
            if await asyncio.to_thread(path.exists):
                raise
    (found.damaged if is_damaged else found.missing).append(blob.sha256)
    return None


async def _put(blob: KnownBlob, key: str, *, path: Path, sending: Sending) -> int:
    if (await asyncio.to_thread(path.stat)).st_size != blob.size:
        raise DigestMismatch(f"The file {blob.sha256} has another size.")
    if sending.seal is None:
        return (await sending.store.put_file(key, path, sha256=blob.sha256)).size
    draft = sending.drafts / blob.sha256
    try:
        sealed = await seal_file(path, draft, sending.seal)
        if sealed.plain_sha256 != blob.sha256:
            raise DigestMismatch(f"The file {blob.sha256} has another digest.")
        return (await sending.store.put_file(key, draft, sha256=sealed.sha256, consume=True)).size
    finally:
        draft.unlink(missing_ok=True)
