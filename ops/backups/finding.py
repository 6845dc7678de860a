"""Backups in a store that the database does not know: those from before it was lost, or of another folder."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from connectors.stores import read
from maestro.errors import BackupRefused, NotFound
from ops.backups.making import Destination
from ops.backups.manifest import LARGEST, Manifest, read_manifest
from ops.backups.places import BACKUPS, backup_of, manifest_of


@dataclass(frozen=True, slots=True)
class Found:
    """A backup in a store: its manifest with the SHA-256 of it as it lies there, or why it is refused."""

    backup_id: UUID
    manifest: Manifest | None
    checksum: str | None
    refusal: BackupRefused | None = None


async def backups_in(source: Destination) -> AsyncIterator[Found]:
    """Yield the backups that a store holds, those that are refused too; what is being made is left out."""
    seen: set[UUID] = set()
    async for page in source.store.list(BACKUPS):
        for one in page:
            backup_id = backup_of(one.key)
            if backup_id is None or backup_id in seen:
                continue
            seen.add(backup_id)
            found = await _found(source, backup_id)
            if found is not None:
                yield found


async def _found(source: Destination, backup_id: UUID) -> Found | None:
    try:
        content = await read(source.store, manifest_of(backup_id), limit=LARGEST)
    except NotFound:
        return None
    try:
        return Found(backup_id, read_manifest(content, source.keys), hashlib.sha256(content).hexdigest())
    except BackupRefused as refusal:
        return Found(backup_id, None, None, refusal)
