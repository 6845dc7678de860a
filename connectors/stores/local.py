"""A store of objects in a folder: files that are written under another name, and moved to their place when whole."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from typing import BinaryIO, Final

from connectors.stores.capability import CHUNK, PAGE, StoredObject
from connectors.stores.drafts import Draft, digest, make_folder, move, reading, remove, sweep, sync, told_apart
from connectors.stores.keys import checked_key
from connectors.stores.walking import stored, walked
from maestro.errors import DigestMismatch
from maestro.threads import Told, in_thread, untold

DRAFTS: Final = ".incoming"


class LocalStore:
    """Objects as files `<folder>/<key>`, with folders of mode 700 and files of mode 600; made when first written to.

    Several processes may share the folder. Names that begin with a full stop are no objects.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100 -- links of the operator's stay as they are

    def __str__(self) -> str:
        return self._folder.as_uri()

    @property
    def folder(self) -> Path:
        """The folder in which the objects lie."""
        return self._folder

    async def tidy(self) -> None:
        """Remove what writers left behind that did not live to the end."""
        await in_thread(lambda _: sweep(self._folder / DRAFTS))

    async def head(self, key: str) -> StoredObject:
        """Return an object's size and time; NotFound."""
        place = self._place(key)

        def look(_: Told) -> StoredObject:
            with reading(key):
                return stored(key, place)

        return await in_thread(look)

    async def list(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page."""
        found = walked(self._folder, prefix)

        def following(_: Told) -> list[StoredObject]:
            with told_apart(f"{prefix}…"):
                return list(islice(found, page))

        while objects := await in_thread(following):
            yield objects

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; one that takes its place meanwhile does not show."""
        file = await in_thread(lambda _: _opened(key, self._place(key), start))

        def read(_: Told) -> bytes:
            with told_apart(key):
                return file.read(CHUNK if end is None else max(0, min(CHUNK, end - file.tell())))

        try:
            while content := await in_thread(read):
                yield content
        finally:
            file.close()

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes."""
        place = self._place(key)

        def write(_: Told) -> StoredObject:
            with told_apart(key), self._draft() as draft:
                draft.append(content)
                draft.keep(place, self._folder)
                return stored(key, place, draft.sha256)

        return await in_thread(write)

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file; with `consume` one of the same file system is moved."""
        place = self._place(key)

        def write(going_on: Told) -> StoredObject:
            device = path.stat().st_dev
            with told_apart(key):
                make_folder(self._folder, self._folder)
                if consume and device == self._folder.stat().st_dev:
                    known = sha256 or digest(path, going_on)
                    path.chmod(0o600)
                    sync(path)
                    move(path, place, self._folder)
                    return stored(key, place, known)
                known = self._copied(path, place, expected=sha256, going_on=going_on)
                if consume:
                    path.unlink()
                return stored(key, place, known)

        return await in_thread(write, told)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, and the folders that are empty then."""
        places = [self._place(key) for key in keys]

        def remove_all(going_on: Told) -> None:
            for place in places:
                going_on(0)
                with told_apart(place.name):
                    remove(place, self._folder)

        await in_thread(remove_all)

    async def free_bytes(self) -> int | None:
        """Return the room on the disk of the folder."""

        def look(_: Told) -> int:
            with told_apart("the folder"):
                return disk_usage(next(one for one in (self._folder, *self._folder.parents) if one.exists())).free

        return await in_thread(look)

    def _place(self, key: str) -> Path:
        return self._folder / checked_key(key)

    def _copied(self, path: Path, place: Path, *, expected: str | None, going_on: Told) -> str:
        with self._draft() as draft, path.open("rb") as file:
            while content := file.read(CHUNK):
                draft.append(content)
                going_on(len(content))
            if expected not in (None, draft.sha256):
                raise DigestMismatch(
                    f"The file for {place.name} has the SHA-256 {draft.sha256}, not {expected}.",
                    expected=expected,
                    actual=draft.sha256,
                )
            draft.keep(place, self._folder)
            return draft.sha256

    @contextmanager
    def _draft(self) -> Iterator[Draft]:
        make_folder(self._folder / DRAFTS, self._folder)
        with Draft.within(self._folder / DRAFTS) as draft:
            yield draft


def _opened(key: str, place: Path, start: int) -> BinaryIO:
    with reading(key):
        file = place.open("rb")
        file.seek(start)
        return file
