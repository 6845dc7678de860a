"""Requests of S3 that are signed for others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from connectors.stores.buckets import SignedRequest
from connectors.stores.capability import StoredObject
from connectors.stores.s3.bucket import S3Bucket, sha256_of
from connectors.stores.s3.targets import checksum
from maestro import clock
from maestro.errors import InvalidInput
from maestro.vendor_errors import NotSupported

LONGEST: Final = timedelta(days=7)
"""So long a signature of version 4 can be good."""
SHORTEST: Final = timedelta(seconds=1)


class S3Presign(S3Bucket):
    """Requests for one object that others may send until they expire, or until the session of the credential does."""

    async def presign_get(
        self, key: str, ttl: timedelta, *, filename: str | None = None, media_type: str | None = None
    ) -> SignedRequest:
        """Sign a GET of an object."""
        names: dict[str, Any] = self.target(key).names
        if filename is not None:
            names["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        if media_type is not None:
            names["ResponseContentType"] = media_type
        return await self._signed("GET", names, ttl, headers={})

    async def presign_put(
        self,
        key: str,
        ttl: timedelta,
        *,
        size: int | None = None,
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Sign a PUT of an object; the server refuses another size, another media type, and bytes of another digest."""
        names: dict[str, Any] = self.target(key).names
        headers: dict[str, str] = {}
        if size is not None:
            names["ContentLength"], headers["content-length"] = size, str(size)
        if media_type is not None:
            names["ContentType"] = headers["content-type"] = media_type
        if sha256 is not None:
            names["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = checksum(bytes.fromhex(sha256))
        return await self._signed("PUT", names, ttl, headers=headers)

    async def arrived(self, key: str) -> StoredObject:
        """Return an object with the SHA-256 that the server has computed itself, None where it has computed none."""
        seen = await self._seen(self.target(key))
        return replace(self._stored(key, seen), sha256=sha256_of({**seen, "Metadata": {}}))

    async def _signed(
        self, method: str, names: dict[str, Any], ttl: timedelta, *, headers: dict[str, str]
    ) -> SignedRequest:
        if not SHORTEST <= ttl <= LONGEST:
            raise InvalidInput("A signed request is good for one second to seven days.", field="ttl")
        if self.config.is_anonymous:
            raise NotSupported("Without a credential nothing can be signed.", hint=self.config.advice.credential)
        with self._asking(names["Key"]):
            url = await self._client.generate_presigned_url(
                f"{method.lower()}_object", Params=names, ExpiresIn=int(ttl.total_seconds())
            )
        return SignedRequest(method, url, headers, clock.now() + ttl)
