"""Texts that clients leave: in memory, in a real Valkey, and without it."""

import logging
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from maestro.documents.automatic import MOST, MOST_CHARACTERS, PREFIX, AutomaticDocuments
from maestro.documents.ids import sha256_of
from tests.fixtures.redis import valkey

TEXT = "{ viewer { role } }"
SHA = sha256_of(TEXT)


async def test_what_was_left_is_found_within_the_organization() -> None:
    documents, ours, theirs = AutomaticDocuments(), uuid4(), uuid4()
    assert await documents.find(ours, SHA) is None
    await documents.keep(ours, SHA, TEXT)
    assert await documents.find(ours, SHA) == TEXT
    assert await documents.find(theirs, SHA) is None


async def test_the_longest_unused_make_room_by_number() -> None:
    documents, here = AutomaticDocuments(), uuid4()
    for number in range(MOST + 1):
        await documents.keep(here, sha256_of(str(number)), str(number))
        await documents.find(here, sha256_of("0"))
    assert await documents.find(here, sha256_of("0")) == "0"
    assert await documents.find(here, sha256_of("1")) is None
    assert await documents.find(here, sha256_of("2")) == "2"


async def test_the_longest_unused_make_room_by_length() -> None:
    documents, here = AutomaticDocuments(), uuid4()
    texts = [str(number) * (MOST_CHARACTERS // 4) for number in range(5)]
    for text in texts:
        await documents.keep(here, sha256_of(text), text)
    found = [await documents.find(here, sha256_of(text)) is not None for text in texts]
    assert found == [False, True, True, True, True]


async def test_two_servers_share_what_was_left(redis_url: str) -> None:
    one, other, here = AutomaticDocuments(redis_url), AutomaticDocuments(redis_url), uuid4()
    await one.keep(here, SHA, TEXT)
    assert await other.find(here, SHA) == TEXT
    assert await other.find(uuid4(), SHA) is None
    await one.close()
    await other.close()


@pytest.mark.parametrize("garbage", [b"another text", b"\xff\xfe", b""])
async def test_garbage_in_redis_is_a_miss(redis_url: str, garbage: bytes) -> None:
    documents, here = AutomaticDocuments(redis_url), uuid4()
    redis = Redis.from_url(redis_url)
    await redis.set(f"{PREFIX}:{here.hex}:{SHA}", garbage)
    assert await documents.find(here, SHA) is None
    await redis.aclose()
    await documents.close()


async def test_a_value_of_another_type_in_redis_is_a_miss(redis_url: str) -> None:
    documents, here = AutomaticDocuments(redis_url), uuid4()
    redis = Redis.from_url(redis_url)
    await redis.lpush(f"{PREFIX}:{here.hex}:{SHA}", "a")
    assert await documents.find(here, SHA) is None
    await redis.aclose()
    await documents.close()


async def test_without_redis_a_server_has_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with valkey() as server:
        documents, here = AutomaticDocuments(server.connection_url), uuid4()
    caplog.set_level(logging.WARNING, "maestro.documents.automatic")
    assert await documents.find(here, SHA) is None
    await documents.keep(here, SHA, TEXT)
    assert await documents.find(here, SHA) == TEXT
    # It is left alone for a while, not asked again and again.
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["Redis is away"]
    await documents.close()
