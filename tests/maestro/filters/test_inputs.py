"""Filters that come as structured values."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from maestro.errors import InvalidInput
from maestro.filters import Field, ValueType, Vocabulary, from_input, parse, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": {"eq": "a"}}, "name = 'a'"),
        ({"name": {"ne": "a"}}, "name != 'a'"),
        ({"number": {"lt": 1}}, "number < 1"),
        ({"number": {"lte": 1}}, "number <= 1"),
        ({"number": {"gt": 1}}, "number > 1"),
        ({"number": {"gte": 1}}, "number >= 1"),
        ({"name": {"in": ["a", "b"]}}, "name IN ('a', 'b')"),
        ({"name": {"notIn": ("a",)}}, "name NOT IN ('a')"),
        ({"name": {"like": "a%"}}, "name LIKE 'a%'"),
        ({"name": {"notLike": "a%"}}, "name NOT LIKE 'a%'"),
        ({"name": {"ilike": "a%"}}, "name ILIKE 'a%'"),
        ({"name": {"notIlike": "a%"}}, "name NOT ILIKE 'a%'"),
        ({"text": {"matches": "a b"}}, "text MATCHES 'a b'"),
        ({"text": "a b"}, "text MATCHES 'a b'"),
        ({"parent": {"exists": True}}, "parent EXISTS"),
        ({"parent": {"exists": False}}, "NOT parent EXISTS"),
        ({"parent": {"eq": None}}, "NOT parent EXISTS"),
        ({"number": {"between": [1, 2]}}, "number BETWEEN 1 AND 2"),
        ({"number": {"notBetween": [1, 2]}}, "number NOT BETWEEN 1 AND 2"),
        ({"durationMs": {"gt": "1.5h"}}, "durationMs > 5400000"),
        ({"status": {"in": ["RUNNING", "failed"]}}, "status IN ('RUNNING', 'FAILED')"),
        ({"startedAt": {"gt": "2026-01-31"}}, "startedAt > '2026-01-31T00:00:00Z'"),
        ({"startedAt": {"gt": datetime(2026, 1, 31, tzinfo=UTC)}}, "startedAt > '2026-01-31T00:00:00Z'"),
        (
            {"startedAt": {"gt": datetime(2026, 1, 31, 2, tzinfo=timezone(timedelta(hours=2)))}},
            "startedAt > '2026-01-31T00:00:00Z'",
        ),
        ({"metric": {"key": "loss", "lt": 0.1}}, "metrics.loss < 0.1"),
        ({"metric": {"key": "loss", "aggregate": "MIN", "lt": 0.1}}, "metrics.loss.min < 0.1"),
        ({"param": {"key": "use bias", "eq": True}}, 'params."use bias" = true'),
        ({"tag": {"key": "team", "in": ["a"]}}, "tags.team IN ('a')"),
        ({"number": {"gte": 1, "lt": 5}}, "number >= 1 AND number < 5"),
        ({"number": {"eq": 1}, "name": {"eq": "a"}}, "number = 1 AND name = 'a'"),
        ({"not": {"number": {"eq": 1}, "name": {"eq": "a"}}}, "NOT (number = 1 AND name = 'a')"),
        ({"or": [{"number": {"eq": 1}}, {"name": {"eq": "a"}}]}, "number = 1 OR name = 'a'"),
        (
            {"and": [{"or": [{"number": {"eq": 1}}, {"number": {"eq": 2}}]}, {"name": {"eq": "a"}}]},
            "(number = 1 OR number = 2) AND name = 'a'",
        ),
    ],
)
def test_a_value_means_what_its_text_means(value: dict[str, Any], text: str, vocabulary: Vocabulary) -> None:
    tree = from_input(value, vocabulary)
    assert to_text(tree) == text
    assert tree == parse(text, vocabulary)


def refusal(value: Any, vocabulary: Vocabulary) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        from_input(value, vocabulary)
    return caught.value


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ({}, "filter", "The filter is empty"),
        ({"not": {}}, "filter.not", "The filter is empty"),
        ({"and": []}, "filter.and", "This takes a list of one filter or more"),
        ({"or": {"name": {"eq": "a"}}}, "filter.or", "This takes a list of one filter or more"),
        ({"or": [{"name": {"eq": "a"}}, None]}, "filter.or[1]", "This takes an object of names and values"),
        ({"name": None}, "filter.name", "This takes an object of names and values"),
        ({"name": "a"}, "filter.name", "This takes an object of names and values"),
        ({"name": {}}, "filter.name", "An operator is missing"),
        ({"tag": {"key": "team"}}, "filter.tag", "An operator is missing"),
        ({"tag": {"eq": "a"}}, "filter.tag", "The key is missing"),
        ({"tag": {"key": "", "eq": "a"}}, "filter.tag", "A key cannot be empty"),
        ({"tag": {"key": "a\0", "eq": "a"}}, "filter.tag", "The character U+0000 cannot be part of a filter"),
        ({"tag": {"key": "a", "aggregate": "MIN", "eq": "a"}}, "filter.tag",
         "The aggregate is last, min or max, of a metric alone"),
        ({"metric": {"key": "a", "aggregate": "MEAN", "eq": 1}}, "filter.metric",
         "The aggregate is last, min or max, of a metric alone"),
        ({"and": [{"metric": {"key": "loss", "gt": "high"}}]}, "filter.and[0].metric.gt",
         "'metrics.loss' > takes a number, not the text 'high'"),
        ({"metric": {"key": "loss", "gt": float("nan")}}, "filter.metric.gt",
         "NaN and infinities cannot be compared with"),
        ({"metric": {"key": "loss", "gt": float("inf")}}, "filter.metric.gt", "The number is too large"),
        ({"metric": {"key": "loss", "gt": 10**5000}}, "filter.metric.gt", "The number is too large"),
        ({"name": {"eq": 10**5000}}, "filter.name.eq", "The number is too large"),
        ({"number": {"eq": True}}, "filter.number.eq", "'number' = takes a whole number, not true"),
        ({"number": {"eq": 1e300}}, "filter.number.eq", "The number is too large"),
        ({"number": {"lt": None}}, "filter.number.lt", "< cannot compare with null"),
        ({"name": {"eq": ["a"]}}, "filter.name.eq", "'name' = takes text, not a value of type list"),
        ({"name": {"eq": "a\ud800"}}, "filter.name.eq", "The character U+D800 cannot be part of a filter"),
        ({"name": {"eq": "a" * 10_001}}, "filter.name.eq", "Text is at most 10,000 characters long"),
        ({"name": {"in": "abc"}}, "filter.name.in", "IN takes a list of values"),
        ({"name": {"in": []}}, "filter.name.in", "IN takes 1 to 1,000 values, not 0"),
        ({"name": {"in": ["a"] * 1001}}, "filter.name.in", "IN takes 1 to 1,000 values, not 1,001"),
        ({"name": {"in": ["a", None]}}, "filter.name.in[1]", "IN cannot compare with null"),
        ({"param": {"key": "x", "in": [1, True]}}, "filter.param.in[1]", "The values differ in type: 1 and true"),
        ({"number": {"between": [1]}}, "filter.number.between",
         "BETWEEN takes two values, the low end and the high end"),
        ({"number": {"between": [2, 1]}}, "filter.number.between", "The range is empty: 2 is above 1"),
        ({"starred": {"gt": True}}, "filter.starred.gt", "'starred' takes true or false and has no operator >"),
        ({"parent": {"exists": None}}, "filter.parent.exists", "exists takes true or false"),
        ({"status": {"eq": 7}}, "filter.status.eq", "'status' has no value 7"),
    ],
)  # fmt: skip
def test_an_error_names_its_path(value: Any, field: str, message: str, *, vocabulary: Vocabulary) -> None:
    error = refusal(value, vocabulary)
    assert (error.details["field"], error.message) == (field, message)


@pytest.mark.parametrize(
    ("value", "field", "suggestion"),
    [
        ({"nmae": {"eq": "a"}}, "filter.nmae", "name"),
        ({"metrics": {"key": "a", "eq": 1}}, "filter.metrics", "metric"),
        ({"name": {"equ": "a"}}, "filter.name.equ", "eq"),
        ({"name": {"not_in": ["a"]}}, "filter.name.not_in", "notIn"),
        ({"status": {"in": ["FAILED", "FINISHD"]}}, "filter.status.in[1]", "FINISHED"),
        ({"number": {"eq": "12"}}, "filter.number.eq", "12"),
    ],
)
def test_an_error_suggests_what_was_meant(value: Any, field: str, suggestion: str, *, vocabulary: Vocabulary) -> None:
    error = refusal(value, vocabulary)
    assert (error.details["field"], error.details["suggestion"]) == (field, suggestion)


def test_a_space_that_the_list_lacks_is_unknown() -> None:
    vocabulary = Vocabulary([Field("name", ValueType.STRING, "The name")])
    error = refusal({"metric": {"key": "a", "eq": 1}}, vocabulary)
    assert (error.message, error.hint) == ("There is no field 'metric'", "Filter by name, and, or, not.")


def test_a_field_may_be_called_like_a_key_member() -> None:
    vocabulary = Vocabulary([Field("name", ValueType.STRING, "The name")])
    assert refusal({"name": {"key": "a", "eq": "b"}}, vocabulary).details["field"] == "filter.name.key"


@pytest.mark.parametrize("word", ["not", "and"])
def test_thirty_levels_are_read_and_no_more(word: str, vocabulary: Vocabulary) -> None:
    value: dict[str, Any] = {"number": {"eq": 1}}
    for _ in range(30):
        value = {word: value if word == "not" else [value]}
    from_input(value, vocabulary)
    error = refusal({"not": value}, vocabulary)
    assert error.message == "A filter is nested at most 30 levels deep"


def test_nesting_far_beyond_the_limit_is_refused_as_well(vocabulary: Vocabulary) -> None:
    value: dict[str, Any] = {"number": {"eq": 1}}
    for _ in range(100_000):
        value = {"not": value}
    assert refusal(value, vocabulary).message == "A filter is nested at most 30 levels deep"


def test_two_hundred_comparisons_are_read_and_no_more(vocabulary: Vocabulary) -> None:
    groups = [{"number": {"gte": 1, "lt": 5}}] * 100
    from_input({"or": groups}, vocabulary)
    error = refusal({"or": [*groups, {"number": {"eq": 1}}]}, vocabulary)
    assert (error.message, error.details["field"]) == (
        "A filter holds at most 200 comparisons", "filter.or[100].number.eq",
    )  # fmt: skip
