"""Requests to Google Cloud Storage that are signed for others, with the key of the service account (V4).

The library signs for the host that a variable of the environment names, and for headers in lower case; so only the
signature itself is left to it. See https://cloud.google.com/storage/docs/authentication/canonical-requests.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from gcloud.aio.storage.blob import Blob

from connectors.stores.buckets import SignedRequest
from connectors.stores.gcs.service import OfService
from maestro import clock
from maestro.errors import InvalidInput
from maestro.threads import in_thread
from maestro.vendor_errors import NotSupported

LONGEST: Final = timedelta(days=7)
ALGORITHM: Final = "GOOG4-RSA-SHA256"
SCOPE: Final = "auto/storage/goog4_request"


class Signing(OfService):
    """Allow others to fetch or store one object for some time."""

    async def presign_get(
        self, key: str, ttl: timedelta, *, filename: str | None = None, media_type: str | None = None
    ) -> SignedRequest:
        """Return a GET of an object; InvalidInput for a time that is none or more than seven days."""
        query = {
            "response-content-disposition": filename and disposition(filename),
            "response-content-type": media_type,
        }
        given = {name: text for name, text in query.items() if text is not None}
        return await self._signed("GET", key, ttl, query=given, headers={})

    async def presign_put(
        self,
        key: str,
        ttl: timedelta,
        *,
        size: int | None = None,
        media_type: str | None = None,
        sha256: str | None = None,
    ) -> SignedRequest:
        """Return a PUT of an object, of exactly this size if one is given; InvalidInput as `presign_get`.

        The service computes no SHA-256: where one is promised, nothing that is there is replaced.
        """
        headers: dict[str, str] = {} if sha256 is None else {"x-goog-if-generation-match": "0"}
        if media_type is not None:
            headers["Content-Type"] = media_type
        if size is not None:
            headers["x-goog-content-length-range"] = f"{size},{size}"
        return await self._signed("PUT", key, ttl, query={}, headers=headers)

    async def _signed(
        self, method: str, key: str, ttl: timedelta, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> SignedRequest:
        name = self._service.name(key)
        if not timedelta(seconds=1) <= ttl <= LONGEST:
            raise InvalidInput("A signed request is valid for a second to seven days.", field="ttl")
        account = self._service.storage.token.service_data
        if not account.get("private_key"):
            raise NotSupported(
                "Requests are signed with the key of a service account, and this store is opened without one.",
                hint="Store the key file of a service account as the connector's credential.",
            )
        now = clock.now()
        place = f"/{self._service.bucket}/{quote(name, safe='/~')}"
        sent = {"host": urlsplit(self._service.root).netloc, **headers}
        asked = {**self._service.params(), **query, **_standing(now, ttl, email=account["client_email"], headers=sent)}
        text = text_to_sign(method, place, query=asked, headers=sent, now=now)
        try:
            signature = await in_thread(lambda _: Blob.get_pem_signature(text, account["private_key"]))
        except ValueError:
            raise InvalidInput("The private key of the service account cannot be read.") from None
        url = f"{self._service.root}{place}?{encoded(asked)}&X-Goog-Signature={signature.hex()}"
        return SignedRequest(method, url, headers, now + ttl)


def _standing(now: datetime, ttl: timedelta, *, email: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that every signed request has."""
    return {
        "X-Goog-Algorithm": ALGORITHM,
        "X-Goog-Credential": f"{email}/{now:%Y%m%d}/{SCOPE}",
        "X-Goog-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Goog-Expires": str(int(ttl.total_seconds())),
        "X-Goog-SignedHeaders": ";".join(sorted(name.lower() for name in headers)),
    }


def text_to_sign(
    method: str, place: str, *, query: Mapping[str, str], headers: Mapping[str, str], now: datetime
) -> str:
    """Return what is signed: the digest of the request in its canonical form, and when and for what it is."""
    named = sorted((name.lower(), " ".join(text.split())) for name, text in headers.items())
    canonical = "\n".join(
        [
            method,
            place,
            encoded(query),
            *(f"{name}:{text}" for name, text in named),
            "",
            ";".join(name for name, _ in named),
            "UNSIGNED-PAYLOAD",
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join([ALGORITHM, f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{SCOPE}", digest])


def encoded(query: Mapping[str, str]) -> str:
    """Return a query in its canonical form."""
    pairs = sorted((quote(name, safe="~"), quote(text, safe="~")) for name, text in query.items())
    return "&".join(f"{name}={text}" for name, text in pairs)


def disposition(filename: str) -> str:
    """Return the header by which browsers save something under a name."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
