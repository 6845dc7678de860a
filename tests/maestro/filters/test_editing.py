"""What an editor is told while a filter is being written."""

import pytest

from maestro.filters import (
    Field,
    KeySpace,
    Space,
    Suggestion,
    SuggestionKind,
    ValueType,
    Vocabulary,
    complete,
    validate,
)

FIELDS = ["name", "text", "number", "progress", "startedAt", "durationMs", "starred", "status", "parent"]
KEYS = ["metrics.accuracy", "metrics.val/loss", "params.", "tags.team", 'tags."weird key"']


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("", [*FIELDS, *KEYS, "NOT"]),
        ("(", [*FIELDS, *KEYS, "NOT"]),
        ("NOT ", [*FIELDS, *KEYS, "NOT"]),
        ("starred = true AND ", [*FIELDS, *KEYS, "NOT"]),
        ("sta", ["startedAt", "starred", "status"]),
        ("METRICS.v", ["metrics.val/loss"]),
        ('tags."we', ['tags."weird key"']),
        ("starred ", ["=", "!=", "EXISTS"]),
        ("text ", ["MATCHES"]),
        ("name i", ["IN", "ILIKE"]),
        ("name NOT", ["NOT IN", "NOT LIKE", "NOT ILIKE", "NOT BETWEEN"]),
        ("name NOT ", []),
        ("starred = ", ["true", "false"]),
        ("status = fi", ["FINISHED"]),
        ("status IN (FINISHED, ", ["RUNNING", "FINISHED", "FAILED"]),
        ("name = ", []),
        ("status IN (FAILED ", []),
        ("number BETWEEN 1 ", []),
        ("starred = true ", ["AND", "OR"]),
        ("(starred = true) ", ["AND", "OR"]),
        ("(starred = true a", ["AND"]),
        ("parent EXISTS o", ["OR"]),
        ("# ", []),
        ("nmae = 'x' AND ", []),
        ("name = 'sta", []),
    ],
)
def test_what_may_come_next_is_suggested(text: str, suggestions: list[str], vocabulary: Vocabulary) -> None:
    assert [one.text for one in complete(text, len(text), vocabulary)] == suggestions


def test_only_what_stands_before_the_cursor_counts(vocabulary: Vocabulary) -> None:
    assert [one.text for one in complete("par # nonsense", 3, vocabulary)] == ["parent", "params."]


def test_a_suggestion_tells_what_it_is(vocabulary: Vocabulary) -> None:
    texts = ["num", "metrics.a", "number ", "starred = t", "starred = true A"]
    assert [complete(text, len(text), vocabulary)[0] for text in texts] == [
        Suggestion("number", SuggestionKind.FIELD, "The number within the project"),
        Suggestion("metrics.accuracy", SuggestionKind.KEY, "A metric"),
        Suggestion("=", SuggestionKind.OPERATOR, "is"),
        Suggestion("true", SuggestionKind.VALUE, "a value of starred"),
        Suggestion("AND", SuggestionKind.KEYWORD, "both hold"),
    ]


def test_no_more_than_fifty_suggestions_are_made() -> None:
    keys = tuple(f"key{number}" for number in range(1000))
    vocabulary = Vocabulary([], [KeySpace(Space.TAGS, ValueType.STRING, "A tag", keys)])
    assert [one.text for one in complete("tags.key", 8, vocabulary)] == [f"tags.key{number}" for number in range(50)]


def test_a_good_filter_has_no_errors(vocabulary: Vocabulary) -> None:
    assert validate("status = FINISHED", vocabulary) == []


def test_a_bad_filter_has_its_first_error(vocabulary: Vocabulary) -> None:
    errors = validate("status = FINISHD AND nmae = 'x'", vocabulary)
    assert [(error.position, error.length, error.suggestion) for error in errors] == [(9, 7, "FINISHED")]


def test_a_list_without_a_field_of_that_name_refuses_it() -> None:
    vocabulary = Vocabulary([Field("name", ValueType.STRING, "The name")])
    assert [error.message for error in validate("metrics.a > 1", vocabulary)] == ["There is no field 'metrics.a'"]
