"""A project written into a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs, read
from maestro.db.engine import Database, Transaction
from maestro.errors import Conflict, NotFound
from maestro.progress import Progress, untold
from ops.bundles.archive import Writer
from ops.bundles.contents import PARENTS, query_of
from ops.bundles.points import write_points
from ops.bundles.rows import write_rows
from ops.restores.scoped.new_ids import NewIds

POINTS: Final = "points.parquet"
BLOBS: Final = "blobs/"
MOST_SHOWN: Final = 20
TAIL: Final = 2**32
"""The part of an id that a bundle leaves out of account: of its project it is 0."""
_PROJECT: Final = "SELECT name FROM project WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL"
_REVISION: Final = "SELECT version_num FROM alembic_version"


@dataclass(frozen=True, slots=True)
class Origin:
    """A project, in the database as its organisation sees it, and where the bytes of its files are."""

    db: Database
    organization_id: UUID
    project_id: UUID
    blobs: LocalBlobs


@dataclass(frozen=True, slots=True)
class Exported:
    """What a bundle has: rows by table, points, files and their bytes."""

    rows: dict[str, int]
    points: int
    files: int
    file_bytes: int

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"rows": self.rows, "points": self.points, "files": self.files, "fileBytes": self.file_bytes}


async def export_project(origin: Origin, path: Path, *, progress: Progress = untold) -> Exported:
    """Write a project into a file, as it is at one moment.

    The same project makes the same bytes, also where it was imported: ids are written so that the project's own ends in
    zeros. NotFound; Conflict with `missing` when bytes of its files are lost.
    """
    place = origin.project_id, origin.organization_id
    ids = NewIds(origin.project_id.int % TAIL)
    async with origin.db.snapshot() as tx:
        found = await tx.fetch_sql(_PROJECT, *place)
        if not found:
            raise NotFound("There is no such Project.")
        with Writer(path) as writer:
            rows: dict[str, int] = {}
            for table in PARENTS:
                progress("Exporting rows", len(rows), len(PARENTS), unit="tables")
                with writer.entry(f"{table}.parquet") as file:
                    rows[table] = await write_rows(tx, table, file, place=place, ids=ids)
            progress("Exporting points")
            points = await _points(tx, writer, place)
            files = await _files(tx, place)
            await _require_files(origin, files)
            await _store_files(origin, writer, files, progress=progress)
            exported = Exported(rows, points, len(files), sum(files.values()))
            (revision,) = await tx.fetch_sql(_REVISION)
            writer.finish({"project": found[0].name, "revision": revision.version_num, **exported.plain})
    return exported


async def _points(tx: Transaction, writer: Writer, place: tuple[UUID, UUID]) -> int:
    series = [row.id for row in await tx.fetch_sql(f"SELECT id FROM ({query_of('metric_series')}) s", *place)]  # noqa: S608
    with writer.entry(POINTS) as file:
        return await write_points(tx, series, file)


async def _files(tx: Transaction, place: tuple[UUID, UUID]) -> dict[str, int]:
    """Return the size of each file by its SHA-256, in the order of these."""
    query = f"SELECT DISTINCT sha256, size_bytes FROM ({query_of('artifact_entry')}) e ORDER BY sha256"  # noqa: S608
    return {row.sha256: row.size_bytes for row in await tx.fetch_sql(query, *place)}


async def _require_files(origin: Origin, files: dict[str, int]) -> None:
    missing = [digest for digest in files if not await origin.blobs.has(origin.organization_id, digest)]
    if missing:
        raise Conflict(
            f"{len(missing):,} of {len(files):,} files of the project are lost.",
            hint="Bring them back from a backup, or delete the artifact versions that have them.",
            missing=missing[:MOST_SHOWN],
        )


async def _store_files(origin: Origin, writer: Writer, files: dict[str, int], *, progress: Progress) -> None:
    done, total = 0, sum(files.values())
    for digest, size in files.items():
        progress("Exporting files", done, total, unit="bytes")
        with writer.entry(f"{BLOBS}{digest}") as file:
            await _copy(origin, digest, file)
        if writer.entries[f"{BLOBS}{digest}"]["sha256"] != digest:
            raise Conflict(f"The file {digest} of the project is damaged.", missing=[digest])
        done += size


async def _copy(origin: Origin, digest: str, file: BufferedIOBase) -> None:
    async for part in read(await origin.blobs.find(origin.organization_id, digest)):
        file.write(part)


def digests(entries: Sequence[str]) -> list[str]:
    """Return the SHA-256 of the files among the entries of a bundle."""
    return sorted(name.removeprefix(BLOBS) for name in entries if name.startswith(BLOBS))
