"""The files below a folder as objects, in the order of their keys."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from connectors.stores.capability import StoredObject


def stored(key: str, place: Path, sha256: str | None = None) -> StoredObject:
    """Return what a file tells of an object without being read; FileNotFoundError."""
    seen = place.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise FileNotFoundError(2, "is no file", str(place))
    return StoredObject(key, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC), sha256)


def walked(folder: Path, prefix: str, key: str = "") -> Iterator[StoredObject]:
    """Yield the files below a folder whose keys begin with a text; no folder is read before its turn."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except FileNotFoundError:
        return
    # Sorted with the slash that follows a folder's name, so that whole keys come in their order.
    named = sorted(((f"{key}{one.name}/" if one.is_dir() else f"{key}{one.name}", one) for one in entries), key=_place)
    for name, entry in named:
        if name.endswith("/"):
            if name.startswith(prefix) or prefix.startswith(name):
                yield from walked(Path(entry.path), prefix, name)
        elif name.startswith(prefix):
            try:
                yield stored(name, Path(entry.path))
            except FileNotFoundError:
                continue  # it has just been deleted, or is no file


def _place(named: tuple[str, os.DirEntry[str]]) -> bytes:
    return os.fsencode(named[0])
