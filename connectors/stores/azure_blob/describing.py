"""The tiers of blobs, and what is told of them."""

from collections.abc import Sequence
from typing import Any, Final

from azure.core import MatchConditions
from azure.storage.blob import ContentSettings

from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.names import SHA256, metadata_of, with_digest
from connectors.stores.azure_blob.objects import Objects
from connectors.stores.buckets import Description
from connectors.stores.capability import StoredObject
from maestro.vendor_errors import NotSupported

TIERS: Final = ("Hot", "Cool", "Cold", "Archive")


def checked_tier(tier: str) -> str:
    """Return a tier; NotSupported for one that is none."""
    if tier not in TIERS:
        raise NotSupported(f"Azure has no tier {tier[:40]!r}.", hint=f"The tiers are {', '.join(TIERS)}.")
    return tier


class AzureDescribing(Objects):
    """Objects that are moved between tiers, and described anew."""

    @property
    def tiers(self) -> Sequence[str]:
        """The access tiers; what lies in Archive has to be moved to another, for hours, before it can be read."""
        return TIERS

    async def set_tier(self, key: str, tier: str) -> None:
        """Move an object to a tier; one that leaves Archive is in it until it has arrived."""
        blob = self.place.blob(key)
        with translated(key):
            await blob.set_standard_blob_tier(checked_tier(tier))

    async def describe(self, key: str, description: Description) -> StoredObject:
        """Set metadata, then media type and tier if given; Transient when another object takes its place meanwhile."""
        blob, metadata = self.place.blob(key), metadata_of(description)
        tier = None if description.tier is None else checked_tier(description.tier)
        with translated(key):
            found = await blob.get_blob_properties()
            digest = (found.metadata or {}).get(SHA256)
            made = await blob.set_blob_metadata(with_digest(metadata, digest), **_unchanged(found.etag))
            if description.media_type is not None:
                # What is not sent again is forgotten.
                settings = ContentSettings(**{**found.content_settings, "content_type": description.media_type})
                await blob.set_http_headers(settings, **_unchanged(made["etag"]))
        if tier is not None:
            await self.set_tier(key, tier)
        return await self.head(key)


def _unchanged(etag: Any) -> dict[str, Any]:
    return {"etag": str(etag), "match_condition": MatchConditions.IfNotModified}
