"""Signed requests of Google Cloud Storage, verified as the service would: no server that stands in for it does so.

What is signed is put together here from what arrives at a server, after the documentation of signatures of version 4,
and compared with the public key of a service account that was made for the tests.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from connectors.stores.buckets import SignedRequest
from connectors.stores.gcs.service import GcsConfig
from connectors.stores.gcs.store import GcsStore, gcs_store
from maestro.errors import InvalidInput
from maestro.vendor_errors import NotSupported
from tests.fixtures.gcs_servers import EMAIL, Asked, Replay, key_file, private_key, replaying

MINUTES = timedelta(minutes=5)
OWN = "X-Goog-"


@asynccontextmanager
async def signing(endpoint: str | None, *, project: str | None = None) -> AsyncIterator[GcsStore]:
    """A store that signs, and asks nobody for a token."""
    key = SecretStr(key_file("https://oauth2.googleapis.com/token"))
    config = GcsConfig(
        bucket="weights", prefix="a b", project=project, endpoint_url=endpoint, service_account=key, tries=1
    )
    async with gcs_store(config) as store:
        yield store


def verify(method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
    """Verify a request as it is on the wire, and return its parameters; InvalidSignature."""
    parts = urlsplit(url)
    raw = [pair.partition("=")[::2] for pair in parts.query.split("&")]
    query = {unquote(name): unquote(text) for name, text in raw}
    signature = bytes.fromhex(query["X-Goog-Signature"])
    signed = query["X-Goog-SignedHeaders"].split(";")
    canonical_query = "&".join(
        f"{quote(name, safe='')}={quote(text, safe='')}"
        for name, text in sorted(query.items())
        if name != "X-Goog-Signature"
    )
    canonical_headers = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(signed))
    lines = [method, parts.path, canonical_query, canonical_headers, ";".join(sorted(signed)), "UNSIGNED-PAYLOAD"]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    email, _, scope = query["X-Goog-Credential"].partition("/")
    assert email == EMAIL
    assert scope == f"{query['X-Goog-Date'][:8]}/auto/storage/goog4_request"
    text = "\n".join([query["X-Goog-Algorithm"], query["X-Goog-Date"], scope, digest])
    private_key().public_key().verify(signature, text.encode(), PKCS1v15(), SHA256())
    return {name: text for name, text in query.items() if not name.startswith(OWN)}


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[tuple[Replay, str]]:
    async with replaying() as (replay, address):
        replay.say((200, {}, {}))
        yield replay, address


async def sent(replay: Replay, signed: SignedRequest, content: bytes | None = None) -> Asked:
    """Send a request, and return it as it has arrived."""
    replay.say((200, {}, {}))
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(signed.method, signed.url, headers=dict(signed.headers), content=content)
    assert answer.status_code == 200
    return replay.asked[0]


async def test_a_request_to_fetch_is_signed_with_what_browsers_are_told(server: tuple[Replay, str]) -> None:
    replay, address = server
    async with signing(address) as store:
        signed = await store.presign_get("ä+%/c~d", MINUTES, filename='we"ights ä.bin', media_type="application/X-w")
    assert (signed.method, dict(signed.headers)) == ("GET", {})
    assert urlsplit(signed.url).path == "/weights/a%20b/%C3%A4%2B%25/c~d"
    asked = await sent(replay, signed)
    assert asked.path == "/weights/a b/ä+%/c~d"
    assert verify("GET", signed.url, asked.headers) == {
        "response-content-disposition": (
            "attachment; filename=\"we_ights _.bin\"; filename*=UTF-8''we%22ights%20%C3%A4.bin"
        ),
        "response-content-type": "application/X-w",
    }
    assert asked.query["X-Goog-Expires"] == "300"


async def test_a_request_to_store_is_signed_with_its_headers(server: tuple[Replay, str]) -> None:
    replay, address = server
    async with signing(address) as store:
        signed = await store.presign_put("a", MINUTES, size=7, media_type="application/X-Weights")
    assert dict(signed.headers) == {
        "Content-Type": "application/X-Weights",
        "x-goog-content-length-range": "7,7",
    }
    asked = await sent(replay, signed, b"weights")
    assert asked.query["X-Goog-SignedHeaders"] == "content-type;host;x-goog-content-length-range"
    assert verify("PUT", signed.url, asked.headers) == {}
    for changed in ({"content-type": "text/html"}, {"x-goog-content-length-range": "0,9"}, {"host": "elsewhere"}):
        with pytest.raises(InvalidSignature):
            verify("PUT", signed.url, {**asked.headers, **changed})


async def test_a_request_for_promised_bytes_replaces_nothing(server: tuple[Replay, str]) -> None:
    replay, address = server
    async with signing(address) as store:
        signed = await store.presign_put("a", MINUTES, sha256="0" * 64)
    assert dict(signed.headers) == {"x-goog-if-generation-match": "0"}
    asked = await sent(replay, signed, b"weights")
    assert asked.query["X-Goog-SignedHeaders"] == "host;x-goog-if-generation-match"
    assert verify("PUT", signed.url, asked.headers) == {}


@pytest.mark.parametrize("change", [("/a?", "/b?"), ("Expires=300", "Expires=301"), ("weights", "other")])
async def test_what_is_changed_of_a_request_breaks_its_signature(change: tuple[str, str]) -> None:
    async with signing(None) as store:
        signed = await store.presign_get("a", MINUTES)
    headers = {"host": urlsplit(signed.url).netloc}
    verify("GET", signed.url, headers)
    changed = signed.url.replace(*change)
    assert changed != signed.url
    with pytest.raises(InvalidSignature):
        verify("GET", changed, headers)
    with pytest.raises(InvalidSignature):
        verify("PUT", signed.url, headers)


async def test_requests_go_to_google_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    async with signing(None, project="who-pays") as store:
        signed = await store.presign_get("a", timedelta(days=7))
    assert re.match(r"https://storage\.googleapis\.com/weights/a%20b/a\?", signed.url)
    assert verify("GET", signed.url, {"host": "storage.googleapis.com"}) == {"userProject": "who-pays"}


async def test_without_a_key_nothing_is_signed() -> None:
    async with gcs_store(GcsConfig(bucket="weights")) as store:
        with pytest.raises(NotSupported, match="key of a service account"):
            await store.presign_get("a", MINUTES)


async def test_a_key_that_cannot_be_read_is_told_without_showing_it() -> None:
    key = SecretStr(key_file("https://oauth2.googleapis.com/token", private_key="-----BEGIN nonsense"))
    async with gcs_store(GcsConfig(bucket="weights", service_account=key)) as store:
        with pytest.raises(InvalidInput) as refused:
            await store.presign_get("a", MINUTES)
    assert "nonsense" not in repr(refused.value.extensions)
