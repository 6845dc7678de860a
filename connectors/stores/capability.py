"""What a store of objects can do: one protocol a verb, whole in their contracts, so that a vendor is one class.

An object is some bytes under a key (`connectors/stores/keys.py`) of one store. It is there whole or not at all, it is
never changed, and one that is put under the key of another takes its place at once. Whatever fails raises:

- NotFound, when there is no such object, bucket or folder;
- Forbidden, when the credentials are wrong or do not suffice;
- Transient, which may be tried again: the network, a server that is busy; the stores have tried some times themselves;
- DigestMismatch, when bytes are not those that were named, or were changed on their way;
- StoreFailed for everything else, such as a disk that is full: trying again would not help.

Where a vendor tells them, `vendorCode` and `requestId` are in the details.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from maestro.threads import Told, untold

CHUNK: Final = 1024 * 1024
"""Bytes that are read, sent or written in one step."""
PAGE: Final = 1000
"""Objects of a page when the caller asks for no other number."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object: its key, its size in bytes, when it was stored, and what else the store knows of it.

    Digests are in lower-case hexadecimal, and None where the store does not know them without reading the bytes;
    `crc32c` is of the whole object. Two objects with the same `etag` in one store have the same bytes. What a list
    leaves out, `head` may know.
    """

    key: str
    size: int
    modified_at: datetime
    sha256: str | None = None
    md5: str | None = None
    crc32c: str | None = None
    etag: str | None = None
    version_id: str | None = None
    tier: str | None = None
    media_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Head(Protocol):
    """Look at an object."""

    async def head(self, key: str) -> StoredObject:
        """Return what the store knows of an object without reading its bytes; NotFound."""
        ...


class List(Protocol):
    """List objects."""

    def list(
        self,
        prefix: str = "",
        *,
        after: str | None = None,
        page: int = PAGE,
        left_out: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, in the order of their keys' UTF-8.

        With `after`, which need not be the key of an object, those that follow on it: the vendor is asked for what
        comes then, and not for what was before, as far as it can be.
        They come in pages of at most `page`, which are never empty, and fetched when they are asked for. Objects that
        are put or deleted meanwhile may be in them or not; the SHA-256 of those in them may be left out. `left_out` is
        told of names that are there and are no keys, such as those that end in a slash.
        """
        ...


class Get(Protocol):
    """Read an object."""

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object from `start` up to, but without, `end`, some at a time; NotFound.

        Whoever does not read it to its end closes it (`contextlib.aclosing`).
        Bytes beyond its end are not there, and are not missed. All of them are of one and the same object: when another
        takes its place meanwhile, the rest is that of the first, or Transient is raised.
        """
        ...


class Put(Protocol):
    """Write an object."""

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes, on the disk or with the vendor when this returns; the SHA-256 of what is returned is told.

        Whatever goes wrong, and if this process ends, there is the new object, or what was there before.
        """
        ...

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file of any size, with little memory; otherwise as `put_bytes`.

        DigestMismatch when they have not the SHA-256 that is given. With `consume` the file is the store's: it is
        moved where it can be, and then a given SHA-256 is believed; otherwise it is removed when it has been stored.
        """
        ...


class Delete(Protocol):
    """Remove objects."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, however many; those that are not there are not missed."""
        ...


class Tidy(Protocol):
    """Clear up."""

    async def tidy(self) -> None:
        """Remove what writers left behind that did not live to the end; living ones are not disturbed."""
        ...


class Room(Protocol):
    """Tell how much more there is room for."""

    async def free_bytes(self) -> int | None:
        """Return how many bytes there is room for, None when nobody knows, or when there is no end to it."""
        ...

    @property
    def folder(self) -> Path | None:
        """The folder of this machine in which the objects lie as files under their keys, None where they do not.

        They may be read there, and are written and removed by the store alone. Below `.work` whoever writes to the
        store may make drafts, which are then moved and not copied.
        """
        ...


class ObjectStore(Head, List, Get, Put, Delete, Tidy, Room, Protocol):
    """A store of objects with all of it; `str` of it names the place, and holds no secret."""
