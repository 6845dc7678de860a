"""What Google Cloud Storage tells of an object, and what it is told: JSON on the wire, ours here."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import google_crc32c

from connectors.stores.buckets import Description
from connectors.stores.capability import StoredObject
from maestro.errors import Transient

SHA256: Final = "sha256"
UPLOAD: Final = "maestro-upload"
"""The metadata that are the store's own: the object's SHA-256, and the upload in parts that has made it."""
FIELDS: Final = "name,size,timeCreated,generation,md5Hash,crc32c,storageClass,contentType,metadata"
EDITABLE: Final = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "metadata",
)
"""What is lost when an object is rewritten with a changed description, unless it is said again."""
UNKNOWN_TYPE: Final = "application/octet-stream"


@dataclass(slots=True)
class Digests:
    """The digests of some bytes that the service and we compare: MD5, CRC32C and SHA-256."""

    md5: Any
    crc32c: Any
    sha256: Any
    size: int = 0

    @classmethod
    def of(cls, content: bytes = b"") -> Self:
        """Return the digests of some bytes."""
        crc32c = google_crc32c.Checksum()  # type: ignore[no-untyped-call] # it tells no types
        found = cls(hashlib.md5(usedforsecurity=False), crc32c, hashlib.sha256())
        found.update(content)
        return found

    def update(self, content: bytes) -> None:
        """Take more bytes."""
        self.md5.update(content)
        self.crc32c.update(content)
        self.sha256.update(content)
        self.size += len(content)

    @property
    def told(self) -> dict[str, str]:
        """The digests as the service has them: it refuses bytes that do not have them."""
        return {"md5Hash": _text(self.md5.digest()), "crc32c": _text(self.crc32c.digest())}

    @property
    def header(self) -> str:
        """The digests as the header that comes with the last bytes of an upload."""
        return f"crc32c={self.told['crc32c']},md5={self.told['md5Hash']}"

    def verify(self, made: Mapping[str, Any], what: str) -> None:
        """Compare with what has arrived, as far as the service tells; Transient."""
        arrived = {name: made[name] for name in self.told if made.get(name)}
        if int(made.get("size", -1)) != self.size or arrived != {name: self.told[name] for name in arrived}:
            raise Transient(f"What has arrived in the store for {what} is not what was sent.")


def stored(key: str, told: Mapping[str, Any]) -> StoredObject:
    """Return an object as the service tells of it."""
    metadata = {name: text for name, text in (told.get("metadata") or {}).items() if text is not None}
    sha256 = metadata.pop(SHA256, None)
    metadata.pop(UPLOAD, None)
    size, generation, md5, crc32c = int(told["size"]), str(told["generation"]), told.get("md5Hash"), told.get("crc32c")
    return StoredObject(
        key,
        size,
        moment(told["timeCreated"]),
        sha256,
        md5=_hexadecimal(md5),
        crc32c=_hexadecimal(crc32c),
        # The vendor's own tag changes with the description. What was joined of parts has no MD5.
        etag=_hexadecimal(md5) or f"{generation}-{size}-{_hexadecimal(crc32c)}",
        version_id=generation,
        tier=told.get("storageClass"),
        media_type=told.get("contentType"),
        metadata=metadata,
    )


def described(description: Description, *, upload: str | None = None) -> dict[str, Any]:
    """Return a description, and what is the store's own, as the service is told it."""
    own = {SHA256: description.sha256, UPLOAD: upload}
    told: dict[str, Any] = {
        "contentType": description.media_type or UNKNOWN_TYPE,
        "metadata": {**description.metadata, **{name: text for name, text in own.items() if text is not None}},
    }
    if description.tier is not None:
        told["storageClass"] = description.tier
    return told


def moment(text: str) -> datetime:
    """Return a time of the service."""
    return datetime.fromisoformat(text)


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _hexadecimal(told: str | None) -> str | None:
    try:
        return base64.b64decode(told, validate=True).hex() if told else None
    except binascii.Error:
        return None
