"""What buckets and containers can do beyond `capability.py`: one protocol an ability, which `abilities` names.

Errors are those of `capability.py`; NotSupported where this server of the vendor, or this bucket, cannot do it.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from connectors.stores.capability import PAGE, ObjectStore, StoredObject
from maestro.errors import InvalidInput


class Ability(StrEnum):
    """What a store may be able to do; each is the name of the protocol below."""

    COPY = "COPY"
    UPLOADS = "UPLOADS"
    DESCRIBED = "DESCRIBED"
    VERSIONS = "VERSIONS"
    PRESIGN = "PRESIGN"
    LIFECYCLE = "LIFECYCLE"
    TIERS = "TIERS"
    METADATA = "METADATA"
    CONTAINER = "CONTAINER"
    POLICY = "POLICY"


class HasAbilities(Protocol):
    """Tell what can be done."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What this store can do beyond what every store can."""
        ...


@dataclass(frozen=True, slots=True)
class Description:
    """What is told of an object when it is stored; None is left to the vendor. Metadata are ASCII, keys lower-case.

    A SHA-256, in lower-case hexadecimal, is kept with the object; it is not in its `metadata`.
    """

    media_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tier: str | None = None
    sha256: str | None = None


PLAIN: Final = Description()


class Described(Protocol):
    """Read and write small objects together with what is told of them, by a single request."""

    async def get_described(self, key: str, *, limit: int) -> tuple[StoredObject, bytes]:
        """Return an object and all its bytes; NotFound, PayloadTooLarge beyond the limit."""
        ...

    async def put_described(self, key: str, content: bytes, description: Description) -> StoredObject:
        """Store a few bytes as `put_bytes` does, with what is told of them; their SHA-256 need not be."""
        ...


class Copy(Protocol):
    """Copy within the vendor, without the bytes passing through here."""

    def can_copy_from(self, source: ObjectStore) -> bool:
        """Say whether another store is of the same vendor and server, and is opened with the same credentials."""
        ...

    async def copy_from(self, source: ObjectStore, source_key: str, key: str) -> StoredObject:
        """Copy an object of any size with its metadata; what is there is whole, or what was there before. NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that was begun; it goes on in another process, made again from `asdict` of it.

    Parts are numbered from 0; each has `part_size` bytes but the last one. An object of no bytes has no parts.
    """

    key: str
    id: str
    part_size: int
    size: int
    """Bytes of the whole object."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the vendor needs, as plain JSON; no credential is in it."""

    @property
    def count(self) -> int:
        """How many parts there are to be."""
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Return the bytes of a part; InvalidInput for a number that none has."""
        if not 0 <= number < self.count:
            raise InvalidInput(f"The upload of {self.key} has no part {number}, but {self.count} from 0 on.")
        return min(self.part_size, self.size - number * self.part_size)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived: its number, its size in bytes, and the vendor's tag of it."""

    number: int
    size: int
    tag: str


def part_of(upload: Upload, number: int, content: bytes) -> Part:
    """Return some bytes as a part with their SHA-256 as its tag; InvalidInput for a number or size that it has not."""
    if len(content) != upload.size_of(number):
        raise InvalidInput(f"Part {number} of {upload.key} has {upload.size_of(number):,} bytes, not {len(content):,}.")
    return Part(number, len(content), hashlib.sha256(content).hexdigest())


class Uploads(Protocol):
    """Store an object of any size in parts: in any order, several at a time, and in several lives of a process."""

    async def begin_upload(self, key: str, size: int, description: Description = PLAIN) -> Upload:
        """Begin; nothing is to be seen under the key until `complete_upload`. The size is that of the whole object."""
        ...

    async def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Store a part, in the place of what was there; its bytes are compared with what has arrived.

        InvalidInput for a number that none has, or another size than that part has.
        """
        ...

    async def parts(self, upload: Upload) -> Sequence[Part]:
        """Return the parts that have arrived, by their numbers; NotFound for an upload that has ended or is gone."""
        ...

    async def complete_upload(self, upload: Upload, *, sha256: str | None = None) -> StoredObject:
        """Make the object of all its parts, in the place of what was there.

        A SHA-256 that is given is that of what is returned, and is kept with the object where the vendor can do so at
        its end; one that was given when it began always is. StoreFailed, and nothing is changed, when parts are
        missing. To complete twice is no error while the object is there; NotFound for an upload that is gone.
        """
        ...

    async def abort_upload(self, upload: Upload) -> None:
        """Throw the parts away; one that has ended is not missed."""
        ...


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object; a deletion is a version too, with `is_deleted` and no size."""

    key: str
    version_id: str
    size: int
    modified_at: datetime
    is_latest: bool
    is_deleted: bool = False
    etag: str | None = None


class Versions(Protocol):
    """Keep what was there before."""

    async def is_versioned(self) -> bool:
        """Say whether what is replaced or deleted is kept as a version."""
        ...

    async def set_versioned(self, is_versioned: bool) -> None:  # noqa: FBT001 -- its only argument
        """Have versions kept, or not any more; those that are there stay."""
        ...

    def versions(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[ObjectVersion]]:
        """Yield all versions of the objects whose keys begin with a text, by key, the newest first."""
        ...

    def get_version(self, key: str, version_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a version; NotFound."""
        ...

    async def restore_version(self, key: str, version_id: str) -> StoredObject:
        """Make a version the latest one again, by copying it within the vendor; NotFound."""
        ...

    async def delete_version(self, key: str, version_id: str) -> None:
        """Remove a version for good; removing a deletion brings the object back."""
        ...


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that whoever has it may send until it expires: its method, URL, and the headers that belong to it."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime


class Presign(Protocol):
    """Allow others to fetch or store one object for some time, without passing the bytes through here."""

    async def presign_get(
        self, key: str, ttl: timedelta, *, filename: str | None = None, media_type: str | None = None
    ) -> SignedRequest:
        """Return a GET of an object, which browsers save under the name; whether it is there is not looked at.

        InvalidInput for a time that is none, or longer than the vendor allows.
        """
        ...

    async def presign_put(
        self,
        key: str,
        ttl: timedelta,
        *,
        size: int | None = None,
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Return a PUT of an object, whose headers have to be sent as they are; InvalidInput as `presign_get`.

        Where the vendor checks it, nothing of another size than the given one is stored. Bytes of a given SHA-256 are
        never replaced by others: those are refused, or everything once there is an object.
        """
        ...

    async def arrived(self, key: str) -> StoredObject:
        """Return what came by such a request: its SHA-256 is the vendor's own finding, never the sender's; NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """What the vendor does by itself, some days after objects whose keys begin with a text were stored; None: never."""

    id: str
    prefix: str = ""
    expire_days: int | None = None
    expire_noncurrent_days: int | None = None
    abort_uploads_days: int | None = None
    tier: str | None = None
    tier_days: int | None = None
    is_enabled: bool = True


class Lifecycle(Protocol):
    """Have the vendor move and remove objects by age."""

    async def lifecycle(self) -> Sequence[LifecycleRule]:
        """Return the rules; parts of rules that `LifecycleRule` cannot say are left out."""
        ...

    async def set_lifecycle(self, rules: Sequence[LifecycleRule]) -> None:
        """Set all rules in the place of those that were there; none removes them. NotSupported names what cannot be."""
        ...


class Tiers(Protocol):
    """Choose how objects are stored: dear and quick, or cheap and slow."""

    @property
    def tiers(self) -> Sequence[str]:
        """The vendor's storage classes or access tiers, from quick to slow."""
        ...

    async def set_tier(self, key: str, tier: str) -> None:
        """Move an object to a tier; NotFound, NotSupported for a tier that is none."""
        ...


class Metadata(Protocol):
    """Change what is told of an object."""

    async def describe(self, key: str, description: Description) -> StoredObject:
        """Set all metadata of an object, whose bytes and SHA-256 stay, and media type and tier if given; NotFound."""
        ...


class Container(Protocol):
    """The bucket or container itself."""

    async def create_container(self) -> None:
        """Make it; one that is there already and ours is no error. Conflict when it is somebody else's."""
        ...

    async def container_exists(self) -> bool:
        """Say whether it is there."""
        ...

    async def delete_container(self) -> None:
        """Remove it; one that is not there is not missed. StoreFailed when it is not empty."""
        ...
