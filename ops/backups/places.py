"""Where things lie in a store of backups.

- `backups/<backup>/manifest.json`: what the backup is; written last, and by it the backup exists;
- `backups/<backup>/<path>`: its files, such as `dump/toc.dat`;
- `blobs/<sha256>`: files of artifacts, each once for all backups; `blobs/<sha256>.<for whom>.age` when encrypted;
- `partial/<backup>` and `pruning`: notes of who is at work, see `ops/backups/turns.py`.
"""

from typing import Final
from uuid import UUID

BACKUPS: Final = "backups/"
BLOBS: Final = "blobs/"
PARTIAL: Final = "partial/"
PRUNING: Final = "pruning"
MANIFEST: Final = "manifest.json"


def folder_of(backup_id: UUID) -> str:
    """Return what the keys of a backup's own files begin with."""
    return f"{BACKUPS}{backup_id.hex}/"


def manifest_of(backup_id: UUID) -> str:
    """Return the key of a backup's manifest."""
    return folder_of(backup_id) + MANIFEST


def file_of(backup_id: UUID, path: str) -> str:
    """Return the key of one of a backup's own files by its path in the backup."""
    return folder_of(backup_id) + path


def blob_of(sha256: str, seal: str = "") -> str:
    """Return the key of a blob by the SHA-256 of its plain bytes, and by what `Seal.suffix` says when encrypted."""
    return f"{BLOBS}{sha256}{seal}"


def backup_of(key: str) -> UUID | None:
    """Return the backup to which an object belongs, None when it belongs to none."""
    folder, _, rest = key.removeprefix(BACKUPS).partition("/")
    try:
        return UUID(hex=folder) if key.startswith(BACKUPS) and rest and len(folder) == len(UUID(int=0).hex) else None
    except ValueError:
        return None
