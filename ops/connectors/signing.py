"""Requests to stores of objects that are signed for others, and what has come by them."""

from datetime import timedelta
from typing import Any, Final

from connectors.stores.buckets import Ability, SignedRequest
from connectors.stores.capability import StoredObject
from connectors.stores.transfers import digest_of
from maestro.crowd import for_each
from maestro.errors import NotFound
from maestro.vendor_errors import NotSupported
from maestro.vendors import ConnectorCapability
from ops.connectors.browsing import Arguments, used
from ops.connectors.opening import Openings

AT_ONCE: Final = 8
"""So many objects are looked at at a time."""


async def sign(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return `items`, a signed request for each of `requests`: `method`, `url`, `headers` and `expires_at`.

    Each of these has a `method`, GET or PUT, a `key`, and `ttl_s`; a GET `filename` and `media_type`, a PUT `size`,
    `media_type` and `sha256`. NotSupported for a store that cannot sign.
    """
    async with used(openings, asked, ConnectorCapability.OBJECT_STORE) as store:
        _require_signing(store)
        return {"items": [_plain(await _signed(store, one)) for one in asked["requests"]]}


async def arrived(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return `items`, for each of `objects` its `size` and `sha256` as the store has them, None for one that is none.

    Each of these has a `key` and a `size`. Where the store has computed no SHA-256, the object is read; one of another
    size is not, and its `sha256` is None.
    """
    found: dict[int, dict[str, Any] | None] = {}
    async with used(openings, asked, ConnectorCapability.OBJECT_STORE) as store:
        _require_signing(store)

        async def look(numbered: tuple[int, dict[str, Any]]) -> None:
            number, one = numbered
            try:
                found[number] = await _looked_at(store, one["key"], size=one["size"])
            except NotFound:
                found[number] = None

        await for_each(enumerate(asked["objects"]), look, at_once=AT_ONCE)
    return {"items": [found[number] for number in range(len(asked["objects"]))]}


def _require_signing(store: Any) -> None:
    if Ability.PRESIGN not in getattr(store, "abilities", ()):
        raise NotSupported("This store signs no requests.", hint="Use a connector of kind S3, GCS or AZURE_BLOB.")


async def _signed(store: Any, one: dict[str, Any]) -> SignedRequest:
    ttl = timedelta(seconds=one["ttl_s"])
    told = {name: one[name] for name in ("filename", "media_type", "size", "sha256") if name in one}
    sign_one = store.presign_get if one["method"] == "GET" else store.presign_put
    signed: SignedRequest = await sign_one(one["key"], ttl, **told)
    return signed


def _plain(signed: SignedRequest) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": dict(signed.headers),
        "expires_at": signed.expires_at.isoformat(),
    }


async def _looked_at(store: Any, key: str, *, size: int) -> dict[str, Any]:
    seen: StoredObject = await store.arrived(key)
    sha256 = seen.sha256
    if sha256 is None and seen.size == size:
        sha256, _ = await digest_of(store, key)
    return {"size": seen.size, "sha256": sha256}
