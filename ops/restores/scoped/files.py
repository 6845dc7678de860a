"""The bytes of a copy: looked for where they live and in the backup, put into place, and read to see that they are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from maestro.errors import DigestMismatch, NotFound
from ops.restores.scoped.results import Files, Places
from ops.restores.scoped.route import Route
from ops.restores.scoped.scope import BLOB, ENTRY

BATCH: Final = 500
_KNOWN: Final = "SELECT sha256 FROM blob WHERE organization_id = $1 AND sha256 = ANY($2)"

_REMOTE: Final = "SELECT sha256, connector_id FROM remote_blob WHERE organization_id = $1 AND sha256 = ANY($2)"


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to be put into place, and how many bytes of it count anew against a quota."""

    files: Files
    new_bytes: int = 0


async def survey(route: Route) -> Survey:
    """Look where each file of the copy may come from, without reading it."""
    found, new_bytes = Files(), 0
    into = route.selection.into.organization_id
    async for batch in _batches(route):
        digests = [digest for digest, _ in batch]
        known = {row.sha256 for row in await route.target.fetch_sql(_KNOWN, into, digests)}
        for digest, size in batch:
            found = _added(found, digest, size, where=await _whereabouts(route, digest))
            new_bytes += 0 if digest in known else size
    return Survey(await _with_remote(route, found), new_bytes)


async def place(route: Route, total: int) -> Files:
    """Put each file of the copy into its place and read it there; what is nowhere is told as missing.

    Nothing refers to them yet: when the copy comes to nothing they are swept away later.
    """
    done = Files()
    route.progress("Placing files", 0, total, unit="bytes")
    async for batch in _batches(route):
        for digest, size in batch:
            done = _added(done, digest, size, where=await _placed(route, digest, size))
            route.progress("Placing files", done.bytes, total, unit="bytes")
    await route.places.blobs.settle(route.selection.into.organization_id)
    return await _with_remote(route, done)


async def replace_vanished(route: Route) -> None:
    """Put back what was removed since it was placed; from now on the caller holds the lock on the bytes."""
    taker = route.selection.into.organization_id
    async for batch in _batches(route):
        for digest, size in batch:
            if not await route.places.blobs.has(taker, digest):
                await _placed(route, digest, size)
                await route.places.blobs.settle(taker)


async def _batches(route: Route) -> AsyncIterator[list[tuple[str, int]]]:
    query = f"SELECT t.sha256, t.size_bytes FROM blob t WHERE {route.selection.condition(BLOB)}"  # noqa: S608
    batch: list[tuple[str, int]] = []
    async for row in route.source.cursor(query, prefetch=BATCH):
        batch.append((row["sha256"], row["size_bytes"]))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _with_remote(route: Route, files: Files) -> Files:
    """Count the files whose bytes are in object stores: no backup has them, so they are there still, or missing."""
    query = (
        f"SELECT DISTINCT t.sha256, t.size_bytes, t.connector_id FROM {ENTRY} t "  # noqa: S608 -- our own names
        f"WHERE {route.selection.condition(ENTRY)} "
        "AND t.connector_id IS NOT NULL AND NOT EXISTS (SELECT FROM blob b "
        "WHERE b.organization_id = t.organization_id AND b.sha256 = t.sha256)"
    )
    rows, into = await route.source.fetch(query), route.selection.into.organization_id
    kept = await route.target.fetch_sql(_REMOTE, into, [row["sha256"] for row in rows]) if rows else []
    there = {(one.sha256, one.connector_id) for one in kept}
    for row in rows:
        where = "present" if (row["sha256"], row["connector_id"]) in there else "missing"
        files = _added(files, row["sha256"], row["size_bytes"], where=where)
    return files


async def _whereabouts(route: Route, digest: str) -> str:
    places, selection = route.places, route.selection
    if await places.blobs.has(selection.into.organization_id, digest):
        return "present"
    if await places.blobs.has(selection.scope.organization_id, digest):
        return "linked"
    return "missing" if places.fetch is None else "fetched"


async def _placed(route: Route, digest: str, size: int) -> str:
    """Put one file into place, and say where it came from; what is damaged where it lives comes from the backup."""
    places, selection = route.places, route.selection
    giver, taker = selection.scope.organization_id, selection.into.organization_id
    if await _is_whole(places, taker, digest):
        return "present"
    if await _is_whole(places, giver, digest) and await places.blobs.share(giver, taker, digest):
        return "linked"
    if places.fetch is None:
        return "missing"
    try:
        await places.blobs.write(taker, places.fetch(digest), limit=size, expected=digest)
    except (NotFound, DigestMismatch):
        return "missing"
    return "fetched"


async def _is_whole(places: Places, organization_id: UUID, digest: str) -> bool:
    try:
        return await places.blobs.verify(organization_id, digest)
    except NotFound:
        return False


def _added(files: Files, digest: str, size: int, *, where: str) -> Files:
    counted = replace(files, files=files.files + 1, bytes=files.bytes + size)
    if where == "missing":
        return replace(counted, missing=(*files.missing, digest))
    return replace(counted, **{where: getattr(files, where) + 1})
