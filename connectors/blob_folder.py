"""What lies in a folder of blobs: looked through, and taken away without taking what has just come."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

ABANDONED_S: Final = 60.0
"""After so long, a file that was set aside has been left there by a process that did not live to the end."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ASIDE: Final = re.compile(r"(?P<sha256>[0-9a-f]{64})\.aside-[0-9a-f]{32}")
_HEX: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store: its name is its SHA-256; when it came or was last given to another organisation."""

    sha256: str
    size: int
    at: float


def organizations(folder: Path) -> list[UUID]:
    """Return whose files lie in a store."""
    return sorted(UUID(hex=path.name) for path in folder.iterdir() if path.is_dir() and _HEX.fullmatch(path.name))


def shelves(folder: Path, organization_id: UUID) -> list[Path]:
    """Return the folders among which an organisation's files are spread."""
    own = folder / organization_id.hex
    return sorted(path for path in own.iterdir() if path.is_dir()) if own.is_dir() else []


def files_on(shelf: Path) -> list[StoredFile]:
    """Return the files of one of these folders; what was left aside is put back first."""
    for path in list(shelf.iterdir()):
        _put_back_if_abandoned(path)
    return sorted(_files(shelf), key=lambda file: file.sha256)


def take_away(place: Path, before: float) -> int | None:
    """Remove a file that came before a time, and return how many bytes the disk has got back by it.

    None when it is not there, or has come later. Fewer bytes than it has when the same bytes lie elsewhere too.
    """
    try:
        known = place.stat()
        if known.st_ctime > before:
            return None
        aside = place.with_name(f"{place.name}.aside-{uuid4().hex}")
        place.rename(aside)
    except FileNotFoundError:
        return None
    if aside.stat().st_ino != known.st_ino:
        # Somebody has stored the same bytes since they were looked at.
        _put_back(aside, place)
        return None
    aside.unlink()
    return known.st_size if known.st_nlink == 1 else 0


def _files(shelf: Path) -> Iterator[StoredFile]:
    with os.scandir(shelf) as entries:
        for entry in entries:
            if _SHA256.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    yield StoredFile(entry.name, found.st_size, found.st_ctime)


def _put_back_if_abandoned(path: Path) -> None:
    named = _ASIDE.fullmatch(path.name)
    with contextlib.suppress(FileNotFoundError):
        if named is not None and path.stat().st_ctime < time.time() - ABANDONED_S:
            _put_back(path, path.with_name(named["sha256"]))


def _put_back(aside: Path, place: Path) -> None:
    with contextlib.suppress(FileExistsError):
        place.hardlink_to(aside)
    aside.unlink()
