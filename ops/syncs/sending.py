"""What it takes to send an object: the shared means, what is known of it, and how its bytes are compared."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, cast

from connectors.stores.buckets import Ability, Description, Uploads
from connectors.stores.capability import StoredObject
from maestro.errors import DigestMismatch, NotFound, Transient
from maestro.threads import Told, untold
from maestro.vendor_errors import NotSupported
from ops.syncs.ends import End, Ends
from ops.syncs.throttling import Bandwidth, Memory

INLINE_BYTES: Final = 64 * 1024
"""To digest less than this in a thread takes longer than to digest it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all transfers of a sync share; `told` hears of the bytes that have arrived."""

    ends: Ends
    bandwidth: Bandwidth = field(default_factory=lambda: Bandwidth(None))
    memory: Memory = field(default_factory=Memory)
    told: Told = untold


async def _forget(_: Mapping[str, Any]) -> None:
    """Keep nothing: an upload that is broken off is begun anew."""


@dataclass(frozen=True, slots=True)
class Task:
    """An object to be copied: its key below both folders, and how an upload of it goes on that was broken off.

    `keep` is given that, as JSON, when an upload begins, and has kept it when it returns.
    """

    key: str
    upload: Mapping[str, Any] | None = None
    keep: Callable[[Mapping[str, Any]], Awaitable[None]] = _forget


@dataclass(frozen=True, slots=True)
class Sent:
    """What was stored, the digest of its bytes where they went through here, and how many of them were sent."""

    stored: StoredObject
    sha256: str | None
    sent_bytes: int


@dataclass(slots=True)
class Digests:
    """The digests of bytes that go by, and what they should be where somebody knows."""

    expected: Mapping[str, str]
    found: dict[str, Any]

    @classmethod
    def of(cls, *known: StoredObject) -> "Digests":
        """Make the strongest one that some descriptions of the object tell, and SHA-256 in any case."""
        told = {name: digest for one in known for name in ("sha256", "md5") if (digest := getattr(one, name))}
        expected = {"sha256": told["sha256"]} if "sha256" in told else told
        names = {"sha256", *expected}
        return cls(expected, {name: hashlib.new(name, usedforsecurity=False) for name in names})

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has gone by."""
        return str(self.found["sha256"].hexdigest())

    async def take(self, content: bytes) -> None:
        """Digest some bytes."""
        if len(content) < INLINE_BYTES:
            self._update(content)
        else:
            await asyncio.to_thread(self._update, content)

    def compare(self, key: str) -> None:
        """Raise DigestMismatch unless the bytes are those that the source says it has."""
        for name, expected in self.expected.items():
            actual = self.found[name].hexdigest()
            if actual != expected:
                raise DigestMismatch(
                    f"What was read of {key} has not the {name} that the source tells.",
                    expected=expected,
                    actual=actual,
                )

    def _update(self, content: bytes) -> None:
        for digest in self.found.values():
            digest.update(content)


def description_of(one: StoredObject, *, sha256: str | None) -> Description:
    """Return what is told of an object as it goes with it; a SHA-256 has a place of its own."""
    metadata = {name: text for name, text in one.metadata.items() if name != "sha256"}
    return Description(one.media_type, metadata, None, sha256)


def is_another(known: StoredObject, found: StoredObject) -> bool:
    """Say whether what is found now is not the object that was known, by its tag, or else by its size and time."""
    if known.size != found.size:
        return True
    if known.etag is not None and found.etag is not None:
        return known.etag != found.etag
    # Lists and heads of one store may tell times to the second or finer.
    return abs(known.modified_at - found.modified_at) >= timedelta(seconds=1)


def changed(key: str) -> Transient:
    """Return the error for an object that is another one by now."""
    return Transient(f"{key} has become another object in the source while it was copied.")


def require_arrived(key: str, stored: StoredObject, *, size: int, sha256: str) -> None:
    """Raise DigestMismatch unless what the target has stored is what was sent."""
    if stored.size != size or stored.sha256 not in (None, sha256):
        raise DigestMismatch(
            f"What has arrived in the target of {key} is not what was sent.", expected=sha256, actual=stored.sha256
        )


def uploads_of(target: End) -> Uploads:
    """Return a store as one that takes parts; NotSupported when it does not."""
    if not target.can(Ability.UPLOADS):
        raise NotSupported(f"{target.store} takes no objects in parts.", hint="Choose another target.")
    return cast("Uploads", target.store)


def gone(key: str) -> NotFound:
    """Return the error for an object that the source does not have any more."""
    return NotFound(f"{key} is not in the source any more.", hint="Plan anew.")
