"""Two stores compared: their lists side by side in the order of keys, so that no more than a page of each is held."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connectors.stores.capability import StoredObject
from maestro.db.tables.enums import SyncAction
from maestro.errors import StoreFailed
from maestro.globs import Selection
from maestro.sync_options import SyncCompare, SyncConflictPolicy, SyncOptions
from ops.syncs.ends import End, Ends, LeftOut, is_fitting

CHECKSUMS: Final = ("sha256", "md5", "crc32c")
"""Digests that both ends may know of an object, the strongest first."""


class Likeness(StrEnum):
    """Whether two objects have the same bytes, by what is known of them."""

    SAME = "SAME"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Pair:
    """What the two ends have under a key: one of them may have nothing."""

    key: str
    source: StoredObject | None
    target: StoredObject | None


async def pairs(ends: Ends, selection: Selection, left_out: LeftOut) -> AsyncGenerator[Pair, None]:
    """Yield what either end has under each key that is meant, in the order of keys.

    `left_out` is told of keys that the other end could not hold. StoreFailed when a store does not list in order, since
    what follows would be taken for missing.
    """
    sources = _meant(ends.source, _Meaning(ends, selection, left_out))
    targets = _meant(ends.target, _Meaning(ends, selection, _none))
    async with aclosing(sources), aclosing(targets):
        source, target = await _next(sources), await _next(targets)
        while source is not None or target is not None:
            if target is None or (source is not None and _place(source) < _place(target)):
                assert source is not None  # noqa: S101 -- for mypy: one of them is
                yield Pair(source.key, source, None)
                source = await _next(sources)
            elif source is None or _place(target) < _place(source):
                yield Pair(target.key, None, target)
                target = await _next(targets)
            else:
                yield Pair(source.key, source, target)
                source, target = await _next(sources), await _next(targets)


def likeness(source: StoredObject, target: StoredObject, *, are_of_one_vendor: bool) -> Likeness:
    """Say whether two objects are the same by size, digests and tags; UNKNOWN where these do not tell."""
    if source.size != target.size:
        return Likeness.OTHER
    for name in CHECKSUMS:
        ours, theirs = getattr(source, name), getattr(target, name)
        if ours is not None and theirs is not None:
            return Likeness.SAME if ours == theirs else Likeness.OTHER
    # Other tags tell nothing: an upload in parts of another size has another one.
    if are_of_one_vendor and source.etag is not None and source.etag == target.etag:
        return Likeness.SAME
    return Likeness.UNKNOWN


def action_for(pair: Pair, like: Likeness, options: SyncOptions) -> SyncAction | None:
    """Say what a sync does about a pair; None when nothing is to be done.

    What is UNKNOWN counts as the same when the target was stored later than the source, unless checksums are asked for:
    those are then found out before this is asked.
    """
    if pair.target is None:
        return SyncAction.ADD
    if pair.source is None:
        return SyncAction.REMOVE if options.delete else None
    is_target_later = pair.target.modified_at > pair.source.modified_at
    if like is Likeness.UNKNOWN:
        is_same = pair.source.modified_at <= pair.target.modified_at and options.compare is SyncCompare.QUICK
        like = Likeness.SAME if is_same else Likeness.OTHER
    if like is Likeness.SAME:
        return None
    if is_target_later and options.on_conflict is SyncConflictPolicy.SKIP:
        return SyncAction.CONFLICT
    return SyncAction.UPDATE


def _place(one: StoredObject) -> bytes:
    return one.key.encode()


def _none(_: str) -> None:
    """What the target holds beside is nobody's concern."""


async def _next(objects: AsyncIterator[StoredObject]) -> StoredObject | None:
    return await anext(objects, None)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """Which objects are meant, and who is told of those that cannot be."""

    ends: Ends
    selection: Selection
    left_out: LeftOut

    def has(self, key: str) -> bool:
        if not self.selection.has(key):
            return False
        if is_fitting(self.ends.source, key) and is_fitting(self.ends.target, key):
            return True
        self.left_out(key)
        return False

    def leave_out(self, key: str) -> None:
        """Take note of a key that the store itself passes over."""
        if self.selection.has(key):
            self.left_out(key)


async def _meant(end: End, meaning: _Meaning) -> AsyncGenerator[StoredObject, None]:
    """Yield the objects of an end that are meant, one page ahead of whoever reads them."""
    last = b""
    async with aclosing(_ahead(end.listed(meaning.leave_out))) as pages:
        async for page in pages:
            for one in page:
                place = one.key.encode(errors="surrogatepass")
                if place <= last and last:
                    raise StoreFailed(
                        f"The store does not list its objects in the order of their keys: {one.key[:80]!r} comes late.",
                        hint="Such a store cannot be compared with another one; nothing was changed.",
                    )
                last = place
                if meaning.has(one.key):
                    yield one


async def _ahead(
    pages: AsyncIterator[Sequence[StoredObject]],
) -> AsyncGenerator[Sequence[StoredObject], None]:
    coming: asyncio.Task[Sequence[StoredObject] | None] = asyncio.create_task(_page(pages))
    try:
        while (page := await coming) is not None:
            coming = asyncio.create_task(_page(pages))
            yield page
    finally:
        coming.cancel()
        await asyncio.wait([coming])
        if not coming.cancelled():
            coming.exception()


async def _page(pages: AsyncIterator[Sequence[StoredObject]]) -> Sequence[StoredObject] | None:
    return await anext(pages, None)
