"""A bucket of S3, how it is reached, and what its answers tell of objects: what all abilities of a store rest on."""

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr

from connectors.stores.capability import StoredObject
from connectors.stores.keys import checked_key
from connectors.stores.s3.direct import Direct
from connectors.stores.s3.errors import OF_BACKUPS, Advice, translated
from connectors.stores.s3.reading import TRIES
from connectors.stores.s3.targets import Target

SHA256: Final = "sha256"
UPLOAD: Final = "maestro-upload"
"""Metadata of ours: the SHA-256 of an object, and by which upload it was made."""
STANDARD: Final = "STANDARD"
TIERS: Final = (
    STANDARD,
    "INTELLIGENT_TIERING",
    "STANDARD_IA",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
"""The storage classes, from quick to slow; objects in the last two have to be restored before they are read."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_EXPRESS: Final = "--x-s3"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """A bucket, what the keys in it begin with, and how it is reached; without an access key the machine's own.

    `is_anonymous` signs nothing, with which public buckets can be read. `tries` is how often a request is sent that
    fails by the network or a busy server. `advice` is what errors tell to do about the settings.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = field(default=None, repr=False)
    session_token: SecretStr | None = field(default=None, repr=False)
    is_anonymous: bool = False
    is_path_style: bool = False
    tries: int = TRIES
    advice: Advice = OF_BACKUPS

    @property
    def door(self) -> tuple[object, ...]:
        """What two stores have to have in common for one to copy from the other: the server and the credential."""
        return self.endpoint_url, self.access_key_id, self.session_token, self.is_anonymous


class S3Bucket:
    """A part of a bucket: the objects whose keys begin with a prefix; `direct` is a quicker way to their bytes."""

    def __init__(self, client: Any, config: S3Config, direct: Direct | None = None) -> None:
        self.config = config
        self._direct = direct
        self._client = client
        self._bucket = config.bucket
        prefix = config.prefix.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def target(self, key: str, version_id: str | None = None) -> Target:
        """Return an object, or a version of it, as the library is told of it; InvalidInput for what is no key."""
        return Target(
            client=self._client,
            bucket=self._bucket,
            key=self._prefix + checked_key(key),
            advice=self.config.advice,
            version_id=version_id,
            direct=self._direct,
        )

    def _asking(self, what: str) -> AbstractContextManager[None]:
        return translated(what, self.config.advice)

    async def _seen(self, target: Target) -> dict[str, Any]:
        """Return what the server tells of an object; NotFound."""
        with target.asking():
            found: dict[str, Any] = await self._client.head_object(**target.names, ChecksumMode="ENABLED")
        return found

    def _stored(self, key: str, found: Mapping[str, Any]) -> StoredObject:
        """Return an object of what the server tells of it."""
        metadata = {name: text for name, text in found.get("Metadata", {}).items() if name not in {SHA256, UPLOAD}}
        etag = str(found.get("ETag", "")).strip('"')
        is_plain = found.get("ServerSideEncryption") in (None, "AES256") and "SSECustomerAlgorithm" not in found
        is_md5 = is_plain and not self._bucket.endswith(_EXPRESS) and _MD5.fullmatch(etag)
        return StoredObject(
            key,
            found["ContentLength"],
            found["LastModified"],
            sha256=sha256_of(found),
            md5=etag if is_md5 else None,
            crc32c=_hexadecimal(found.get("ChecksumCRC32C")),
            etag=etag or None,
            version_id=found.get("VersionId"),
            tier=found.get("StorageClass", STANDARD),
            media_type=found.get("ContentType"),
            metadata=metadata,
        )


def sha256_of(found: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of an object: what we have told of it, or what the server has computed of the whole."""
    told = found.get("Metadata", {}).get(SHA256, "")
    return told if _SHA256.fullmatch(told) else _hexadecimal(found.get("ChecksumSHA256"))


def _hexadecimal(checksum: str | None) -> str | None:
    """Return a checksum of a whole object as we write it; None for one of its parts' checksums."""
    try:
        return None if checksum is None else base64.b64decode(checksum, validate=True).hex()
    except binascii.Error:
        return None  # the checksum of checksums ends in a hyphen and the number of parts
