"""Backups that are removed from a store, with the blobs that no other backup needs, and a receipt for it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

import orjson

from connectors.stores import ObjectStore, StoredObject, read
from maestro import clock
from maestro.crowd import for_each
from maestro.errors import NotFound
from maestro.progress import Progress, untold
from ops.backups.manifest import FORMAT, LARGEST, VERSION
from ops.backups.places import BACKUPS, BLOBS, backup_of, manifest_of
from ops.backups.turns import Pruning, backups_in_the_making

GRACE: Final = timedelta(hours=24)
"""What was written so lately is left alone: it may belong to a backup of which nobody has told yet."""
BATCH: Final = 500
"""So many blobs are removed between two signs of life."""
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed of a backup's own files; `is_leftover` for one that never came to its end."""

    backup_id: UUID
    objects: int
    size_bytes: int
    is_leftover: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed, or would be by a dry run; `blobs_kept` says why no blob was looked at, where that is so."""

    is_dry_run: bool
    backups: tuple[Removed, ...] = ()
    blobs: int = 0
    blob_bytes: int = 0
    blobs_kept: str | None = None

    @property
    def size_bytes(self) -> int:
        """The bytes that are free now."""
        return self.blob_bytes + sum(one.size_bytes for one in self.backups)


@dataclass(slots=True)
class _Found:
    keys: list[str] = field(default_factory=list)
    size_bytes: int = 0
    newest: datetime | None = None


async def prune(
    store: ObjectStore,
    remove: Collection[UUID],
    *,
    making: Collection[UUID] = (),
    is_dry_run: bool = False,
    grace: timedelta = GRACE,
    progress: Progress = untold,
) -> Receipt:
    """Remove some backups, what is left of others that never came to their end, and blobs that no backup needs.

    Which ones go is decided by `judge`, and not looked at again here; those in `making`, or noted as such in the store,
    stay in any case. A manifest goes first: whenever this is killed, each backup is whole or there is none, and the
    next call removes the rest. Blobs stay while a backup is being made, or while a manifest cannot be read.
    """
    since, busy = clock.now() - grace, {*making, *await backups_in_the_making(store)}
    found = await _survey(store)
    doomed = {id_: one for id_, one in found.items() if id_ in remove and id_ not in busy}
    leftovers = {
        id_: one
        for id_, one in found.items()
        if id_ not in remove and id_ not in busy and _is_leftover(id_, one, since)
    }
    removed: list[Removed] = []
    for backup_id, one in {**doomed, **leftovers}.items():
        progress("Removing backups", len(removed), len(doomed) + len(leftovers), unit="backups")
        if not is_dry_run:
            await store.delete([manifest_of(backup_id)])
            await store.delete(one.keys)
        removed.append(Removed(backup_id, len(one.keys), one.size_bytes, is_leftover=backup_id in leftovers))
    if is_dry_run:
        blobs, reason = await _unneeded(store, without=doomed, since=since)
    else:
        blobs, reason = await _remove_blobs(store, since, progress)
        await store.tidy()
    return Receipt(is_dry_run, tuple(removed), len(blobs), sum(one.size for one in blobs), reason)


async def _survey(store: ObjectStore) -> dict[UUID, _Found]:
    found: dict[UUID, _Found] = {}
    async for page in store.list(BACKUPS):
        for one in page:
            if (backup_id := backup_of(one.key)) is None:
                continue
            seen = found.setdefault(backup_id, _Found())
            seen.keys.append(one.key)
            seen.size_bytes += one.size
            seen.newest = max(seen.newest or one.modified_at, one.modified_at)
    return found


def _is_leftover(backup_id: UUID, found: _Found, since: datetime) -> bool:
    return manifest_of(backup_id) not in found.keys and found.newest is not None and found.newest < since


async def _remove_blobs(
    store: ObjectStore, since: datetime, progress: Progress
) -> tuple[list[StoredObject], str | None]:
    turn = Pruning(store)
    if not await turn.begin():
        return [], "A backup is being made, or somebody else removes old ones."
    try:
        blobs, reason = await _unneeded(store, without=(), since=since, turn=turn)
        waiting, done = iter(blobs), 0
        while some := list(islice(waiting, BATCH)):
            await turn.go_on()
            await store.delete(one.key for one in some)
            done += len(some)
            progress("Removing files of artifacts that no backup needs", done, len(blobs), unit="files")
        return blobs, reason
    finally:
        await turn.end()


async def _unneeded(
    store: ObjectStore, *, without: Iterable[UUID], since: datetime, turn: Pruning | None = None
) -> tuple[list[StoredObject], str | None]:
    """Return the blobs that no backup needs, but some that have just been written; none when a backup is not clear."""
    needed: set[str] = set()
    unclear: list[str] = []
    gone = {manifest_of(backup_id) for backup_id in without}
    listed = [one.key async for page in store.list(BACKUPS) for one in page]
    manifests = [key for key in listed if _is_manifest(key) and key not in gone]

    async def look(key: str) -> None:
        if turn is not None:
            await turn.go_on()
        try:
            blobs = _blobs_of(await read(store, key, limit=LARGEST))
        except NotFound:
            return  # somebody has just removed it
        if blobs is None:
            unclear.append(key)
        else:
            needed.update(blobs)

    await for_each(manifests, look, at_once=AT_ONCE)
    if unclear:
        return [], f"It is not clear which files of artifacts the backup of {unclear[0]} needs."
    found = [one async for page in store.list(BLOBS) for one in page]
    return [one for one in found if one.key not in needed and one.modified_at < since], None


def _is_manifest(key: str) -> bool:
    backup_id = backup_of(key)
    return backup_id is not None and key == manifest_of(backup_id)


def _blobs_of(content: bytes) -> list[str] | None:
    """Return the blobs that a manifest names, whoever wrote it; None when it cannot be read."""
    try:
        found = orjson.loads(content)
        if (found["format"], found["version"]) != (FORMAT, VERSION):
            return None
        return [str(blob["key"]) for blob in found["blobs"]]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return None
