"""A bundle read as a new project."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from connectors.local import CHUNK, LocalBlobs
from maestro.db import blobs
from maestro.db.engine import Database, Transaction
from maestro.db.rows import UniqueViolation
from maestro.errors import DigestMismatch, InvalidInput, NameTaken
from maestro.progress import Progress, untold
from ops.bundles.archive import Reader
from ops.bundles.contents import PARENTS
from ops.bundles.exporting import BLOBS, POINTS, TAIL, digests
from ops.bundles.points import read_points
from ops.bundles.rows import read_rows, texts_in
from ops.restores.scoped.checking import Growth, free_slug, quota_conflicts
from ops.restores.scoped.new_ids import NewIds

_TAKEN: Final = "SELECT FROM project WHERE organization_id = $1 AND name = $2 AND deleted_at IS NULL"
_KEEP: Final = """
    INSERT INTO blob (organization_id, sha256, size_bytes) SELECT $1, * FROM unnest($2::text[], $3::bigint[])
    ON CONFLICT DO NOTHING RETURNING size_bytes
"""
_BROUGHT: Final = "UPDATE project SET created_by_id = $2 WHERE id = $1"
_DONE: Final = "SELECT FROM project WHERE id = $1 AND organization_id = $2"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a project goes: an organisation, as its `db` shows it and no other one, and who brings it."""

    db: Database
    organization_id: UUID
    actor_id: UUID | None
    blobs: LocalBlobs


@dataclass(frozen=True, slots=True)
class Imported:
    """The new project, and what came into it."""

    project_id: UUID
    name: str
    rows: dict[str, int]
    points: int
    files: int

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"name": self.name, "rows": self.rows, "points": self.points, "files": self.files}


async def import_project(
    place: Place, path: Path, *, copy_id: UUID, name: str | None = None, progress: Progress = untold
) -> Imported:
    """Make a new project of a bundle, all of it or nothing; under the name that it had unless another is given.

    Done again under the same `copy_id`, it finds the project that it has made. InvalidInput for what is no bundle, or
    a damaged one; NameTaken, QuotaExceeded.
    """
    progress("Checking the bundle")
    reader = await asyncio.to_thread(Reader, path)
    try:
        old = _project_of(reader)
        ids = NewIds.of_copy(copy_id)
        importing = _Importing(place, reader, ids, ids.of(old), name or str(reader.about["project"]), progress)
        return await importing.run()
    finally:
        reader.close()


def _project_of(reader: Reader) -> UUID:
    with reader.entry("project.parquet") as file:
        found = [UUID(key) for key in texts_in(file, "id")]
    if len(found) != 1 or found[0].int % TAIL:
        raise InvalidInput("The bundle has not one project.", hint="Make another one by exportProject.")
    return found[0]


@dataclass(slots=True)
class _Importing:
    place: Place
    reader: Reader
    ids: NewIds
    project_id: UUID
    name: str
    progress: Progress

    async def run(self) -> Imported:
        """Bring the files, then all rows in one transaction."""
        organization, about = self.place.organization_id, self.reader.about
        files = digests(list(self.reader.entries))
        if await self.place.db.fetch_sql(_DONE, self.project_id, organization):
            return Imported(self.project_id, self.name, about["rows"], about["points"], len(files))
        if await self.place.db.fetch_sql(_TAKEN, organization, self.name):
            raise self._taken()
        await self._bring_files(files)
        async with self.place.db.transaction() as tx:
            await blobs.hold(tx, organization)
            grown = await self._keep(tx, files)
            rows = await self._rows(tx)
            for conflict in await quota_conflicts(tx, organization, Growth(rows["run"], grown), is_in=True):
                raise conflict
            self.progress("Importing points")
            points = await self._points(tx)
        return Imported(self.project_id, self.name, rows, points, len(files))

    async def _rows(self, tx: Transaction) -> dict[str, int]:
        rows: dict[str, int] = {}
        for table in PARENTS:
            self.progress("Importing rows", len(rows), len(PARENTS), unit="tables")
            instead = {"name": self.name, "slug": await self._slug()} if table == "project" else None
            with self.reader.entry(f"{table}.parquet") as file:
                try:
                    rows[table] = await read_rows(
                        tx,
                        table,
                        file,
                        organization_id=self.place.organization_id,
                        ids=self.ids,
                        instead=instead,
                    )
                except UniqueViolation:
                    raise self._taken() from None
        await tx.fetch_sql(_BROUGHT, self.project_id, self.place.actor_id)
        return rows

    async def _slug(self) -> str:
        with self.reader.entry("project.parquet") as file:
            (wanted,) = texts_in(file, "slug")
        return await free_slug(self.place.db, self.place.organization_id, wanted)

    async def _bring_files(self, files: list[str]) -> None:
        sizes = self.reader.entries
        done, total = 0, sum(sizes[f"{BLOBS}{digest}"]["sizeBytes"] for digest in files)
        for digest in files:
            self.progress("Importing files", done, total, unit="bytes")
            size = sizes[f"{BLOBS}{digest}"]["sizeBytes"]
            if not await self.place.blobs.has(self.place.organization_id, digest):
                with self.reader.entry(f"{BLOBS}{digest}") as file:
                    try:
                        await self.place.blobs.write(
                            self.place.organization_id, _parts(file), limit=size, expected=digest
                        )
                    except DigestMismatch:
                        raise InvalidInput(f"The file {digest} of the bundle has another SHA-256.") from None
            done += size

    async def _keep(self, tx: Transaction, files: list[str]) -> int:
        """Say that the organisation has the files, and return how many bytes of them are new."""
        sizes = [self.reader.entries[f"{BLOBS}{digest}"]["sizeBytes"] for digest in files]
        return sum(row.size_bytes for row in await tx.fetch_sql(_KEEP, self.place.organization_id, files, sizes))

    async def _points(self, tx: Transaction) -> int:
        with self.reader.entry("metric_series.parquet") as file:
            series = [self.ids.of(UUID(key)) for key in texts_in(file, "id")]
        with self.reader.entry(POINTS) as file:
            return await read_points(tx, series, file, organization_id=self.place.organization_id)

    def _taken(self) -> NameTaken:
        return NameTaken(
            f"There is a Project with the name {self.name!r} already.", field="name", hint="Give it another name."
        )


async def _parts(file: IO[bytes]) -> AsyncIterator[bytes]:
    while part := await asyncio.to_thread(file.read, CHUNK):
        yield part
