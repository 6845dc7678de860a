"""Use cases of the files in an open artifact version; their bytes are stored by whoever received them."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert

from dataloaders.quotas import Quota
from maestro.access import Permission
from maestro.db import blobs
from maestro.db.rows import Row
from maestro.db.tables import ArtifactEntry, ArtifactVersion, Blob
from maestro.errors import InvalidInput, NotFound, PayloadTooLarge
from maestro.media_types import guessed
from resolvers import auditing, quotas, validation
from resolvers.artifact_versions import MOST_FILES, require_pending
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

LONGEST_PATH: Final = 1000
_MEDIA_TYPE: Final = re.compile(r"[\w.+!#$&^-]{1,100}/[\w.+!#$&^-]{1,100}(; ?charset=[\w-]{1,40})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """Stored bytes under a path: their SHA-256 in lower-case hexadecimal, their number and what they are."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str


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

    Return how many bytes may come, None for any number.
    """
    auditing.concerned(ctx, ArtifactVersion.__name__, version_id)
    await quotas.prepare(ctx, Quota.STORAGE_BYTES, size_bytes)
    async with ctx.db.transaction() as tx:
        writer = Writer(ctx, tx)
        await _place_for(writer, await writer.row(ArtifactVersion, version_id, needs=Permission.ARTIFACT_WRITE), path)
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
        return await _put(writer, version, file)


async def reuse(ctx: Context, version_id: UUID, *, path: str, sha256: str, media_type: str | None = None) -> Row:
    """Put bytes that are stored already under a path; as `record`, and NotFound for bytes that the viewer cannot read.

    Whoever sees all of the organisation's artifacts may name any of its bytes, others those of the files they see.
    """
    ctx.require_somewhere(Permission.ARTIFACT_READ)
    checked = path_of(path)
    kind, digest = media_type_of(checked, media_type), validation.text(sha256.lower(), field="sha256", limit=64)
    async with writing(ctx) as writer:
        await blobs.hold(writer.tx, ctx.organization_id)
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.CHANGE)
        c = Blob.__table__.c
        mine = select(c.size_bytes).where(c.organization_id == ctx.organization_id, c.sha256 == digest)
        if ctx.viewer.scope.projects is not None:
            file = ArtifactEntry.__table__.c
            mine = mine.where(exists().where(file.organization_id == c.organization_id, file.sha256 == c.sha256))
        blob = await writer.tx.fetch_one(mine.with_for_update(read=True))
        if blob is None:
            raise NotFound("No stored file has this SHA-256.", hint="Upload the file.")
        return await _put(writer, version, File(checked, digest, blob.size_bytes, kind))


async def _place_for(writer: Writer, version: Row, path: str) -> Row | None:
    """Return the file that another with its path would replace, None when it would be a new one."""
    await require_pending(writer, version)
    c = ArtifactEntry.__table__.c
    earlier = await writer.tx.fetch_one(select(c.size_bytes).where(c.version_id == version.id, c.path == path))
    if earlier is None and version.file_count >= MOST_FILES:
        raise PayloadTooLarge(f"A version has at most {MOST_FILES:,} files.", limit=MOST_FILES, hint="Pack them.")
    return earlier


async def _put(writer: Writer, version: Row, file: File) -> Row:
    earlier = await _place_for(writer, version, file.path)
    c = ArtifactEntry.__table__.c
    held = {"sha256": file.sha256, "size_bytes": file.size_bytes, "media_type": file.media_type}
    query = insert(ArtifactEntry).values(
        organization_id=version.organization_id, version_id=version.id, path=file.path, **held
    )
    put = await writer.tx.fetch(
        query.on_conflict_do_update(index_elements=[c.version_id, c.path], set_=held).returning(*c)
    )
    growth = file.size_bytes - (0 if earlier is None else earlier.size_bytes)
    await writer.tx.fetch(
        update(ArtifactVersion)
        .where(ArtifactVersion.id == version.id)
        .values(
            size_bytes=ArtifactVersion.size_bytes + growth,
            file_count=ArtifactVersion.file_count + int(earlier is None),
        )
    )
    writer.changed(ArtifactVersion, version.id, after={"path": file.path, **held})
    return put[0]
