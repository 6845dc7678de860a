"""The way back from a sync: where the target keeps versions, what was there before becomes the latest one again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

from connectors.stores.buckets import Ability, ObjectVersion, Versions
from maestro.crowd import for_each_coming
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import SyncAction
from maestro.errors import Conflict, MaestroError, NotFound
from maestro.progress import Progress
from maestro.vendor_errors import NotSupported
from ops.syncs import records
from ops.syncs.ends import End

AT_ONCE: Final = 8
MOST_TOLD: Final = 100
"""So many objects that could not be brought back are named."""
PAGE: Final = 20
"""Versions of an object that are asked for at a time; the one before the sync is among the first."""


@dataclass(slots=True)
class Undone:
    """What was brought back, removed and left as it is; the last with the reason."""

    restored: int = 0
    removed: int = 0
    already: int = 0
    """Objects that are as they were before the sync."""
    failed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def plain(self) -> dict[str, Any]:
        """It as JSON."""
        return {name: getattr(self, name) for name in ("restored", "removed", "already", "failed", "failures")}


async def require_versions(target: End) -> None:
    """Raise NotSupported unless a target keeps what is replaced and removed."""
    if not target.can(Ability.VERSIONS) or not await cast("Versions", target.store).is_versioned():
        raise NotSupported(
            f"{target.store} keeps no earlier versions, so that nothing can be brought back.",
            hint="Have the bucket keep versions before the next sync.",
        )


async def is_versioned(target: End) -> bool:
    """Say whether a sync to a target can be undone afterwards."""
    try:
        await require_versions(target)
    except NotSupported:
        return False
    return True


async def roll_back(db: Database, plan_id: UUID, target: End, *, progress: Progress) -> Undone:
    """Undo what the sync of a plan has done: restore what it has replaced or removed, remove what it has added.

    An object that was changed since is left as it is, and told. Done twice it changes nothing more. NotSupported; the
    error of a store that cannot be asked.
    """
    await require_versions(target)
    undone, seen = Undone(), 0

    async def undo(item: Row) -> None:
        nonlocal seen
        try:
            await _undo(item, target, undone)
        except MaestroError as error:
            undone.failed += 1
            if len(undone.failures) < MOST_TOLD:
                undone.failures.append({"key": item.key, "message": error.message, **error.extensions})
        seen += 1
        progress("Bringing back", seen, unit="objects")

    async with aclosing(_done(db, plan_id)) as coming:
        await for_each_coming(coming, undo, at_once=AT_ONCE)
    return undone


async def _done(db: Database, plan_id: UUID) -> AsyncGenerator[Row, None]:
    after = 0
    while page := await records.done(db, plan_id, after=after):
        for item in page:
            yield item
        after = page[-1].number


async def _undo(item: Row, target: End, undone: Undone) -> None:
    there = await _versions(target, item.key)
    if item.action == SyncAction.ADD:
        await _take_away(item, there, target, undone=undone)
    else:
        await _bring_back(item, there, target, undone=undone)


async def _take_away(item: Row, there: list[ObjectVersion], target: End, *, undone: Undone) -> None:
    if not there or there[0].is_deleted:
        undone.already += 1
        return
    _require_ours(item, there[0])
    await target.store.delete([target.at(item.key)])
    undone.removed += 1


async def _bring_back(item: Row, there: list[ObjectVersion], target: End, *, undone: Undone) -> None:
    """Restore the version that was the latest one before the sync."""
    latest = there[0] if there else None
    before = _before(item, there)
    if before is None:
        raise NotFound(f"The version of {item.key} that was there before the sync is gone.")
    if latest is before or (latest is not None and _has_bytes_of(item.target, latest)):
        undone.already += 1
        return
    if item.action == SyncAction.UPDATE and latest is not None:
        _require_ours(item, latest)
    elif latest is not None and not latest.is_deleted:
        raise _is_changed(item.key)
    await cast("Versions", target.store).restore_version(target.at(item.key), before.version_id)
    undone.restored += 1


def _before(item: Row, there: list[ObjectVersion]) -> ObjectVersion | None:
    """Return the version that the sync has replaced or removed: what the plan knew, else the one before ours."""
    known = item.target.get("versionId")
    for one in there:
        if known is not None and one.version_id == known:
            return one
    older = list(there)
    if item.action == SyncAction.UPDATE:
        places = [place for place, one in enumerate(there) if _is_ours(item, one)]
        older = there[places[0] + 1 :] if places else []
    return next((one for one in older if not one.is_deleted and one.size == item.target["size"]), None)


def _has_bytes_of(known: dict[str, Any], one: ObjectVersion) -> bool:
    """Say whether a version is certainly what was there before, such as one that was restored already."""
    return not one.is_deleted and one.etag is not None and one.etag == known.get("etag")


def _is_ours(item: Row, one: ObjectVersion) -> bool:
    written = item.target.get("written", {})
    if "versionId" in written:
        return bool(one.version_id == written["versionId"])
    if written.get("etag") is not None and one.etag is not None:
        return bool(one.etag == written["etag"])
    return bool(not one.is_deleted and one.size == written.get("size"))


def _require_ours(item: Row, latest: ObjectVersion) -> None:
    if not _is_ours(item, latest):
        raise _is_changed(item.key)


def _is_changed(key: str) -> Conflict:
    return Conflict(f"{key} was changed since the sync, and is left as it is.", hint="Bring it back by hand.")


async def _versions(target: End, key: str) -> list[ObjectVersion]:
    """Return the versions of one object, the newest first."""
    place, found = target.at(key), list[ObjectVersion]()
    async for page in cast("Versions", target.store).versions(place, page=PAGE):
        # Keys that begin with this one come after it.
        found += [one for one in page if one.key == place]
        if page[-1].key != place:
            break
    return found
