"""Signed requests: what whoever has them may fetch or store until they expire, and what the vendor copies by."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.objects import Objects
from connectors.stores.azure_blob.place import Place
from connectors.stores.buckets import SignedRequest
from connectors.stores.capability import StoredObject
from maestro import clock
from maestro.errors import InvalidInput
from maestro.vendor_errors import NotSupported

LONGEST: Final = timedelta(days=7)
"""As long as with other vendors; Azure has no limit of its own for what is signed by an account's key."""
COPYING: Final = timedelta(hours=1)
"""So long may the vendor take to read what it copies in one request."""


class AzureSigning(Objects):
    """Requests that are signed with the account's key."""

    async def presign_get(
        self, key: str, ttl: timedelta, *, filename: str | None = None, media_type: str | None = None
    ) -> SignedRequest:
        """Return a GET of an object; NotSupported when the store was opened without the account's key."""
        told: dict[str, Any] = {"permission": BlobSasPermissions(read=True), "content_type": media_type}
        if filename is not None:
            told["content_disposition"] = _disposition(filename)
        return self._signed("GET", key, ttl=ttl, told=told, headers={})

    async def presign_put(
        self,
        key: str,
        ttl: timedelta,
        *,
        size: int | None = None,  # noqa: ARG002 -- Azure checks no size
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Return a PUT of an object of at most 5,000 MiB, whose size Azure does not check; NotSupported as above.

        Azure computes no SHA-256: where one is promised, nothing that is there is replaced.
        """
        headers = {"x-ms-blob-type": "BlockBlob"} | ({"Content-Type": media_type} if media_type else {})
        told = {"permission": BlobSasPermissions(create=True, write=sha256 is None)}
        return self._signed("PUT", key, ttl=ttl, told=told, headers=headers)

    async def arrived(self, key: str) -> StoredObject:
        """Return an object without the SHA-256 that whoever has sent it may have told of it."""
        return replace(await self.head(key), sha256=None)

    def _signed(
        self, method: str, key: str, *, ttl: timedelta, told: dict[str, Any], headers: dict[str, str]
    ) -> SignedRequest:
        if not timedelta(0) < ttl <= LONGEST:
            raise InvalidInput(f"A request is signed for up to {LONGEST.days} days, and not for {ttl}.", field="ttl")
        if self.place.config.key is None:
            raise NotSupported(
                "A store that was opened with a shared access signature, or with nothing, cannot sign requests.",
                hint="Give the connector the key of the storage account.",
            )
        expires_at = clock.now() + ttl
        name = self.place.name(key)
        url = f"{self.place.blob(key).url}?{_signature(self.place, name, expiry=expires_at, **told)}"
        return SignedRequest(method, url, headers, expires_at)


def source_url(place: Place, key: str, version_id: str | None = None) -> str:
    """Return the address by which the vendor may read a blob, or a version of it, in order to copy it."""
    name, plain = place.name(key), place.client.get_blob_client(place.name(key)).url
    query = [] if version_id is None else [f"versionid={quote(version_id, safe='')}"]
    if place.config.key is not None:
        told = {"permission": BlobSasPermissions(read=True), "version_id": version_id}
        query.append(_signature(place, name, expiry=clock.now() + COPYING, **told))
    elif place.config.signature is not None:
        query.append(place.config.signature)
    return f"{plain}?{'&'.join(query)}" if query else plain


def _signature(place: Place, name: str, **told: Any) -> str:
    config = place.config
    with translated("a signature"):
        return str(
            generate_blob_sas(
                config.account,
                config.container,
                name,
                account_key=config.key,
                protocol="https" if config.address.startswith("https:") else None,
                **told,
            )
        )


def _disposition(filename: str) -> str:
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
