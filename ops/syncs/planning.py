"""A plan: what a sync would do, object by object, found by comparing both ends and kept as rows."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from connectors.stores.capability import StoredObject
from maestro.db.engine import Database
from maestro.db.tables.enums import SyncAction, SyncItemState
from maestro.progress import Progress
from maestro.sync_options import LIFETIME, SyncCompare, SyncOptions
from ops.syncs import records
from ops.syncs.comparing import CHECKSUMS, Likeness, Pair, action_for, likeness, pairs
from ops.syncs.ends import End, Ends

BATCH: Final = 2_000
"""Items that are written at a time."""
SAMPLES: Final = 10
"""Keys that the summary names of each action."""
TOLD_EACH: Final = 500
"""Pairs after which it is told how far the comparison has come."""
AHEAD: Final = 16
"""Pairs whose checksums are found out at a time."""


@dataclass(slots=True)
class Share:
    """How many objects, of how many bytes together, and the keys of the first ones."""

    count: int = 0
    bytes: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, key: str, size: int) -> None:
        """Count one more."""
        self.count += 1
        self.bytes += size
        if len(self.samples) < SAMPLES:
            self.samples.append(key)

    @property
    def plain(self) -> dict[str, Any]:
        """It as JSON."""
        return {"count": self.count, "bytes": self.bytes, "samples": self.samples}


@dataclass(slots=True)
class Summary:
    """What a plan would do, counted."""

    actions: dict[SyncAction, Share] = field(default_factory=lambda: {action: Share() for action in SyncAction})
    same: Share = field(default_factory=Share)
    left_out: Share = field(default_factory=Share)
    overwrites: int = 0
    """Objects of the target that are replaced though they were stored later than those of the source."""
    there: int = 0
    """Objects that the target has and that are meant."""
    seen: int = 0
    free_bytes: int | None = None
    """What the target has room for; None when nobody knows."""

    def count(self, pair: Pair, action: SyncAction | None) -> None:
        """Count what is to be done about a pair."""
        self.seen += 1
        self.there += pair.target is not None
        if action is not None:
            self.actions[action].add(pair.key, _size(pair, action))
        elif pair.source is not None:
            self.same.add(pair.key, pair.source.size)
        if action is SyncAction.UPDATE and pair.source and pair.target:
            self.overwrites += pair.target.modified_at > pair.source.modified_at

    @property
    def plain(self) -> dict[str, Any]:
        """It as JSON: `add`, `update`, `remove`, `conflict`, `unchanged` and `leftOut`, and three numbers."""
        shares = {action.lower(): share.plain for action, share in self.actions.items()}
        return {
            **shares,
            "unchanged": self.same.plain,
            "leftOut": self.left_out.plain,
            "overwrites": self.overwrites,
            "targetCount": self.there,
            "targetFreeBytes": self.free_bytes,
        }


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan to be made: its row and that of its organisation."""

    plan_id: UUID
    organization_id: UUID


async def make_plan(
    db: Database, planned: Planned, *, ends: Ends, options: SyncOptions, progress: Progress
) -> dict[str, Any]:
    """Compare both ends, write an item for each object that is not the same, and return the summary as JSON.

    What was written by an earlier attempt is replaced. The errors of the stores.
    """
    await records.clear(db, planned.plan_id)
    summary, waiting, number = Summary(), list[dict[str, Any]](), 0
    async with aclosing(_decided(ends, options, summary.left_out)) as found:
        async for pair, like in found:
            action = action_for(pair, like, options)
            summary.count(pair, action)
            if summary.seen % TOLD_EACH == 0:
                progress("Comparing", summary.seen, unit="objects")
            if action is None:
                continue
            number += 1
            waiting.append(_item(number, pair, action))
            if len(waiting) >= BATCH:
                await records.add_items(db, planned.plan_id, planned.organization_id, items=waiting)
                waiting.clear()
    if waiting:
        await records.add_items(db, planned.plan_id, planned.organization_id, items=waiting)
    progress("Comparing", summary.seen, unit="objects")
    summary.free_bytes = await ends.target.store.free_bytes()
    await records.ready(db, planned.plan_id, summary.plain, lifetime=LIFETIME)
    return summary.plain


def _size(pair: Pair, action: SyncAction) -> int:
    one = pair.target if action is SyncAction.REMOVE else pair.source
    return one.size if one is not None else 0


def _item(number: int, pair: Pair, action: SyncAction) -> dict[str, Any]:
    return {
        "number": number,
        "key": pair.key,
        "action": action.value,
        "size_bytes": _size(pair, action),
        "source": known_of(pair.source),
        "target": known_of(pair.target),
        "state": (SyncItemState.SKIPPED if action is SyncAction.CONFLICT else SyncItemState.PENDING).value,
    }


def known_of(one: StoredObject | None) -> dict[str, Any] | None:
    """Return what a store says of an object as JSON, without what it does not know."""
    if one is None:
        return None
    told = {
        "size": one.size,
        "modifiedAt": one.modified_at.isoformat(),
        "sha256": one.sha256,
        "md5": one.md5,
        "crc32c": one.crc32c,
        "etag": one.etag,
        "versionId": one.version_id,
    }
    return {name: value for name, value in told.items() if value is not None}


async def _decided(ends: Ends, options: SyncOptions, left_out: Any) -> AsyncGenerator[tuple[Pair, Likeness], None]:
    """Yield the pairs with how alike they are, in their order."""
    found = pairs(ends, options.selection, lambda key: left_out.add(key, 0))
    if options.compare is SyncCompare.QUICK:
        async with aclosing(found):
            async for pair in found:
                yield pair, _known(pair, ends)
        return
    async with aclosing(_side_by_side(found, lambda pair: _by_checksum(ends, pair))) as compared:
        async for one in compared:
            yield one


def _known(pair: Pair, ends: Ends) -> Likeness:
    if pair.source is None or pair.target is None:
        return Likeness.OTHER
    return likeness(pair.source, pair.target, are_of_one_vendor=ends.are_of_one_vendor)


async def _by_checksum(ends: Ends, pair: Pair) -> tuple[Pair, Likeness]:
    """Find out whether two objects are the same, by reading them where nothing else tells."""
    like = _known(pair, ends)
    if like is not Likeness.UNKNOWN:
        return pair, like
    source, target = await asyncio.gather(ends.source.head(pair.key), ends.target.head(pair.key))
    if source is None or target is None:
        return pair, Likeness.OTHER
    like = likeness(source, target, are_of_one_vendor=ends.are_of_one_vendor)
    if like is Likeness.UNKNOWN:
        name = _digest_known_to_one(source, target)
        read, there = await asyncio.gather(_with(name, ends.source, source), _with(name, ends.target, target))
        like = likeness(read, there, are_of_one_vendor=ends.are_of_one_vendor)
    return pair, like


def _digest_known_to_one(source: StoredObject, target: StoredObject) -> str:
    for name in CHECKSUMS[:2]:
        if getattr(source, name) is not None or getattr(target, name) is not None:
            return name
    return CHECKSUMS[0]


async def _with(name: str, end: End, one: StoredObject) -> StoredObject:
    """Return an object with a digest, for which it is read unless the store knows it."""
    if getattr(one, name) is not None:
        return one
    digest = hashlib.new(name, usedforsecurity=False)
    async with aclosing(end.store.get(end.at(one.key))) as parts:
        async for part in parts:
            await asyncio.to_thread(digest.update, part)
    found = digest.hexdigest()
    return replace(one, sha256=found) if name == "sha256" else replace(one, md5=found)


async def _side_by_side(
    found: AsyncGenerator[Pair, None], work: Callable[[Pair], Any]
) -> AsyncGenerator[tuple[Pair, Likeness], None]:
    """Work on some pairs at a time, and yield what comes of them in their order."""
    running: list[asyncio.Task[tuple[Pair, Likeness]]] = []
    try:
        async with aclosing(found):
            async for pair in found:
                running.append(asyncio.create_task(work(pair)))
                if len(running) >= AHEAD:
                    yield await running.pop(0)
        while running:
            yield await running.pop(0)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
