"""Files of a source as versions of artifacts: fetched, stored by their digests, and sealed all of them or none."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from connectors.local import read
from connectors.tracking.capability import TrackedFile
from maestro.db import blobs
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import ArtifactState, LineageKind
from maestro.digests import digest_of
from maestro.errors import InvalidInput, NotFound, PayloadTooLarge
from maestro.ids import Kind
from maestro.media_types import guessed
from maestro.threads import in_thread
from ops.imports.target import Target
from ops.imports.texts import name_of
from ops.restores.scoped.checking import Growth, quota_conflicts

Fetch = Callable[[str, Path], Awaitable[int]]
"""Writes a file of the source, by its path, to one of this machine, and returns its size."""

MOST_FILES: Final = 10_000
LONGEST_PATH: Final = 1000
# The newest version of a run's files that an import has made, with what is in it.
_LATEST: Final = """
    SELECT DISTINCT ON (v.run_id) v.run_id, v.artifact_id, v.id, v.digest,
        ARRAY(SELECT e.path FROM artifact_entry e WHERE e.version_id = v.id ORDER BY e.path) AS paths,
        ARRAY(SELECT e.size_bytes FROM artifact_entry e WHERE e.version_id = v.id ORDER BY e.path) AS sizes
    FROM artifact_version v JOIN artifact a ON a.id = v.artifact_id
    WHERE v.organization_id = $1 AND v.run_id = ANY($2) AND v.state = 'COMMITTED' AND a.deleted_at IS NULL
        AND a.tags ? 'mlflow.run'
    ORDER BY v.run_id, v.number DESC
"""
_FIND: Final = """
    SELECT id, last_version_number FROM artifact
    WHERE organization_id = $1 AND project_id = $2 AND name = $3 AND deleted_at IS NULL FOR NO KEY UPDATE
"""
_MAKE: Final = """
    INSERT INTO artifact (id, organization_id, project_id, name, type, tags, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_NUMBER: Final = """
    UPDATE artifact SET last_version_number = last_version_number + 1 WHERE id = $1 AND organization_id = $2
    RETURNING last_version_number AS number
"""
_SEAL: Final = """
    INSERT INTO artifact_version (id, organization_id, artifact_id, number, state, digest, size_bytes, file_count,
        run_id, committed_at, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), $10)
"""
_BLOBS: Final = """
    INSERT INTO blob (organization_id, sha256, size_bytes)
    SELECT $1, * FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::bigint[])) AS given
    ORDER BY 2 ON CONFLICT DO NOTHING RETURNING size_bytes
"""
_ENTRIES: Final = """
    INSERT INTO artifact_entry (version_id, organization_id, path, sha256, size_bytes, media_type)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[])
"""
_LINK: Final = """
    INSERT INTO lineage_edge (id, organization_id, from_type, from_id, to_type, to_id, kind, run_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (from_id, to_id, kind) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file whose bytes are stored."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Files that become a version: of an artifact, made by a run.

    The artifact is the one with the id, else the one with the name, which is made where there is none.
    """

    name: str
    type: str
    tags: dict[str, Any]
    run_id: UUID | None
    files: Sequence[Stored]
    artifact_id: UUID | None = None


async def latest_of(target: Target, run_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Return the newest version of each run's files that an import has made, with its paths and sizes."""
    rows = await target.db.fetch_sql(_LATEST, target.organization_id, list(run_ids))
    return {row.run_id: row for row in rows}


def is_unchanged(listed: Sequence[TrackedFile], latest: Row | None) -> bool:
    """Say whether files have the paths and the sizes of those of a version: the source tells no digest."""
    if latest is None:
        return not listed
    known = dict(zip(latest.paths, latest.sizes, strict=True))
    return known.keys() == {file.path for file in listed} and all(
        file.size in (None, known[file.path]) for file in listed
    )


@asynccontextmanager
async def fetched(target: Target, listed: Sequence[TrackedFile], fetch: Fetch) -> AsyncIterator[dict[str, Path]]:
    """Fetch files for a block, and return where they are, by their paths.

    InvalidInput for a path that cannot be, PayloadTooLarge for too many files or a file that is too large.
    """
    if len(listed) > MOST_FILES:
        raise PayloadTooLarge(f"{len(listed):,} files; a version has at most {MOST_FILES:,}.", limit=MOST_FILES)
    folder = target.drafts / uuid4().hex
    places = {file.path: folder / str(number) for number, file in enumerate(listed)}
    for file in listed:
        _check(file, target.largest_file)
    await in_thread(lambda _: folder.mkdir(parents=True))
    try:
        for path, place in places.items():
            await fetch(path, place)
        yield places
    finally:
        await in_thread(lambda _: _remove(folder))


async def keep(target: Target, places: dict[str, Path]) -> list[Stored]:
    """Store the bytes of files by their digests."""
    stored = []
    for path, place in places.items():
        blob = await target.blobs.write(target.organization_id, read(place), limit=target.largest_file)
        stored.append(Stored(path, blob.sha256, blob.size))
    return stored


async def seal(target: Target, sealing: Sealing) -> UUID:
    """Make a version of stored files, and return its id; NotFound, Conflict, QuotaExceeded."""
    async with target.db.transaction() as tx:
        await blobs.hold(tx, target.organization_id)
        await target.hold(tx)
        artifact_id = sealing.artifact_id or await _ensure(tx, target, sealing)
        (counted,) = await tx.fetch_sql(_NUMBER, artifact_id, target.organization_id)
        await _require_blobs(target, sealing.files)
        digests, sizes = [file.sha256 for file in sealing.files], [file.size_bytes for file in sealing.files]
        new = await tx.fetch_sql(_BLOBS, target.organization_id, digests, sizes)
        growth = Growth(0, sum(row.size_bytes for row in new))
        for conflict in await quota_conflicts(tx, target.organization_id, growth, is_in=True):
            raise conflict
        key = uuid7()
        about = counted.number, ArtifactState.COMMITTED, digest_of(sealing.files), sum(sizes), len(sizes)
        await tx.fetch_sql(_SEAL, key, target.organization_id, artifact_id, *about, sealing.run_id, target.actor_id)
        paths = [file.path for file in sealing.files]
        kinds = [guessed(path) for path in paths]
        await tx.fetch_sql(_ENTRIES, key, target.organization_id, paths, digests, sizes, kinds)
        if sealing.run_id is not None:
            run, made = (Kind.Run, sealing.run_id), (Kind.ArtifactVersion, key)
            await draw(tx, target, Arrow(run, made, LineageKind.PRODUCED, sealing.run_id))
        return key


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow of lineage, from where something came from to where it went."""

    origin: tuple[Kind, UUID]
    end: tuple[Kind, UUID]
    kind: LineageKind
    run_id: UUID | None


async def draw(tx: Transaction, target: Target, arrow: Arrow) -> None:
    """Draw an arrow, once."""
    ends = arrow.origin[0].name, arrow.origin[1], arrow.end[0].name, arrow.end[1]
    await tx.fetch_sql(_LINK, uuid7(), target.organization_id, *ends, arrow.kind, arrow.run_id)


async def _ensure(tx: Transaction, target: Target, sealing: Sealing) -> UUID:
    name = name_of(sealing.name, "files")
    found = await tx.fetch_sql(_FIND, target.organization_id, target.project_id, name)
    if found:
        known: UUID = found[0].id
        return known
    made = uuid7()
    place = target.organization_id, target.project_id
    await tx.fetch_sql(_MAKE, made, *place, name, sealing.type, sealing.tags, target.actor_id)
    return made


async def _require_blobs(target: Target, files: Sequence[Stored]) -> None:
    # Between storing and naming them, a sweep may have taken bytes that nobody had named yet.
    for file in files:
        if not await target.blobs.has(target.organization_id, file.sha256):
            raise NotFound(f"The bytes of {file.path!r} are gone.", hint="Import once more.")


def _check(file: TrackedFile, limit: int) -> None:
    parts = file.path.split("/")
    is_odd = any(part in ("", ".", "..") for part in parts) or "\\" in file.path or not file.path.isprintable()
    if is_odd or len(file.path) > LONGEST_PATH:
        raise InvalidInput(f"A file is called {file.path[:80]!r}, which no version can hold.", field="path")
    if (file.size or 0) > limit:
        raise PayloadTooLarge(f"The file {file.path!r} has {file.size:,} bytes; at most {limit:,} are allowed.")


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
