"""A sync carried out: objects copied side by side, then what is too much removed, and all of it counted."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from connectors.stores.capability import StoredObject
from maestro.clock import now
from maestro.crowd import for_each_coming
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import SyncAction, SyncItemState
from maestro.errors import DigestMismatch, MaestroError
from maestro.progress import Progress
from maestro.sync_options import SyncOptions
from ops.syncs import records
from ops.syncs.ends import Ends
from ops.syncs.ledger import COPIED, Ledger
from ops.syncs.planning import known_of
from ops.syncs.room import require_room
from ops.syncs.sending import Means, Sent, Task, gone
from ops.syncs.throttling import Bandwidth, Memory
from ops.syncs.transferring import transfer

TRIES: Final = 3
FIRST_PAUSE_S: Final = 0.2
SUSPICIOUS: Final = 50
"""After so many failures without a success in between it is looked whether the stores can be reached at all."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sync to be carried out: its rows, both ends, and what it is told."""

    run_id: UUID
    plan_id: UUID
    ends: Ends
    options: SyncOptions


async def copy_all(db: Database, order: Order, *, progress: Progress) -> int:
    """Copy all objects of a plan that are not copied yet, and return how many could not be.

    What goes wrong with an object is kept with it and ends nothing else. StoreFailed when there is no room for all, and
    the error of a store that does not answer at all; after these, after a crash and when it is cancelled, the same call
    goes on.
    """
    await require_room(db, order.plan_id, order.ends)
    async with Ledger.opened(db, order.plan_id, order.run_id, progress=progress, phase="Copying") as ledger:
        means = Means(order.ends, Bandwidth(order.options.bytes_per_second), Memory(), ledger.moved)
        work = partial(_copy_one, db, order, means=means, ledger=ledger)
        async with aclosing(items(db, order.plan_id, *COPIED)) as coming:
            await for_each_coming(coming, work, at_once=order.options.concurrency)
        return ledger.failures


async def items(db: Database, plan_id: UUID, *actions: SyncAction) -> AsyncGenerator[Row, None]:
    """Yield the items with some actions that are not done, by their numbers, each once."""
    after = 0
    while page := await records.to_do(db, plan_id, after=after, actions=actions):
        for item in page:
            yield item
        after = page[-1].number


async def summed(db: Database, plan_id: UUID) -> dict[str, Any]:
    """Return what has become of a plan, counted, as JSON."""
    counted = await records.counted(db, plan_id)

    def count(action: SyncAction, state: SyncItemState = SyncItemState.DONE) -> int:
        return counted.get((action, state), (0, 0))[0]

    states = (SyncItemState.FAILED, SyncItemState.SKIPPED, SyncItemState.PENDING)
    failed, skipped, left = (sum(count(action, state) for action in (*COPIED, SyncAction.REMOVE)) for state in states)
    return {
        "added": count(SyncAction.ADD),
        "updated": count(SyncAction.UPDATE),
        "removed": count(SyncAction.REMOVE),
        "conflicts": count(SyncAction.CONFLICT, SyncItemState.SKIPPED),
        "failed": failed,
        "skipped": skipped,
        "notDone": left,
        "bytes": sum(counted.get((action, SyncItemState.DONE), (0, 0))[1] for action in COPIED),
    }


def object_of(key: str, known: Mapping[str, Any]) -> StoredObject:
    """Return an object as an item knows it."""
    return StoredObject(
        key,
        known["size"],
        datetime.fromisoformat(known["modifiedAt"]),
        known.get("sha256"),
        known.get("md5"),
        known.get("crc32c"),
        known.get("etag"),
        known.get("versionId"),
    )


async def _copy_one(db: Database, order: Order, item: Row, *, means: Means, ledger: Ledger) -> None:
    try:
        sent = await _tried(db, order, item, means=means)
    except MaestroError as error:
        await ledger.failed(item, error)
        if ledger.failures_in_row % SUSPICIOUS == 0:
            await _require_reachable(order.ends)
    else:
        written = known_of(replace(sent.stored, sha256=sent.sha256 or sent.stored.sha256)) or {}
        await ledger.succeeded(item, {**written, "sentBytes": sent.sent_bytes, "at": now().isoformat()})


async def _tried(db: Database, order: Order, item: Row, *, means: Means) -> Sent:
    """Copy an object; what passes is tried again, with what the source says of the object by then."""
    kept: dict[str, Any] = {"upload": item.upload}

    async def keep(state: Mapping[str, Any]) -> None:
        kept["upload"] = state
        await records.upload(db, order.plan_id, item.number, state=state)

    known: StoredObject | None = object_of(item.key, item.source)
    for number in range(1, TRIES + 1):
        if known is None:
            raise gone(item.key)
        try:
            return await transfer(Task(item.key, kept["upload"], keep), known, means)
        except MaestroError as error:
            if number == TRIES or not (error.is_retryable or isinstance(error, DigestMismatch)):
                raise
        await asyncio.sleep(random.uniform(0.5, 1) * FIRST_PAUSE_S * 2**number)  # noqa: S311 -- no secret
        known = await order.ends.source.head(item.key)
    raise AssertionError


async def _require_reachable(ends: Ends) -> None:
    """Raise the error of a store that cannot even be listed."""
    for end in (ends.source, ends.target):
        async for _ in end.store.list(end.prefix, page=1):
            break
