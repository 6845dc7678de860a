"""The quicker way to the bytes of objects of S3: what it asks, what it leaves to the library, where it never goes."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.stores import read
from connectors.stores.buckets import Description
from connectors.stores.s3 import S3Config, S3Store, s3_store
from connectors.stores.s3.direct import MOST_IN_VAIN
from connectors.stores.s3.signing import Request, Signer
from connectors.stores.s3.targets import PART
from maestro.errors import Forbidden, StoreFailed
from tests.connectors.stores.contract import CONTENT, SHA256
from tests.fixtures.buckets import s3_config_of
from tests.fixtures.faults import Inner, Misleading, Refuser, listening


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the library has of a credential."""

    access_key: str
    secret_key: str
    token: str | None = None


def test_a_request_is_signed_as_the_example_of_the_vendor() -> None:
    """Of "Authenticating Requests: Using the Authorization Header", GET Object."""
    example = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    request = Request("GET", "examplebucket.s3.amazonaws.com", "/test.txt")
    signed = Signer("us-east-1").signed(request, {"range": "bytes=0-9"}, example, at=1369353600)
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_the_token_of_a_session_is_signed_too() -> None:
    signed = Signer("us-east-1").signed(Request("GET", "a", "/b"), {}, Credentials("AKIA", "secret", "a-token"))
    assert signed["x-amz-security-token"] == "a-token"
    assert "host;x-amz-content-sha256;x-amz-date;x-amz-security-token" in signed["authorization"]


@contextmanager
def asked_of_library(store: S3Store) -> Iterator[list[str]]:
    """What the library is asked meanwhile."""
    asked: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        asked.append(event_name.rpartition(".")[2])

    store._client.meta.events.register("before-send.s3", note)
    try:
        yield asked
    finally:
        store._client.meta.events.unregister("before-send.s3", note)


async def test_the_library_is_not_asked_for_what_carries_bytes(s3_bucket: S3Store) -> None:
    upload = await s3_bucket.begin_upload("large", PART + 1)
    with asked_of_library(s3_bucket) as asked:
        await s3_bucket.put_described("a", CONTENT, Description("text/plain", {"stage": "raw"}))
        found, content = await s3_bucket.get_described("a", limit=len(CONTENT))
        await s3_bucket.put_part(upload, 0, bytes(PART))
        await s3_bucket.put_part(upload, 1, b"x")
        assert b"".join([part async for part in s3_bucket.get("a", start=3, end=9)]) == CONTENT[3:9]
    assert (asked, content, found.sha256) == ([], CONTENT, SHA256)
    assert (await s3_bucket.complete_upload(upload)).size == PART + 1
    assert hashlib.sha256(await read(s3_bucket, "large")).digest() == hashlib.sha256(bytes(PART) + b"x").digest()


@pytest.mark.parametrize("key", ["a b+c%20/ä€.bin", "~'!(x)*;:@&=$,?#[]/\\^{}|\"<>`", "x/%2F/%/%%41"])
async def test_keys_of_any_letters_are_signed_as_the_server_reads_them(s3_bucket: S3Store, key: str) -> None:
    with asked_of_library(s3_bucket) as asked:
        await s3_bucket.put_described(key, CONTENT, Description())
        assert (await s3_bucket.get_described(key, limit=len(CONTENT)))[1] == CONTENT
    assert asked == []
    assert [one.key async for page in s3_bucket.list() for one in page] == [key]


async def test_metadata_with_spaces_arrive(s3_bucket: S3Store) -> None:
    with asked_of_library(s3_bucket) as asked:
        await s3_bucket.put_described("a", b"x", Description(metadata={"note": "one two"}))
    assert asked == []
    assert dict((await s3_bucket.head("a")).metadata) == {"note": "one two"}


async def test_an_anonymous_store_signs_nothing(s3_bucket: S3Store, s3_config: S3Config) -> None:
    anonymous = replace(s3_config, access_key_id=None, secret_access_key=None, is_anonymous=True)
    async with s3_store(anonymous) as opened:
        assert opened._direct is not None
        assert await opened._direct._headers(Request("GET", "a", "/b"), {}) == {"accept-encoding": "identity"}


async def test_a_session_token_does_not_show(s3_config: S3Config) -> None:
    async with s3_store(replace(s3_config, session_token=SecretStr("a-secret-token"))) as opened:
        assert opened._direct is not None
        signed = await opened._direct._headers(Request("GET", "a", "/b"), {})
        assert signed["x-amz-security-token"] == "a-secret-token"
        assert "a-secret" not in repr(opened._direct)


@pytest.fixture
async def refusing() -> AsyncIterator[tuple[Refuser, S3Store]]:
    server = Refuser()
    server.answer = 403, "AccessDenied"
    async with listening(server) as address, s3_store(s3_config_of(address)) as opened:
        yield server, opened


async def test_what_is_refused_is_told_as_the_library_tells_it(refusing: tuple[Refuser, S3Store]) -> None:
    server, store = refusing
    for work in (store.get_described("a", limit=1), store.put_described("a", b"x", Description())):
        server.asked = 0
        with pytest.raises(Forbidden) as raised:
            await work
        assert raised.value.details == {"vendorCode": "AccessDenied", "requestId": "R-17"}
        assert server.asked == 2


async def test_a_way_that_leads_nowhere_is_not_taken_for_ever(refusing: tuple[Refuser, S3Store]) -> None:
    server, store = refusing
    for _ in range(MOST_IN_VAIN + 2):
        with pytest.raises(Forbidden):
            await store.get_described("a", limit=1)
    assert server.asked == 2 * MOST_IN_VAIN + 2


@pytest.mark.parametrize("is_direct", [True, False])
async def test_a_server_leads_nobody_to_another_one(s3_config: S3Config, *, is_direct: bool) -> None:
    inner, server = Inner(), Misleading()
    async with (
        listening(inner) as server.place,
        listening(server) as address,
        s3_store(replace(s3_config, endpoint_url=address)) as opened,
    ):
        store = opened if is_direct else S3Store(opened._client, opened.config)
        for work in (
            store.get_described("a", limit=9),
            store.head("a"),
            read(store, "a"),
            store.put_described("a", b"x", Description()),
        ):
            with pytest.raises(StoreFailed):
                await work
    assert server.asked >= 4
    assert inner.asked == 0
