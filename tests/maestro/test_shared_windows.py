"""Limits that several processes count together: the total is kept, and a process that is killed holds up nobody."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random

import pytest

from maestro.shared_counts import SharedCounts
from maestro.shared_table import WAYS
from maestro.shared_windows import SharedWindows
from maestro.windows import Windows

LONG_S = 24 * 3_600
"""A window that does not end within a test."""


def forked(work: Callable[[], object]) -> int:
    """The id of a process that does something and ends."""
    if (pid := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


@pytest.fixture
def windows() -> Iterator[SharedWindows]:
    made = SharedWindows()
    yield made
    made.close()


def taken(windows: Windows, key: str, *, limit: int, amount: int = 1, window_s: int = LONG_S) -> bool:
    return windows.take(key, limit=limit, window_s=window_s, amount=amount)[0]


def test_several_processes_take_no_more_than_the_limit(windows: SharedWindows) -> None:
    read, write = os.pipe()

    def take_all() -> None:
        found = sum(taken(windows, "requests/a", limit=1_000) for _ in range(600))
        os.write(write, b"%d\n" % found)

    for pid in [forked(take_all) for _ in range(3)]:
        os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read) as told:
        assert sum(int(line) for line in told) == 1_000
    assert not taken(windows, "requests/a", limit=1_000)
    assert taken(windows, "requests/b", limit=1_000)


def test_shared_windows_answer_as_those_of_one_process_do(
    windows: SharedWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, random, moment = Windows(), Random(7), 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    for _ in range(2_000):
        moment += random.random() * 4
        asked = {"limit": 20, "window_s": 10, "amount": random.randint(1, 8)}
        key = random.choice("abc")
        assert windows.take(key, **asked) == own.take(key, **asked)


def test_a_process_that_is_killed_in_the_middle_holds_up_nobody(windows: SharedWindows) -> None:
    read, write = os.pipe()

    def hold() -> None:
        with windows.table.locked("requests/a"):
            os.write(write, b"x")
            time.sleep(60)

    pid = forked(hold)
    os.read(read, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    began = time.monotonic()
    assert taken(windows, "requests/a", limit=1)
    assert time.monotonic() - began < 30
    os.close(read)
    os.close(write)


def test_a_set_that_is_full_forgets_what_ends_first() -> None:
    windows = SharedWindows(sets=1)
    assert taken(windows, "soon over", limit=1, window_s=3_600)
    for number in range(WAYS - 1):
        assert taken(windows, f"{number}", limit=1)
    assert taken(windows, "one more", limit=1)
    assert not any(taken(windows, f"{number}", limit=1) for number in range(WAYS - 1))
    assert taken(windows, "soon over", limit=1, window_s=3_600)
    windows.close()


async def test_a_key_can_be_looked_at_and_forgotten(windows: SharedWindows) -> None:
    assert taken(windows, "a", limit=3, amount=2)
    assert (await windows.get_sliding_window("a", LONG_S))[2] == 2
    await windows.clear_sliding_window("a", LONG_S)
    assert (await windows.get_sliding_window("a", LONG_S))[2] == 0
    assert taken(windows, "a", limit=3, amount=3)


def test_counts_of_all_processes_keep_to_the_limit_and_those_of_one_that_was_killed_are_taken_off() -> None:
    counts = SharedCounts(2, sets=1)
    read, write = os.pipe()

    def count() -> None:
        with counts.counted("a", column=1, limit=2) as second:
            os.write(write, b"%d" % second)
            time.sleep(60)

    def is_counted(key: str, limit: int) -> bool:
        with counts.counted(key, column=0, limit=limit) as has_room:
            return has_room

    with counts.counted("a", column=0, limit=2):
        pid = forked(count)
        assert os.read(read, 1) == b"1"
        assert not is_counted("a", 2)
        assert is_counted("b", 1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert not is_counted("a", 2)
        counts.clear(1)
        assert is_counted("a", 2)
        assert not is_counted("a", 1)
    assert is_counted("a", 1)
    counts.close()
    os.close(read)
    os.close(write)


def test_counts_without_room_refuse_nobody() -> None:
    counts = SharedCounts(1, sets=1)
    with ExitStack() as held:
        for number in range(WAYS):
            assert held.enter_context(counts.counted(str(number), column=0, limit=1))
        assert held.enter_context(counts.counted("one more", column=0, limit=1))
        assert held.enter_context(counts.counted("one more", column=0, limit=1))
        assert not held.enter_context(counts.counted("0", column=0, limit=1))
    with counts.counted("0", column=0, limit=1) as after:
        assert after
    counts.close()
