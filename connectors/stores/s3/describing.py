"""What is told of objects of S3, and their storage classes: both are changed by copying an object onto itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.stores.buckets import Description
from connectors.stores.capability import StoredObject
from connectors.stores.s3.bucket import SHA256, STANDARD, TIERS, sha256_of
from connectors.stores.s3.copying import S3Copies, kept
from maestro.errors import StoreFailed
from maestro.vendor_errors import NotSupported

_NO_TIER: Final = "InvalidArgument"
"""What servers say that have not all storage classes; Amazon's has a word of its own for it."""


def told(description: Description) -> dict[str, Any]:
    """Return a description as arguments of the library; NotSupported for a tier that is none."""
    digest = {} if description.sha256 is None else {SHA256: description.sha256}
    given: dict[str, Any] = {"Metadata": {**description.metadata, **digest}}
    if description.media_type is not None:
        given["ContentType"] = description.media_type
    if description.tier is not None:
        given["StorageClass"] = checked_tier(description.tier)
    return given


def checked_tier(tier: str) -> str:
    """Return a storage class; NotSupported for what is none."""
    if tier not in TIERS:
        raise NotSupported(f"{tier[:40]!r} is no storage class of S3.", hint=f"Use one of {', '.join(TIERS)}.")
    return tier


class S3Descriptions(S3Copies):
    """Objects whose metadata and tiers can be changed. In a bucket that keeps versions each change is one more."""

    @property
    def tiers(self) -> Sequence[str]:
        """The storage classes that objects can be moved to."""
        return TIERS

    async def set_tier(self, key: str, tier: str) -> None:
        """Move an object to a storage class, by copying it onto itself."""
        wanted, target = checked_tier(tier), self.target(key)
        seen = await self._seen(target)
        if seen.get("StorageClass", STANDARD) == wanted:
            return
        try:
            await self._copy(target, target, seen, changes={"StorageClass": wanted})
        except StoreFailed as error:
            if error.details.get("vendorCode") != _NO_TIER:
                raise
            raise NotSupported(f"This server has no storage class {tier}.", **error.details) from error

    async def describe(self, key: str, description: Description) -> StoredObject:
        """Change what is told of an object, by copying it onto itself."""
        target = self.target(key)
        seen = await self._seen(target)
        given = told(description)
        given["Metadata"] |= _digest(description, seen)
        changes = {**kept(seen), **given, "MetadataDirective": "REPLACE"}
        await self._copy(target, target, seen, changes=changes)
        return self._stored(key, await self._seen(target))


def _digest(description: Description, seen: Mapping[str, Any]) -> dict[str, str]:
    known = description.sha256 or sha256_of(seen)
    return {} if known is None else {SHA256: known}
