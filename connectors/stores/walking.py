"""The files below a folder as objects, in the order of their keys."""

import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.stores.capability import StoredObject
from connectors.stores.keys import WORK, is_key


def stored(key: str, place: Path, sha256: str | None = None) -> StoredObject:
    """Return what a file tells of an object without being read; FileNotFoundError."""
    seen = place.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise FileNotFoundError(2, "is no file", str(place))
    return StoredObject(key, seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC), sha256)


@dataclass(frozen=True, slots=True)
class Walk:
    """Which files are looked for: those of a folder whose keys begin with a text, behind links or not.

    `left_out` is told of what is no key by its name, and of links that are not followed or lead round in a circle.
    """

    folder: Path
    prefix: str
    left_out: Callable[[str], None]
    follows_links: bool = True
    after: str | None = None
    """Only what follows on this key; no folder is read in which there is nothing of it."""


def walked(walk: Walk) -> Iterator[StoredObject]:
    """Yield the files of a folder as objects; no folder is read before its turn, that of the store's own work never."""
    for name, path in _files(walk, walk.folder, ""):
        if not is_key(name) or (path.is_symlink() and not walk.follows_links):
            walk.left_out(os.fsencode(name).decode(errors="replace"))
            continue
        try:
            yield stored(name, path)
        except FileNotFoundError:
            continue  # it has just been deleted, or is no file


def _files(walk: Walk, folder: Path, key: str) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if key or entry.name != WORK]
    except FileNotFoundError:
        return
    links = walk.follows_links
    # Sorted with the slash that follows a folder's name, so that whole keys come in their order.
    named = sorted(((f"{key}{one.name}{'/' * one.is_dir(follow_symlinks=links)}", one) for one in entries), key=_place)
    for name, entry in named[_behind(walk, named) :]:
        if name.endswith("/"):
            if not (name.startswith(walk.prefix) or walk.prefix.startswith(name)):
                continue
            if _leads_back(entry):
                walk.left_out(name)
            else:
                yield from _files(walk, Path(entry.path), name)
        elif name.startswith(walk.prefix):
            yield name, Path(entry.path)


def _behind(walk: Walk, named: Sequence[tuple[str, os.DirEntry[str]]]) -> int:
    """Return how many entries lie before what is looked for: the folder of the key itself does not."""
    if walk.after is None:
        return 0
    after = os.fsencode(walk.after)
    place = bisect_right(named, after, key=_place)
    if place and named[place - 1][0].endswith("/") and after.startswith(_place(named[place - 1])):
        return place - 1
    return place


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Say whether a folder is a link to one of those in which it lies."""
    place = Path(entry.path)
    return entry.is_symlink() and place.parent.resolve().is_relative_to(place.resolve())


def _place(named: tuple[str, os.DirEntry[str]]) -> bytes:
    return os.fsencode(named[0])
