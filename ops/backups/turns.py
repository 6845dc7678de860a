"""Who is at work in a store of backups: blobs are not removed while a backup that may rely on them is being made.

A backup does not send a blob again that is there already. Whoever prunes must not remove it between that look and the
manifest that names it. Both leave a note first, and look for the other's then: with a store that shows at once what was
put, as folders and S3 do, at least one of the two sees the other. A backup waits while somebody prunes, and whoever
prunes leaves all blobs alone while a backup is being made. Notes of the dead grow old, and count no more.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from connectors.stores import ObjectStore
from maestro import clock
from maestro.errors import NotFound, Transient
from ops.backups.places import PARTIAL, PRUNING

MAKING: Final = timedelta(hours=24)
"""After so long a backup that was begun is taken to be given up, unless it was begun anew."""
PRUNES: Final = timedelta(minutes=10)
"""After so long without a sign whoever prunes is taken to be dead; it gives one every half minute."""
PATIENCE_S: Final = 900.0
"""How long a backup waits for whoever prunes."""
PAUSE_S: Final = 1.0


async def begin_backup(store: ObjectStore, backup_id: UUID, *, patience_s: float = PATIENCE_S) -> None:
    """Note that a backup is being made, and wait until nobody prunes any more; Transient when that lasts too long.

    To be called before the first look at the blobs, and again whenever the making goes on after a crash.
    """
    await store.put_bytes(_note(backup_id), b"")
    deadline = time.monotonic() + patience_s
    while await is_pruned(store):
        if time.monotonic() > deadline:
            await end_backup(store, backup_id)
            raise Transient("Old backups are being removed from the store, and it takes long.")
        await asyncio.sleep(min(PAUSE_S, patience_s))


async def end_backup(store: ObjectStore, backup_id: UUID) -> None:
    """Note that a backup is not being made any more: its manifest is there, or it was given up."""
    await store.delete([_note(backup_id)])


async def backups_in_the_making(store: ObjectStore) -> set[UUID]:
    """Return the backups that were begun lately and did not end."""
    since = clock.now() - MAKING
    notes = [one async for page in store.list(PARTIAL) for one in page if one.modified_at > since]
    return {found for one in notes if (found := _named(one.key)) is not None}


async def is_pruned(store: ObjectStore) -> bool:
    """Say whether somebody prunes the store."""
    try:
        return (await store.head(PRUNING)).modified_at > clock.now() - PRUNES
    except NotFound:
        return False


class Pruning:
    """The turn of whoever prunes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._shown_at: datetime | None = None

    async def begin(self) -> bool:
        """Note that blobs are going to be removed; False when a backup is being made, or somebody prunes already."""
        if await is_pruned(self._store) or await backups_in_the_making(self._store):
            return False
        await self.go_on()
        if await backups_in_the_making(self._store):
            await self.end()
            return False
        return True

    async def go_on(self) -> None:
        """Give a sign; Transient when the last one is so old that others may take this for dead."""
        now = clock.now()
        if self._shown_at is not None:
            if now - self._shown_at > PRUNES / 2:
                raise Transient("The removal of old backups was held up for long, and ends here for now.")
            if now - self._shown_at < PRUNES / 20:
                return
        await self._store.put_bytes(PRUNING, b"")
        self._shown_at = now

    async def end(self) -> None:
        """Take the note away."""
        await self._store.delete([PRUNING])
        self._shown_at = None


def _note(backup_id: UUID) -> str:
    return f"{PARTIAL}{backup_id.hex}"


def _named(key: str) -> UUID | None:
    try:
        return UUID(hex=key.removeprefix(PARTIAL).partition("/")[0])
    except ValueError:
        return None
