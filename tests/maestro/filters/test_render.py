"""A tree has one text, and the text has one tree."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.filters import (
    Aggregate,
    And,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Space,
    Target,
    Vocabulary,
    all_of,
    any_of,
    fingerprint,
    parse,
    to_text,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
keys = st.one_of(
    st.from_regex(r"[a-z]{1,4}([./@-](min|max|last|[a-z0-9]))?", fullmatch=True),
    texts.filter(bool),
)
integers = st.integers(-(2**63), 2**63 - 1)
numbers = st.one_of(integers, st.floats(allow_nan=False, allow_infinity=False))
moments = st.datetimes(timezones=st.just(UTC))

EQUALITY = [Operator.EQ, Operator.NE]
ORDER = [Operator.LT, Operator.LE, Operator.GT, Operator.GE]
PATTERN = [Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE]
RANGE = [Operator.BETWEEN, Operator.NOT_BETWEEN]
LIST = [Operator.IN, Operator.NOT_IN]


def field(name: str) -> st.SearchStrategy[Target]:
    return st.just(Target(Space.FIELD, name))


def claims(
    targets: st.SearchStrategy[Target],
    operators: list[Operator],
    values: st.SearchStrategy[Any],
) -> st.SearchStrategy[Comparison]:
    return st.builds(Comparison, targets, st.sampled_from(operators), values)


def lists(targets: st.SearchStrategy[Target], values: st.SearchStrategy[str | float]) -> st.SearchStrategy[Comparison]:
    several = st.lists(values, min_size=1, max_size=4).map(tuple)
    return st.builds(Comparison, targets, st.sampled_from(LIST), several)


def ranges(targets: st.SearchStrategy[Target], values: st.SearchStrategy[float]) -> st.SearchStrategy[Comparison]:
    pairs = st.tuples(values, values).map(sorted).map(tuple)
    return st.builds(Comparison, targets, st.sampled_from(RANGE), pairs)


metrics = st.builds(Target, st.just(Space.METRICS), keys, st.sampled_from(Aggregate))
params = st.builds(Target, st.just(Space.PARAMS), keys)
tags = st.builds(Target, st.just(Space.TAGS), keys)

leaves = st.one_of(
    claims(metrics, EQUALITY + ORDER, numbers),
    ranges(metrics, numbers),
    lists(metrics, numbers),
    claims(params, EQUALITY + ORDER, st.one_of(numbers, texts)),
    claims(params, EQUALITY, st.booleans()),
    lists(params, texts),
    claims(tags, EQUALITY + PATTERN, texts),
    claims(field("text"), [Operator.MATCHES], texts),
    claims(field("number"), EQUALITY + ORDER, integers),
    claims(field("startedAt"), EQUALITY + ORDER, moments),
    claims(field("status"), EQUALITY, st.sampled_from(["RUNNING", "FAILED"])),
    st.builds(Comparison, st.one_of(metrics, params, tags, field("parent")), st.just(Operator.EXISTS)),
)
trees: st.SearchStrategy[Filter] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=4).map(lambda members: all_of(*members)),
        st.lists(inner, min_size=2, max_size=4).map(lambda members: any_of(*members)),
    ),
    max_leaves=8,
)


@given(tree=trees)
def test_every_tree_is_read_back_from_its_text(tree: Filter, vocabulary: Vocabulary) -> None:
    text = to_text(tree)
    again = parse(text, vocabulary)
    assert again == tree
    # equal is not enough: 1, 1.0 and true are equal to Python
    assert to_text(again) == text


ONE, TWO, THREE = (Comparison(Target(Space.FIELD, "number"), Operator.EQ, value) for value in (1, 2, 3))


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (And((ONE, TWO)), "number = 1 AND number = 2"),
        (Or((ONE, And((TWO, THREE)))), "number = 1 OR number = 2 AND number = 3"),
        (And((ONE, Or((TWO, THREE)))), "number = 1 AND (number = 2 OR number = 3)"),
        (Not(ONE), "NOT number = 1"),
        (Not(Not(ONE)), "NOT NOT number = 1"),
        (Not(Or((ONE, TWO))), "NOT (number = 1 OR number = 2)"),
        (And((Not(ONE), TWO)), "NOT number = 1 AND number = 2"),
    ],
)
def test_parentheses_stand_only_where_they_count(tree: Filter, text: str) -> None:
    assert to_text(tree) == text


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target(Space.METRICS, "val/loss"), "metrics.val/loss"),
        (Target(Space.METRICS, "loss", Aggregate.MIN), "metrics.loss.min"),
        (Target(Space.METRICS, "loss.min"), 'metrics."loss.min"'),
        (Target(Space.PARAMS, "loss.min"), "params.loss.min"),
        (Target(Space.PARAMS, 'a "b"'), 'params."a ""b"""'),
        (Target(Space.TAGS, "a\n"), 'tags."a\n"'),
    ],
)
def test_a_key_is_quoted_only_where_it_could_be_read_otherwise(target: Target, text: str) -> None:
    assert to_text(Comparison(target, Operator.EXISTS)) == f"{text} EXISTS"


def test_a_fingerprint_stays_the_same_across_releases(vocabulary: Vocabulary) -> None:
    tree = parse("metrics.accuracy > 0.9 AND (params.lr < 0.01 OR tags.team IN ('a', 'b'))", vocabulary)
    assert fingerprint(tree) == "997cc08661f01863b6684416"


def test_two_spellings_of_a_filter_have_one_fingerprint(vocabulary: Vocabulary) -> None:
    one = parse('(status=finished)  and metrics."accuracy".last>9e-1', vocabulary)
    other = parse("status = 'FINISHED' AND metrics.accuracy > 0.9", vocabulary)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    "other", ["params.x = '1'", "params.x = true", "params.x != 1", "tags.x = '1'", "params.y = 1"]
)
def test_filters_of_other_meaning_have_other_fingerprints(other: str, vocabulary: Vocabulary) -> None:
    assert fingerprint(parse("params.x = 1", vocabulary)) != fingerprint(parse(other, vocabulary))
