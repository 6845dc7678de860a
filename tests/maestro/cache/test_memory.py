"""The first level never holds more than it has room for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.cache.answers import Answer, Answers
from maestro.cache.memory import Entry, Memory, weigh
from maestro.cache.versions import Snapshot


def entry(size: int, field: str = "Query.things") -> Entry:
    return Entry(object(), (), 0.0, 0.0, field, size)


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(1, 300))))
def test_it_is_never_fuller_than_its_room(steps: list[tuple[str, int]]) -> None:
    memory = Memory(1000, most=5)
    for key, size in steps:
        memory.put(key, entry(size))
        assert memory.filled == sum(one.size for one in memory.entries.values()) <= 1000
        assert memory.bytes["Query.things"] == memory.filled
        assert len(memory.entries) <= 5


def test_what_was_used_last_stays() -> None:
    memory = Memory(1000)
    for key in "abcd":
        memory.put(key, entry(250))
    memory.peek("a")
    memory.put("e", entry(250))
    assert list(memory.entries) == ["c", "d", "a", "e"]
    assert memory.evicted["Query.things"] == 1


def test_what_would_fill_a_quarter_is_not_kept_and_what_was_there_is_gone() -> None:
    memory = Memory(1000)
    memory.put("a", entry(10))
    memory.put("a", entry(251))
    assert (list(memory.entries), memory.filled) == ([], 0)


async def test_it_is_used_like_any_cache_of_aiocache() -> None:
    memory = Memory(1000)
    kept = entry(10)
    await memory.set("a", kept)
    assert await memory.get("a") is kept
    assert await memory.exists("a")
    assert await memory.delete("a") == 1
    await memory.set("b", kept)
    await memory.clear()
    assert (await memory.get("b"), memory.filled) == (None, 0)


@pytest.mark.parametrize("value", ["x" * 10_000, ["x" * 100] * 100, {f"k{i}": "x" * 100 for i in range(100)}])
def test_a_value_weighs_no_less_than_its_texts(value: object) -> None:
    assert weigh(value) > 10_000


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 3000))))
def test_answers_never_take_more_than_their_room(steps: list[tuple[str, int]]) -> None:
    answers = Answers(20_000)
    for key, size in steps:
        answers.keep(key, Answer(b"x" * size, "", (), (), 1.0, 1, 1))
        assert answers.filled <= 20_000


def test_an_answer_is_given_while_its_versions_are_the_same() -> None:
    answers, before = Answers(100_000), Snapshot({"runs": 1}, {})
    kept = Answer(b"{}", "", ("runs",), before.of(("runs",)), 60.0, 1, 1)
    answers.keep("a", kept)
    assert answers.find("a", Snapshot({"runs": 1, "models": 5}, {})) is kept
    assert answers.find("a", Snapshot({"runs": 2}, {})) is None
    assert (answers.stats.hits, answers.stats.outdated, answers.filled) == (1, 1, 0)


def test_an_answer_is_given_no_longer_than_it_may_be() -> None:
    answers, snapshot = Answers(100_000), Snapshot({}, {})
    answers.keep("a", Answer(b"{}", "", (), (), 0.0, 1, 1))
    assert answers.find("a", snapshot) is None
