"""Objects of Google Cloud Storage that are copied, moved to another storage class or described anew."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from connectors.stores.buckets import Description
from connectors.stores.capability import ObjectStore, StoredObject
from connectors.stores.gcs.resources import EDITABLE, SHA256, UPLOAD, stored
from connectors.stores.gcs.service import OfService, Service
from maestro.vendor_errors import NotSupported

TIERS: Final = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")


async def rewrite(
    service: Service, source: tuple[str, str], name: str, *, told: Mapping[str, Any], **conditions: Any
) -> dict[str, Any]:
    """Make an object of another one, given as its bucket and name, within the service; a large one in several steps.

    With no description it has that of the source.
    """
    what, token = source[1].removeprefix(service.prefix), None
    address = service.url("o", name).removeprefix(f"{service.root}/storage/v1")
    start = f"{service.root}/storage/v1/b/{quote(source[0], safe='')}/o/{quote(source[1], safe='')}"
    while True:
        answer = await service.ask(
            "POST",
            f"{start}/rewriteTo{address}",
            what=what,
            params=service.params(rewriteToken=token, **conditions),
            json=dict(told),
        )
        if answer.get("done"):
            made: dict[str, Any] = answer["resource"]
            return made
        token = answer["rewriteToken"]


class Rewriting(OfService):
    """Copy within the service, move between storage classes, describe anew."""

    def can_copy_from(self, source: ObjectStore) -> bool:
        """Say whether another store is of the same server, and is opened with the same credentials."""
        if not isinstance(source, Rewriting):
            return False
        one, other = self._service, source._service  # noqa: SLF001 -- of the same class
        mine, yours = one.storage.token.service_data, other.storage.token.service_data
        return one.root == other.root and mine == yours and one.config.is_ambient == other.config.is_ambient

    async def copy_from(self, source: ObjectStore, source_key: str, key: str) -> StoredObject:
        """Copy an object with its metadata, whatever its size; NotFound."""
        if not isinstance(source, Rewriting):
            raise NotSupported(f"Nothing can be copied from {source} to {self} without passing through here.")
        origin = source._service  # noqa: SLF001 -- of the same class
        seen = await origin.resource(origin.name(source_key), source_key)
        made = await rewrite(
            self._service,
            (origin.bucket, origin.name(source_key)),
            self._service.name(key),
            told={},
            sourceGeneration=seen["generation"],
        )
        return stored(key, made)

    @property
    def tiers(self) -> Sequence[str]:
        """The storage classes, from quick to slow."""
        return TIERS

    async def set_tier(self, key: str, tier: str) -> None:
        """Move an object to a storage class, unless another takes its place meanwhile; NotFound, NotSupported."""
        if tier not in TIERS:
            raise NotSupported(f"{tier[:40]!r} is no storage class.", hint=f"There are {', '.join(TIERS)}.")
        service, name = self._service, self._service.name(key)
        seen = await service.resource(name, key)
        if seen.get("storageClass") == tier:
            return
        told: dict[str, Any] = {field: seen[field] for field in EDITABLE if field in seen}
        generation = seen["generation"]
        await rewrite(
            service,
            (service.bucket, name),
            name,
            told={**told, "storageClass": tier},
            sourceGeneration=generation,
            ifGenerationMatch=generation,
        )

    async def describe(self, key: str, description: Description) -> StoredObject:
        """Set all metadata of an object, and its media type and storage class if given; NotFound.

        Transient when somebody else describes it, or another takes its place, at the same time.
        """
        service, name = self._service, self._service.name(key)
        seen = await service.resource(name, key)
        earlier: dict[str, str] = seen.get("metadata") or {}
        # The service merges what it is told with what it knows; what is to go is said to be nothing.
        metadata = {field: text if field in (SHA256, UPLOAD) else None for field, text in earlier.items()}
        told: dict[str, Any] = {"metadata": {**metadata, **description.metadata}}
        if description.media_type is not None:
            told["contentType"] = description.media_type
        made = await service.ask(
            "PATCH",
            service.url("o", name),
            what=key,
            params=service.params(generation=seen["generation"], ifMetagenerationMatch=seen.get("metageneration")),
            json=told,
        )
        if description.tier is not None:
            await self.set_tier(key, description.tier)
            return stored(key, await service.resource(name, key))
        return stored(key, {**seen, **made})
