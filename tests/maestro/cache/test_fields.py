"""Answers of fields: found while they are so, read once for all, and never wrong because of Redis."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from maestro.cache.fields import FieldCache, Kept, Question, Tally
from maestro.cache.shared import PREFIX
from maestro.errors import NotFound
from tests.fixtures.redis import valkey

ROOM = 1_000_000
SECRET = b"a secret of all servers"
KEPT = Kept("Query.things", 60.0)


class Source:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_cut_off = False

    async def __call__(self) -> list[object]:
        self.reads += 1
        read = self.reads
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.was_cut_off = True
            raise
        return [read, ("a", 1)]


def tally(cache: FieldCache) -> Tally:
    (stats,) = cache.stats()
    return stats.tally


def asked(key: str = "a", *versions: int, kept: Kept = KEPT) -> Question:
    return Question(kept, key, versions)


async def test_an_answer_is_read_once_while_nothing_changes() -> None:
    cache, source = FieldCache(ROOM), Source()
    answers = [await cache.get(asked("a", 1), source) for _ in range(3)]
    assert answers == [[1, ("a", 1)]] * 3
    assert (tally(cache).hits, tally(cache).misses) == (2, 1)


async def test_an_answer_at_other_versions_is_read_anew() -> None:
    cache, source = FieldCache(ROOM), Source()
    for version in (1, 2, 2, 1):
        await cache.get(asked("a", version), source)
    assert (source.reads, tally(cache).outdated) == (3, 2)


async def test_an_answer_is_kept_no_longer_than_its_time() -> None:
    cache, source = FieldCache(ROOM), Source()
    short = Kept("Query.things", 1e-9)
    await cache.get(asked(kept=short), source)
    await cache.get(asked(kept=short), source)
    assert source.reads == 2


async def test_a_hundred_who_miss_at_once_read_once() -> None:
    cache, source = FieldCache(ROOM), Source()
    answers = await asyncio.gather(*(cache.get(asked("a", 1), source) for _ in range(100)))
    assert (source.reads, len({id(answer) for answer in answers}), tally(cache).joined) == (1, 1, 99)


async def test_who_asks_at_newer_versions_does_not_join_an_older_reading() -> None:
    cache, source = FieldCache(ROOM), Source()
    source.may_answer.clear()
    older = asyncio.create_task(cache.get(asked("a", 1), source))
    await asyncio.sleep(0)
    newer = asyncio.create_task(cache.get(asked("a", 2), source))
    await asyncio.sleep(0.01)
    source.may_answer.set()
    assert (await older)[0] != (await newer)[0]


async def test_who_is_cut_off_does_not_cut_off_the_others() -> None:
    cache, source = FieldCache(ROOM), Source()
    source.may_answer.clear()
    first, second = (asyncio.create_task(cache.get(asked("a", 1), source)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    source.may_answer.set()
    assert (await second)[0] == 1
    assert (source.reads, source.was_cut_off) == (1, False)


async def test_a_reading_for_which_nobody_waits_any_more_ends() -> None:
    cache, source = FieldCache(ROOM), Source()
    source.may_answer.clear()
    only = asyncio.create_task(cache.get(asked("a", 1), source))
    await asyncio.sleep(0.01)
    only.cancel()
    await asyncio.sleep(0.01)
    source.may_answer.set()
    assert source.was_cut_off
    assert (await cache.get(asked("a", 1), source))[0] == 2


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    cache, source = FieldCache(ROOM), Source()

    async def missing() -> object:
        await asyncio.sleep(0)
        raise NotFound("There is no such thing.")

    refused = await asyncio.gather(*(cache.get(asked(), missing) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in refused] == [NotFound] * 3
    assert (await cache.get(asked(), source))[0] == 1


@pytest.fixture
async def pair(redis_url: str) -> AsyncIterator[tuple[FieldCache, FieldCache]]:
    """The caches of two processes with one Redis."""
    one, other = (FieldCache(ROOM, redis_url=redis_url, secret=SECRET) for _ in range(2))
    yield one, other
    await one.close()
    await other.close()


@pytest.fixture
def key() -> str:
    return f"Query.things:{uuid4().hex}"


async def test_what_one_process_has_read_another_one_finds(pair: tuple[FieldCache, FieldCache], key: str) -> None:
    one, other = pair
    source = Source()
    assert await one.get(asked(key, 1), source) == await other.get(asked(key, 1), source) == [1, ("a", 1)]
    assert (source.reads, tally(other).shared_hits) == (1, 1)
    assert (await other.get(asked(key, 2), source))[0] == 2


async def test_two_processes_that_miss_at_once_read_once(pair: tuple[FieldCache, FieldCache], key: str) -> None:
    source = Source()
    source.may_answer.clear()
    waiting = [asyncio.create_task(cache.get(asked(key, 1), source)) for cache in pair for _ in range(20)]
    await asyncio.sleep(0.05)
    source.may_answer.set()
    assert {answer[0] for answer in await asyncio.gather(*waiting)} == {1}
    assert source.reads == 1


RUBBISH = [b"", b"x", b"\0" * 200, b"x" * 16 + b"[1,2]"]


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_rubbish_in_redis_is_a_miss(pair: tuple[FieldCache, FieldCache], redis_url: str, rubbish: bytes) -> None:
    key = f"Query.things:{uuid4().hex}"
    async with Redis.from_url(redis_url) as redis:
        await redis.set(f"{PREFIX}:{key}", rubbish)
    source = Source()
    assert (await pair[0].get(asked(key, 1), source))[0] == 1
    shared = pair[0].shared
    assert shared is not None
    assert shared.rubbish == 1


async def test_a_value_in_the_place_of_another_is_a_miss(
    pair: tuple[FieldCache, FieldCache], redis_url: str, key: str
) -> None:
    source = Source()
    await pair[0].get(asked(key, 1), source)
    async with Redis.from_url(redis_url) as redis:
        await redis.set(f"{PREFIX}:{key}x", await redis.get(f"{PREFIX}:{key}") or b"")
    assert (await pair[1].get(asked(f"{key}x", 1), source))[0] == 2


async def test_a_value_sealed_with_another_secret_is_a_miss(redis_url: str, key: str) -> None:
    ours, theirs = (FieldCache(ROOM, redis_url=redis_url, secret=secret) for secret in (SECRET, b"another"))
    source = Source()
    await theirs.get(asked(key, 1), source)
    assert (await ours.get(asked(key, 1), source))[0] == 2
    await ours.close()
    await theirs.close()


async def test_what_has_no_bytes_stays_in_memory_and_is_counted(pair: tuple[FieldCache, FieldCache], key: str) -> None:
    async def odd() -> object:
        await asyncio.sleep(0)
        return object()

    found = await pair[0].get(asked(key, 1), odd)
    assert await pair[0].get(asked(key, 1), odd) is found
    assert pair[0].shared is not None
    assert pair[0].shared.failures == 1


async def test_without_redis_each_process_keeps_what_it_reads_for_itself(key: str) -> None:
    with valkey() as server:
        cache = FieldCache(ROOM, redis_url=server.connection_url, secret=SECRET)
        source = Source()
        await cache.get(asked(key, 1), source)
    for _ in range(3):
        assert (await cache.get(asked(key, 2), source))[0] == 2
    assert cache.shared is not None
    assert (cache.shared.is_left_alone, cache.shared.failures, tally(cache).hits) == (True, 1, 2)
    await cache.close()


async def test_a_redis_that_does_not_answer_is_waited_for_once_and_then_left_alone(key: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cache, source = FieldCache(ROOM, redis_url=f"redis://127.0.0.1:{port}/0", secret=SECRET), Source()
    for number in range(5):
        await cache.get(asked(f"{key}{number}", 1), source)
    assert cache.shared is not None
    assert (source.reads, cache.shared.failures) == (5, 1)
    await cache.close()
    server.close()
