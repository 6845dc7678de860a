"""Use cases of files that are sent to an artifact store directly: requested, sent past this server, completed."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from maestro.access import Permission
from maestro.clock import now
from maestro.db import blobs
from maestro.db.rows import Row
from maestro.db.tables import ArtifactVersion, LooseObject, RemoteBlob
from maestro.errors import Conflict, DigestMismatch, InvalidInput, NotFound, PayloadTooLarge
from resolvers import artifact_files, artifact_stores
from resolvers.artifact_files import File
from resolvers.artifact_versions import MOST_SHOWN, require_pending
from resolvers.context import Context
from resolvers.store_requests import SIGN_S, SignedRequest, Store
from resolvers.writing import Lock, Writer, writing

MOST: Final = 1_000
"""Files of one request."""
LARGEST_BYTES: Final = 5_000_000_000
"""What every vendor takes by a single PUT."""
TTL: Final = timedelta(hours=1)
READ_BYTES_PER_S: Final = 20_000_000
"""So fast at least a store is read that computes no SHA-256 itself."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LOOSE: Final = LooseObject.__table__.c


@dataclass(frozen=True, slots=True)
class Requested:
    """A file that was asked for: with the request by which its bytes are sent, None when they are stored already."""

    path: str
    sha256: str
    upload: SignedRequest | None


async def request(ctx: Context, version_id: UUID, given: Sequence[Mapping[str, Any]]) -> list[Requested]:
    """Sign requests for files with `path`, `size_bytes`, `sha256` and, if given, `media_type`; in their order.

    What the store has already is put into the version at once. InvalidInput, NotFound, Forbidden, PayloadTooLarge for
    a file that is too large or a version with too many, DigestMismatch for stored bytes of another size; Conflict for
    a version that is not open, and for a project without an artifact store. The errors of errands.
    """
    expires_at = now() + TTL
    async with writing(ctx) as writer:
        await blobs.hold(writer.tx, ctx.organization_id)
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.CHANGE)
        files = _checked(given)
        artifact = await require_pending(writer, version)
        store = await artifact_stores.store_of(writer, artifact.project_id)
        if store is None:
            raise Conflict(
                "The files of this project go to this server.", hint="Send them with PUT to the version's uploadUrl."
            )
        stored = await _stored(writer, version, files, connector_id=store.connector_id)
        awaited = [file for file in files if file.sha256 not in stored]
        keys = {file.path: _key(ctx, store.prefix, file) for file in awaited}
        await _await(writer, version, awaited, keys=keys, connector_id=store.connector_id, expires_at=expires_at)
    signed = await _signed(ctx, store.connector_id, [(file, keys[file.path]) for file in awaited])
    return [Requested(file.path, file.sha256, signed.get(file.path)) for file in files]


async def complete(ctx: Context, version_id: UUID, paths: Sequence[str]) -> list[Row]:
    """Put requested files whose bytes have come into a version, and return them by path.

    NotFound, also for a path that was not requested; Conflict for a version that is not open; DigestMismatch when the
    bytes of some are not there, or others: then nothing is put. The errors of errands.
    """
    if not 1 <= len(paths) <= MOST or len(set(paths)) < len(paths):
        raise InvalidInput(f"paths has 1 to {MOST:,} different ones.", field="paths", limit=MOST)
    for path in paths:
        artifact_files.path_of(path, field="paths")
    async with ctx.db.transaction() as tx:
        reader = Writer(ctx, tx)
        await require_pending(reader, await reader.row(ArtifactVersion, version_id, needs=Permission.ARTIFACT_WRITE))
        awaited = await _awaited(reader, version_id, paths)
    await _require_arrived(ctx, awaited)
    # To look at them may have taken minutes.
    await ctx.still_permitted_here()
    async with writing(ctx) as writer:
        await blobs.hold(writer.tx, ctx.organization_id)
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.CHANGE)
        await require_pending(writer, version)
        await _take(writer, awaited)
        files = [File(one.path, one.sha256, one.size_bytes, one.media_type, one.connector_id) for one in awaited]
        return await artifact_files.put(writer, version, files)


def _checked(given: Sequence[Mapping[str, Any]]) -> list[File]:
    if not 1 <= len(given) <= MOST:
        raise InvalidInput(f"files has 1 to {MOST:,} of them.", field="files", limit=MOST)
    files = []
    for one in given:
        path, sha256, size = artifact_files.path_of(one["path"]), str(one["sha256"]).lower(), int(one["size_bytes"])
        if not _SHA256.fullmatch(sha256):
            raise InvalidInput("A SHA-256 has 64 hexadecimal digits.", field="sha256")
        if size < 0:
            raise InvalidInput("A file has 0 bytes or more.", field="sizeBytes")
        if size > LARGEST_BYTES:
            raise PayloadTooLarge(
                f"By a single request a file of at most {LARGEST_BYTES:,} bytes is sent.",
                limit=LARGEST_BYTES,
                hint="Split the file.",
            )
        files.append(File(path, sha256, size, artifact_files.media_type_of(path, one.get("media_type"))))
    if len({file.path for file in files}) < len(files):
        raise InvalidInput("files has a path twice.", field="files", hint="Name each file once.")
    return files


async def _stored(writer: Writer, version: Row, files: Sequence[File], *, connector_id: UUID) -> dict[str, int]:
    """Put what the store has already into the version, and return the sizes of that by its SHA-256."""
    known = await artifact_files.known(writer, [file.sha256 for file in files], connector_id)
    for file in files:
        if known.get(file.sha256, file.size_bytes) != file.size_bytes:
            raise DigestMismatch(
                f"The stored bytes with this SHA-256 are {known[file.sha256]:,}.",
                hint="Look at sizeBytes and sha256 of the file.",
                path=file.path,
            )
    there = [
        File(file.path, file.sha256, file.size_bytes, file.media_type, connector_id)
        for file in files
        if file.sha256 in known
    ]
    if there:
        await artifact_files.put(writer, version, there)
    return known


def _key(ctx: Context, prefix: str, file: File) -> str:
    """Return a key that was never used: whoever sends other bytes under it spoils nobody else's."""
    folder = f"{prefix}/" if prefix else ""
    return f"{folder}{ctx.organization_id.hex}/{file.sha256[:2]}/{file.sha256}-{uuid7().hex}"


async def _await(
    writer: Writer,
    version: Row,
    files: Sequence[File],
    *,
    keys: Mapping[str, str],
    connector_id: UUID,
    expires_at: datetime,
) -> None:
    """Write down which objects are to come, and as which files."""
    if not files:
        return
    place = {"organization_id": version.organization_id, "version_id": version.id, "connector_id": connector_id}
    rows = [
        {
            **place,
            "id": uuid7(),
            "path": file.path,
            "key": keys[file.path],
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "media_type": file.media_type,
            "expires_at": expires_at,
        }
        for file in files
    ]
    await writer.tx.fetch(insert(LooseObject).values(rows))
    writer.changed(ArtifactVersion, version.id, after={"requested": sorted(keys)})


async def _signed(ctx: Context, connector_id: UUID, wanted: Sequence[tuple[File, str]]) -> dict[str, SignedRequest]:
    if not wanted:
        return {}
    requests = [
        {
            "method": "PUT",
            "key": key,
            "ttl_s": TTL.total_seconds(),
            "size": file.size_bytes,
            "sha256": file.sha256,
            "media_type": file.media_type,
        }
        for file, key in wanted
    ]
    ctx.allow(2 * SIGN_S)
    signed = await Store(ctx.runtime, ctx.organization_id, connector_id).sign(requests)
    return {file.path: one for (file, _), one in zip(wanted, signed, strict=True)}


async def _awaited(reader: Writer, version_id: UUID, paths: Sequence[str]) -> list[Row]:
    """Return what was last requested under each path."""
    query = (
        select(*_LOOSE)
        .where(_LOOSE.version_id == version_id, _LOOSE.path.in_(list(paths)), _LOOSE.expires_at > func.now())
        .order_by(_LOOSE.id)
    )
    found = {one.path: one for one in await reader.tx.fetch(query)}
    if missing := sorted(set(paths) - found.keys()):
        raise NotFound(
            "Some of these files were not requested, or too long ago.",
            hint="Ask for their addresses again by requestUploads.",
            missing=missing[:MOST_SHOWN],
        )
    return list(found.values())


async def _require_arrived(ctx: Context, awaited: Sequence[Row]) -> None:
    """Look at the objects in their stores; DigestMismatch unless all are what was promised."""
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for connector_id, some in _by_connector(awaited).items():
        objects = [{"key": one.key, "size": one.size_bytes} for one in some]
        patience_s = SIGN_S + sum(one.size_bytes for one in some) / READ_BYTES_PER_S
        ctx.allow(patience_s + SIGN_S)
        seen = await Store(ctx.runtime, ctx.organization_id, connector_id).arrived(objects, timeout_s=patience_s)
        for one, found in zip(some, seen, strict=True):
            if found is None:
                wrong["missing"].append(one.path)
            elif (found["size"], found["sha256"]) != (one.size_bytes, one.sha256):
                wrong["different"].append(one.path)
    if wrong:
        raise DigestMismatch(
            "Bytes that were promised have not come, or others have.",
            hint="Ask for the addresses of these files again, and send them.",
            **{name: sorted(paths)[:MOST_SHOWN] for name, paths in wrong.items()},
        )


def _by_connector(awaited: Iterable[Row]) -> dict[UUID, list[Row]]:
    found: defaultdict[UUID, list[Row]] = defaultdict(list)
    for one in awaited:
        found[one.connector_id].append(one)
    return found


async def _take(writer: Writer, awaited: Sequence[Row]) -> None:
    """Make objects that have come the bytes of files; those of which the store has others already may go."""
    ids = [one.id for one in awaited]
    held = await writer.tx.fetch(select(_LOOSE.id).where(_LOOSE.id.in_(ids)).with_for_update())
    if len(held) < len(ids):
        raise Conflict("Somebody else has completed some of these files just now.", hint="Look at the version.")
    rows = [
        {name: one[name] for name in ("organization_id", "connector_id", "sha256", "size_bytes", "key")}
        for one in awaited
    ]
    c = RemoteBlob.__table__.c
    made = insert(RemoteBlob).values(rows).on_conflict_do_nothing().returning(c.key)
    kept = {row.key for row in await writer.tx.fetch(made)}
    named = [one.id for one in awaited if one.key in kept]
    await writer.tx.fetch(delete(LooseObject).where(_LOOSE.id.in_(named)))
    await writer.tx.fetch(
        update(LooseObject)
        .where(_LOOSE.id.in_([key for key in ids if key not in named]))
        .values(path=None, expires_at=func.now())
    )
