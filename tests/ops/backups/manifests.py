"""Backups of a few bytes, whole in a store, for tests of what is done with them."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from connectors.stores import ObjectStore
from maestro.db.tables.enums import BackupKind
from maestro.vault import MasterKeys
from ops.backups.manifest import BlobEntry, DatabaseState, FileEntry, Manifest, TableState, written
from ops.backups.places import blob_of, file_of, manifest_of
from ops.backups.sealing import Seal, seal_file

OURS, OLDER, THEIRS = (bytes([n]) * 32 for n in (1, 2, 3))
KEYS = MasterKeys([OURS])
FILES = {"dump/toc.dat": b"PGDMP", "dump/3001.dat.gz": b"rows" * 100}
BLOBS = (b"weights", b"a picture")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest(**changes: Any) -> Manifest:
    """The manifest of a backup that has no files."""
    made = Manifest(
        backup_id=uuid7(),
        kind=BackupKind.FULL,
        created_at=datetime(2026, 11, 29, 3, 30, tzinfo=UTC),
        label="nightly",
        key_id=KEYS.current,
        app_version="0.1.0",
        server_version="18.6",
        tools={"pg_dump": "18.6"},
        schema_revision="2026_11_29_04",
        database=DatabaseState(
            name="maestro",
            encoding="UTF8",
            collation="C.UTF-8",
            ctype="C.UTF-8",
            locale_provider="c",
            size_bytes=9_000_000,
        ),
        tables={"run": TableState(rows=2, checksum="17"), "organization": TableState(rows=1, checksum="-5")},
        sequences={"audit_entry_seq": 2**63 - 1},
        files=(),
    )
    return replace(made, **changes)


async def stored(
    store: ObjectStore, *, folder: Path, seal: Seal | None = None, blobs: tuple[bytes, ...] = BLOBS, **changes: Any
) -> Manifest:
    """Put a backup into a store, and return its manifest, which is there too."""
    made = manifest(encryption=seal and seal.entry, **changes)
    entries = [await _put_file(store, made.backup_id, path, folder=folder, seal=seal) for path in FILES]
    shared = [await _put_blob(store, content, folder=folder, seal=seal) for content in blobs]
    made = replace(made, files=tuple(entries), blobs=tuple(shared))
    await store.put_bytes(manifest_of(made.backup_id), written(made, KEYS))
    return made


async def _put_file(store: ObjectStore, backup_id: UUID, path: str, *, folder: Path, seal: Seal | None) -> FileEntry:
    content = FILES[path]
    if seal is None:
        await store.put_bytes(file_of(backup_id, path), content)
        return FileEntry(path=path, size=len(content), sha256=sha256(content))
    done = await _sealed(folder, content, seal)
    await store.put_file(file_of(backup_id, f"{path}.age"), folder / "sealed")
    return FileEntry(
        path=f"{path}.age",
        size=done.size,
        sha256=done.sha256,
        plain_size=done.plain_size,
        plain_sha256=done.plain_sha256,
    )


async def _put_blob(store: ObjectStore, content: bytes, *, folder: Path, seal: Seal | None) -> BlobEntry:
    key, size = blob_of(sha256(content), seal.blob_ending if seal else ""), len(content)
    if seal is None:
        await store.put_bytes(key, content)
    else:
        size = (await _sealed(folder, content, seal)).size
        await store.put_file(key, folder / "sealed")
    return BlobEntry(
        key=key, sha256=sha256(content), size=len(content), stored_size=size, organizations=(UUID(int=1).hex,)
    )


async def _sealed(folder: Path, content: bytes, seal: Seal) -> Any:
    (folder / "plain").write_bytes(content)
    return await seal_file(folder / "plain", folder / "sealed", seal)
