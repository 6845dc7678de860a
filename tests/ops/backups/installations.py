"""What tests put into an installation, and how they change a backup behind its back."""

import gzip
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from connectors.local import LocalBlobs
from maestro.db.engine import Database
from ops.backups.making import Destination, Installation
from ops.backups.manifest import Manifest, written
from ops.backups.places import file_of, manifest_of
from tests.ops.backups.manifests import sha256


def blobs_of(installation: Installation) -> LocalBlobs:
    return LocalBlobs(installation.blobs)


async def add_organization(db: Database, slug: str) -> UUID:
    sql = "INSERT INTO organization (id, slug, name) VALUES (gen_random_uuid(), $1, $1) RETURNING id"
    async with db.transaction() as tx:
        (row,) = await tx.fetch_sql(sql, slug)
    found: UUID = row.id
    return found


async def add_blob(db: Database, installation: Installation, organization: UUID, *, content: bytes) -> str:
    """Store a file of artifacts as an upload does, and return its digest."""

    async def stream() -> AsyncIterator[bytes]:
        yield content

    blob = await blobs_of(installation).write(organization, stream(), limit=len(content))
    async with db.transaction() as tx:
        sql = "INSERT INTO blob (organization_id, sha256, size_bytes) VALUES ($1, $2, $3)"
        await tx.fetch_sql(sql, organization, blob.sha256, blob.size)
    return blob.sha256


def place_of(installation: Installation, organization: UUID, digest: str) -> Path:
    return installation.blobs / organization.hex / digest[:2] / digest


async def forge(manifest: Manifest, destination: Destination, change: Callable[[bytes], bytes]) -> int:
    """Change the rows in a dump, with every digest and the signature made to fit; return how many files changed."""
    store, changed, files = destination.store, 0, []
    assert store.folder is not None
    for file in manifest.files:
        path = store.folder / file_of(manifest.backup_id, file.path)
        plain = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else b""
        content = change(plain)
        if content == plain:
            files.append(file)
            continue
        path.write_bytes(gzip.compress(content))
        changed += 1
        packed = path.read_bytes()
        files.append(replace(file, size=len(packed), sha256=sha256(packed)))
    forged = replace(manifest, files=tuple(files))
    await store.put_bytes(manifest_of(manifest.backup_id), written(forged, destination.keys))
    return changed


def everything_in(folder: Path) -> list[str]:
    """The files below a folder, also those that are no objects."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
