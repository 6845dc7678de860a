"""What every store that signs requests for others has to do; the requests are sent as others would send them."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Protocol

import httpx
import pytest

from connectors.stores.buckets import Presign, SignedRequest
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro import clock
from maestro.errors import InvalidInput, NotFound
from tests.connectors.stores.contract import CONTENT, keys

MINUTES = timedelta(minutes=5)
REFUSED = range(400, 500)


class PresignStore(ObjectStore, Presign, Protocol):
    """A store that signs."""


async def send(signed: SignedRequest, content: bytes | None = None) -> httpx.Response:
    # Straight to the server, whatever proxy the machine has.
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.request(signed.method, signed.url, headers=dict(signed.headers), content=content)


class PresignContract:
    """Subclassed with a fixture `store` of an empty store.

    Say False of what the server that stands in for the vendor does not verify, with the reason beside it.
    """

    verifies_signatures = True
    verifies_expiry = True
    verifies_size = True
    refuses_replacement = True

    async def test_who_has_the_request_may_fetch_the_object(self, store: PresignStore) -> None:
        await store.put_bytes("a b/ä+%", CONTENT)
        signed = await store.presign_get("a b/ä+%", MINUTES)
        assert signed.method == "GET"
        assert abs(signed.expires_at - clock.now() - MINUTES) < timedelta(seconds=5)
        answer = await send(signed)
        assert (answer.status_code, answer.content) == (200, CONTENT)

    async def test_a_browser_is_told_the_name_and_the_media_type(self, store: PresignStore) -> None:
        await store.put_bytes("a", CONTENT)
        signed = await store.presign_get("a", MINUTES, filename='we"ights ä.bin', media_type="application/x-weights")
        answer = await send(signed)
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == "application/x-weights"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment")
        assert "filename*=UTF-8''we%22ights%20%C3%A4.bin" in disposition

    async def test_whether_an_object_is_there_is_seen_when_it_is_fetched(self, store: PresignStore) -> None:
        assert (await send(await store.presign_get("none", MINUTES))).status_code == 404

    async def test_who_has_the_request_may_store_the_object(self, store: PresignStore) -> None:
        signed = await store.presign_put("a b/ä+%", MINUTES, size=len(CONTENT), media_type="application/x-weights")
        assert signed.method == "PUT"
        assert abs(signed.expires_at - clock.now() - MINUTES) < timedelta(seconds=5)
        assert await keys(store) == []
        answer = await send(signed, CONTENT)
        assert answer.is_success, answer.text
        assert await read(store, "a b/ä+%") == CONTENT
        assert (await store.head("a b/ä+%")).media_type in (None, "application/x-weights")

    async def test_any_size_may_be_stored_when_none_is_told(self, store: PresignStore) -> None:
        assert (await send(await store.presign_put("a", MINUTES), b"x")).is_success
        assert (await send(await store.presign_put("b", MINUTES), CONTENT)).is_success
        assert [await read(store, key) for key in "ab"] == [b"x", CONTENT]

    async def test_another_size_is_not_stored(self, store: PresignStore) -> None:
        if not self.verifies_size:
            pytest.skip("this server does not verify the size of what is stored by a signed request")
        signed = await store.presign_put("a", MINUTES, size=len(CONTENT))
        headers = {name: text for name, text in signed.headers.items() if name.lower() != "content-length"}
        answer = await send(SignedRequest("PUT", signed.url, headers, signed.expires_at), CONTENT + b"more")
        assert answer.status_code in REFUSED
        assert await keys(store) == []

    async def test_bytes_that_were_promised_are_not_replaced_by_others(self, store: PresignStore) -> None:
        if not self.refuses_replacement:
            pytest.skip("this server does not look at the conditions of signed requests")
        digest, other = hashlib.sha256(CONTENT).hexdigest(), bytes(reversed(CONTENT))
        signed = await store.presign_put("a", MINUTES, size=len(CONTENT), sha256=digest)
        assert (await send(signed, CONTENT)).is_success
        assert (await send(signed, other)).status_code in REFUSED
        assert await read(store, "a") == CONTENT

    async def test_what_has_arrived_is_not_what_its_sender_says(self, store: PresignStore) -> None:
        digest, forged = hashlib.sha256(CONTENT).hexdigest(), "0" * 64
        signed = await store.presign_put("a", MINUTES, size=len(CONTENT), sha256=digest)
        claims = {f"x-{vendor}-meta-sha256": forged for vendor in ("amz", "goog", "ms")}
        forging = SignedRequest("PUT", signed.url, {**signed.headers, **claims}, signed.expires_at)
        if not (await send(forging, CONTENT)).is_success:
            assert (await send(signed, CONTENT)).is_success
        seen = await store.arrived("a")
        assert seen.size == len(CONTENT)
        assert seen.sha256 in (None, digest)
        with pytest.raises(NotFound):
            await store.arrived("b")

    async def test_a_request_for_one_object_is_none_for_another(self, store: PresignStore) -> None:
        if not self.verifies_signatures:
            pytest.skip("this server does not verify the signatures of requests")
        await store.put_bytes("public", b"public")
        await store.put_bytes("secret", b"secret")
        signed = await store.presign_get("public", MINUTES)
        changed = SignedRequest("GET", signed.url.replace("public", "secret"), signed.headers, signed.expires_at)
        assert (await send(changed)).status_code in REFUSED
        assert (await send(SignedRequest("PUT", signed.url, {}, signed.expires_at), b"x")).status_code in REFUSED
        assert await read(store, "public") == b"public"

    async def test_a_request_that_has_expired_is_refused(self, store: PresignStore) -> None:
        if not self.verifies_expiry:
            pytest.skip("this server does not verify when requests expire")
        await store.put_bytes("a", CONTENT)
        signed = await store.presign_get("a", timedelta(seconds=1))
        await asyncio.sleep(2.1)
        assert (await send(signed)).status_code in REFUSED

    async def test_a_request_is_not_shown(self, store: PresignStore) -> None:
        signed = await store.presign_get("a", MINUTES)
        assert signed.url not in repr(signed)
        assert signed.url.partition("?")[2] not in repr(signed)

    @pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(days=400)])
    async def test_a_time_that_cannot_be_is_refused(self, store: PresignStore, ttl: timedelta) -> None:
        with pytest.raises(InvalidInput):
            await store.presign_get("a", ttl)
        with pytest.raises(InvalidInput):
            await store.presign_put("a", ttl)

    async def test_what_is_no_key_is_not_signed(self, store: PresignStore) -> None:
        with pytest.raises(InvalidInput):
            await store.presign_get("../a", MINUTES)
        with pytest.raises(InvalidInput):
            await store.presign_put("../a", MINUTES)
