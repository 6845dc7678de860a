"""A store of objects in a folder: files that are written under another name, and moved to their place when whole."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from typing import BinaryIO, Final

from connectors.stores.buckets import PLAIN, Ability, Description, Part, Upload
from connectors.stores.capability import CHUNK, PAGE, ObjectStore, StoredObject
from connectors.stores.drafts import Draft, digest, make_folder, move, reading, remove, sweep, sync, told_apart
from connectors.stores.keys import WORK, checked_key
from connectors.stores.local_uploads import Arrivals, clear_uploads, forget_uploads
from connectors.stores.walking import Walk, stored, walked
from maestro.errors import DigestMismatch, Forbidden, StoreFailed
from maestro.threads import Told, in_thread, untold

DRAFTS: Final = f"{WORK}/incoming"


class LocalStore:
    """Objects as files `<folder>/<key>`, with folders of mode 700 and files of mode 600; made when first written to.

    Several processes may share the folder. What lies in its folder `.work` are no objects. Without `follows_links` no
    object lies behind a symbolic link, so that nothing leads out of the folder.
    """

    abilities = frozenset({Ability.COPY, Ability.UPLOADS, Ability.CONTAINER})

    def __init__(self, folder: Path, *, follows_links: bool = True) -> None:
        self._follows_links = follows_links
        # Links of the operator's stay as they are.
        self._folder = Path(os.path.abspath(folder)) if follows_links else folder.resolve()  # noqa: PTH100

    def __str__(self) -> str:
        return self._folder.as_uri()

    @property
    def folder(self) -> Path:
        """The folder in which the objects lie."""
        return self._folder

    async def tidy(self) -> None:
        """Remove what writers left behind that did not live to the end, and uploads that were given up days ago."""

        def clear_up(_: Told) -> None:
            with told_apart("drafts"):
                sweep(self._folder / DRAFTS)
                forget_uploads(self._folder)

        await in_thread(clear_up)

    async def head(self, key: str) -> StoredObject:
        """Return an object's size and time; NotFound."""
        place = self.place(key)

        def look(_: Told) -> StoredObject:
            with reading(key):
                return stored(key, place)

        return await in_thread(look)

    async def list(
        self,
        prefix: str = "",
        *,
        after: str | None = None,
        page: int = PAGE,
        left_out: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page; names that are not of UTF-8 are no keys."""
        found = walked(Walk(self._folder, prefix, left_out or _unheard, self._follows_links, after))

        def following(_: Told) -> list[StoredObject]:
            with told_apart(f"{prefix}…"):
                return list(islice(found, page))

        while objects := await in_thread(following):
            yield objects

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; one that takes its place meanwhile does not show."""
        file = await in_thread(lambda _: _opened(key, self.place(key), start))

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
        place = self.place(key)

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
        place = self.place(key)

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
        places = [self.place(key) for key in keys]

        def remove_all(going_on: Told) -> None:
            for place in places:
                going_on(0)
                with told_apart(place.name):
                    remove(place, self._folder)

        await in_thread(remove_all)

    def can_copy_from(self, source: ObjectStore) -> bool:
        """Say whether another store is a folder too."""
        return isinstance(source, LocalStore)

    async def copy_from(self, source: ObjectStore, source_key: str, key: str) -> StoredObject:
        """Copy a file, which shares its bytes with the first one where the file system can do that."""
        if not isinstance(source, LocalStore):
            raise StoreFailed(f"{self} cannot copy from {source}.")
        place, origin = self.place(key), source.place(source_key)

        def write(going_on: Told) -> StoredObject:
            with _opened(source_key, origin, 0) as file, told_apart(key), self._draft() as draft:
                draft.copy(file, going_on)
                draft.keep(place, self._folder)
                return stored(key, place)

        return await in_thread(write)

    async def begin_upload(
        self,
        key: str,
        size: int,
        description: Description = PLAIN,  # noqa: ARG002 -- files have no place for it
    ) -> Upload:
        """Begin an upload; of its description a folder keeps nothing."""
        self.place(key)

        def begin(_: Told) -> Upload:
            with told_apart(key):
                return Arrivals.begin(self._folder, key, size).upload

        return await in_thread(begin)

    async def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Store a part, on the disk when this returns."""

        def put(_: Told) -> Part:
            with told_apart(upload.key):
                return Arrivals(self._folder, upload).put(number, content)

        return await in_thread(put)

    async def parts(self, upload: Upload) -> Sequence[Part]:
        """Return the parts that are on the disk; NotFound."""

        def look(_: Told) -> Sequence[Part]:
            with told_apart(upload.key):
                return Arrivals(self._folder, upload).parts()

        return await in_thread(look)

    async def complete_upload(self, upload: Upload, *, sha256: str | None = None) -> StoredObject:
        """Move the file to its place; to do so twice is no error for some days."""
        place = self.place(upload.key)

        def complete(_: Told) -> StoredObject:
            with told_apart(upload.key):
                Arrivals(self._folder, upload).complete(place)
            with reading(upload.key):
                return stored(upload.key, place, sha256)

        return await in_thread(complete)

    async def abort_upload(self, upload: Upload) -> None:
        """Remove the parts."""

        def abort(_: Told) -> None:
            with told_apart(upload.key):
                Arrivals(self._folder, upload).abort()

        await in_thread(abort)

    async def create_container(self) -> None:
        """Make the folder."""

        def make(_: Told) -> None:
            with told_apart("the folder"):
                make_folder(self._folder, self._folder)
                sync(self._folder.parent)

        await in_thread(make)

    async def container_exists(self) -> bool:
        """Say whether the folder is there."""
        return await in_thread(lambda _: self._folder.is_dir())

    async def delete_container(self) -> None:
        """Remove the folder; StoreFailed when anything is in it, also an upload that goes on."""

        def remove_all(_: Told) -> None:
            clear_uploads(self._folder)
            with told_apart("the folder"):
                for folder in (self._folder / DRAFTS, self._folder / WORK, self._folder):
                    if folder.is_dir():
                        folder.rmdir()

        await in_thread(remove_all)

    async def free_bytes(self) -> int | None:
        """Return the room on the disk of the folder."""

        def look(_: Told) -> int:
            with told_apart("the folder"):
                return disk_usage(next(one for one in (self._folder, *self._folder.parents) if one.exists())).free

        return await in_thread(look)

    def place(self, key: str) -> Path:
        """Return where the file of an object is, or would be; InvalidInput, Forbidden behind a link."""
        place = self._folder / checked_key(key)
        if not self._follows_links and place.resolve() != place:
            raise Forbidden(f"{key} lies behind a link, and this store follows none.")
        return place

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


def _unheard(_: str) -> None:
    """Tell nobody of a name that is no key."""


def _opened(key: str, place: Path, start: int) -> BinaryIO:
    with reading(key):
        file = place.open("rb")
        file.seek(start)
        return file
