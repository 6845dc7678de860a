"""Channels: one reading for all who follow, none of whom holds up another, and nothing left when they have gone."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from maestro.fanout import Channel, Channels, EndOfReading


class Source:
    """What is read when the test says so."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self._items: asyncio.Queue[str | Exception | None] = asyncio.Queue()

    async def reading(self) -> AsyncGenerator[tuple[float, str], None]:
        self.opened += 1
        try:
            while (item := await self._items.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield time.monotonic(), item
        finally:
            self.closed += 1

    def give(self, item: str | Exception | None) -> None:
        self._items.put_nowait(item)


async def all_of(channel: Channel[str], *, until: str) -> AsyncGenerator[str | None, None]:
    number, found = 0, None
    while found != until:
        latest = await channel.after(number)
        number, found = latest.number, latest.found
        yield found


async def test_one_reading_is_for_all_who_follow() -> None:
    channels, source = Channels(), Source()

    async def follow() -> list[str | None]:
        with channels.followed("key", source.reading) as channel:
            async with aclosing(all_of(channel, until="b")) as found:
                return [one async for one in found]

    following = [asyncio.create_task(follow()) for _ in range(120)]
    await asyncio.sleep(0)
    source.give("a")
    await asyncio.sleep(0.01)
    source.give("b")

    assert await asyncio.gather(*following) == [["a", "b"]] * 120
    assert source.opened == 1


async def test_who_is_slow_takes_the_last_and_holds_up_nobody() -> None:
    channels, source = Channels(), Source()
    with channels.followed("key", source.reading) as slow, channels.followed("key", source.reading) as quick:
        for item in "abc":
            source.give(item)
        async with aclosing(all_of(quick, until="c")) as found, asyncio.timeout(5):
            last = [one async for one in found][-1]
        latest = await slow.after(0)

    assert (last, latest.found, latest.number) == ("c", "c", 3)


async def test_those_with_other_keys_share_nothing() -> None:
    channels, source, other = Channels(), Source(), Source()
    with channels.followed("key", source.reading) as one, channels.followed("other", other.reading) as two:
        source.give("mine")
        other.give("theirs")
        assert ((await one.after(0)).found, (await two.after(0)).found) == ("mine", "theirs")


@pytest.mark.parametrize(("given", "error"), [(ValueError("broken"), ValueError), (None, EndOfReading)])
async def test_an_end_is_told_to_all_and_whoever_comes_next_begins_anew(
    given: Exception | None, error: type[Exception]
) -> None:
    channels, source = Channels(), Source()
    with channels.followed("key", source.reading) as channel:
        source.give(given)
        assert isinstance((await channel.after(0)).error, error)
        with channels.followed("key", source.reading) as next_one:
            source.give("again")
            assert (await next_one.after(0)).found == "again"
    assert (source.opened, len(channels)) == (2, 0)


async def test_nothing_is_left_when_the_last_one_goes() -> None:
    channels, source = Channels(), Source()
    with channels.followed("key", source.reading) as channel:
        waiting = asyncio.create_task(channel.after(0))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        with channels.followed("key", source.reading):
            pass
        assert (len(channels), source.closed) == (1, 0)
    await asyncio.sleep(0.01)

    assert (len(channels), source.opened, source.closed) == (0, 1, 1)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "following"]
