"""A container that is open: the client of the library, and the names of what lies in it."""

from dataclasses import dataclass
from typing import Any

from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient, ContainerClient

from connectors.stores.azure_blob.config import AzureConfig
from connectors.stores.azure_blob.names import SHA256, checked_name, digest_in
from connectors.stores.capability import StoredObject


@dataclass(frozen=True, slots=True)
class Target:
    """A blob that is read or made: the client of the library for it, and the key by which errors name it."""

    blob: BlobClient
    key: str


@dataclass(frozen=True, slots=True)
class Place:
    """A container that is open, and what the names in it begin with."""

    client: ContainerClient
    config: AzureConfig
    prefix: str

    def name(self, key: str) -> str:
        """Return the name of the blob for a key; InvalidInput."""
        return checked_name(key, self.prefix)

    def blob(self, key: str, version_id: str | None = None) -> BlobClient:
        """Return the client of a blob, or of a version of it; InvalidInput for what is no key."""
        return self.client.get_blob_client(self.name(key), version_id=version_id)

    def target(self, key: str, version_id: str | None = None) -> Target:
        """Return the client of a blob with its key; InvalidInput for what is no key."""
        return Target(self.blob(key, version_id), key)


def told(key: str, found: BlobProperties) -> StoredObject:
    """Return a blob as an object, with what was told of it."""
    settings, metadata = found.content_settings, dict(found.metadata or {})
    return StoredObject(
        key,
        found.size,
        found.last_modified,
        sha256=digest_in(metadata),
        md5=bytes(settings.content_md5).hex() if settings.content_md5 else None,
        etag=bare(found.etag),
        version_id=found.version_id or None,
        tier=found.blob_tier or None,
        media_type=settings.content_type or None,
        metadata={name.lower(): text for name, text in metadata.items() if name.lower() != SHA256},
    )


def bare(etag: Any) -> str | None:
    """Return a tag without its quotation marks, which lists have not."""
    return str(etag).strip('"') if etag else None
