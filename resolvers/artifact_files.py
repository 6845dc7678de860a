"""Use cases of the files in an open artifact version; their bytes are stored by whoever received them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert

from dataloaders.quotas import Quota
from maestro.access import Permission
from maestro.db import blobs
from maestro.db.rows import Row
from maestro.db.tables import ArtifactEntry, ArtifactVersion, Base, Blob, RemoteBlob
from maestro.errors import Conflict, InvalidInput, NotFound, PayloadTooLarge
from maestro.media_types import guessed
from resolvers import artifact_stores, auditing, quotas, validation
from resolvers.artifact_versions import MOST_FILES, require_pending
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

LONGEST_PATH: Final = 1000
_MEDIA_TYPE: Final = re.compile(r"[\w.+!#$&^-]{1,100}/[\w.+!#$&^-]{1,100}(; ?charset=[\w-]{1,40})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """Stored bytes under a path: their SHA-256 in lower-case hexadecimal, their number, what they are and where."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str
    connector_id: UUID | None = None
    """The store that has them; None for the server's own folder."""


def path_of(value: str, *, field: str = "path") -> str:
    """Return a path that stays inside the folder to which somebody downloads the version; InvalidInput."""
    wrong = None
    if not 0 < len(value) <= LONGEST_PATH:
        wrong = f"A path has 1 to {LONGEST_PATH:,} characters."
    elif any(part in ("", ".", "..") for part in value.split("/")):
        wrong = "A path is relative, and no part of it is empty, '.' or '..'."
    elif "\\" in value or any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        wrong = "A path holds no backslash, no control character and no half character."
    if wrong is not None:
        raise InvalidInput(wrong, field=field, hint="Use a path like data/train.csv.")
    return value


def media_type_of(path: str, given: str | None) -> str:
    """Return the media type that was given, else the one that the path's ending tells; InvalidInput."""
    if given:
        if not _MEDIA_TYPE.fullmatch(given):
            raise InvalidInput(f"{given[:80]!r} is no media type, like text/csv.", field="mediaType")
        return given
    return guessed(path)


async def expect(ctx: Context, version_id: UUID, path: str, *, size_bytes: int) -> int | None:
    """Refuse at once what `record` would refuse after the bytes have come; `size_bytes` is 0 when nobody knows it.

    Conflict also where files go to an artifact store. Return how many bytes may come, None for any number.
    """
    auditing.concerned(ctx, ArtifactVersion.__name__, version_id)
    await quotas.prepare(ctx, Quota.STORAGE_BYTES, size_bytes)
    async with ctx.db.transaction() as tx:
        writer = Writer(ctx, tx)
        version = await writer.row(ArtifactVersion, version_id, needs=Permission.ARTIFACT_WRITE)
        artifact = await require_pending(writer, version)
        if await artifact_stores.store_of(writer, artifact.project_id) is not None:
            raise Conflict(
                "The files of this project go to an artifact store, not to this server.",
                hint="Ask for the addresses in that store by requestUploads.",
            )
        await _earlier(writer, version, [path])
        quotas.require(ctx, Quota.STORAGE_BYTES, size_bytes)
    return quotas.room(ctx, Quota.STORAGE_BYTES)


async def record(ctx: Context, version_id: UUID, file: File) -> Row:
    """Put a file whose bytes are stored into an open version, in place of an earlier one with its path.

    NotFound, Forbidden, Conflict when the version is not open or its artifact is in the trash, PayloadTooLarge beyond
    10,000 files, QuotaExceeded.
    """
    await quotas.prepare(ctx, Quota.STORAGE_BYTES, file.size_bytes)
    async with writing(ctx) as writer:
        await blobs.hold(writer.tx, ctx.organization_id)
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.CHANGE)
        stored = {"organization_id": ctx.organization_id, "sha256": file.sha256, "size_bytes": file.size_bytes}
        blob = insert(Blob).values(stored).on_conflict_do_nothing()
        if await writer.tx.fetch(blob.returning(Blob.sha256)):
            quotas.take(ctx, Quota.STORAGE_BYTES, file.size_bytes)
        await require_pending(writer, version)
        return (await put(writer, version, [file]))[0]


async def reuse(ctx: Context, version_id: UUID, *, path: str, sha256: str, media_type: str | None = None) -> Row:
    """Put bytes that are stored already under a path; as `record`, and NotFound for bytes that the viewer cannot read.

    Whoever sees all of the organisation's artifacts may name any of its bytes, others those of the files they see. Only
    bytes are found that are where the files of the version's project go.
    """
    ctx.require_somewhere(Permission.ARTIFACT_READ)
    checked = path_of(path)
    kind, digest = media_type_of(checked, media_type), validation.text(sha256.lower(), field="sha256", limit=64)
    async with writing(ctx) as writer:
        await blobs.hold(writer.tx, ctx.organization_id)
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.CHANGE)
        artifact = await require_pending(writer, version)
        store = await artifact_stores.store_of(writer, artifact.project_id)
        connector_id = None if store is None else store.connector_id
        sizes = await known(writer, [digest], connector_id)
        if not sizes:
            raise NotFound("No stored file has this SHA-256.", hint="Upload the file.")
        return (await put(writer, version, [File(checked, digest, sizes[digest], kind, connector_id)]))[0]


async def known(writer: Writer, digests: Sequence[str], connector_id: UUID | None) -> dict[str, int]:
    """Return the sizes of those bytes that are in a store, or for None in the folder, and that the viewer may name.

    They stay there until the transaction ends, where the lock on the organisation's bytes is held.
    """
    table: type[Base] = Blob if connector_id is None else RemoteBlob
    c, file = table.__table__.c, ArtifactEntry.__table__.c
    mine = select(c.sha256, c.size_bytes).where(
        c.organization_id == writer.ctx.organization_id, c.sha256.in_(list(digests))
    )
    if connector_id is not None:
        mine = mine.where(c.connector_id == connector_id)
    if writer.ctx.viewer.scope.projects is not None:
        mine = mine.where(
            exists().where(
                file.organization_id == c.organization_id,
                file.sha256 == c.sha256,
                file.connector_id.is_not_distinct_from(connector_id),
            )
        )
    return {row.sha256: row.size_bytes for row in await writer.tx.fetch(mine.with_for_update(read=True))}


async def _earlier(writer: Writer, version: Row, paths: Sequence[str]) -> dict[str, int]:
    """Return the sizes of the files that others with these paths would replace; PayloadTooLarge for too many files."""
    c = ArtifactEntry.__table__.c
    query = select(c.path, c.size_bytes).where(c.version_id == version.id, c.path.in_(list(paths)))
    found = {row.path: row.size_bytes for row in await writer.tx.fetch(query)}
    if version.file_count + len(paths) - len(found) > MOST_FILES:
        raise PayloadTooLarge(f"A version has at most {MOST_FILES:,} files.", limit=MOST_FILES, hint="Pack them.")
    return found


async def put(writer: Writer, version: Row, files: Sequence[File]) -> list[Row]:
    """Put files into an open version that is locked, each under a path of its own, and return their rows so sorted."""
    earlier = await _earlier(writer, version, [file.path for file in files])
    c = ArtifactEntry.__table__.c
    place = {"organization_id": version.organization_id, "version_id": version.id}
    query = insert(ArtifactEntry).values([{**place, **asdict(file)} for file in files])
    held = {name: query.excluded[name] for name in ("sha256", "size_bytes", "media_type", "connector_id")}
    made = await writer.tx.fetch(
        query.on_conflict_do_update(index_elements=[c.version_id, c.path], set_=held).returning(*c)
    )
    await writer.tx.fetch(
        update(ArtifactVersion)
        .where(ArtifactVersion.id == version.id)
        .values(
            size_bytes=ArtifactVersion.size_bytes + sum(file.size_bytes for file in files) - sum(earlier.values()),
            file_count=ArtifactVersion.file_count + len(files) - len(earlier),
        )
    )
    told = [{name: value for name, value in asdict(file).items() if value is not None} for file in files]
    writer.changed(ArtifactVersion, version.id, after=told[0] if len(told) == 1 else {"files": told})
    return sorted(made, key=lambda row: str(row.path))
