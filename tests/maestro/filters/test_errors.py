"""What a bad filter text is told: where it is wrong, and what was probably meant."""

import time

import pytest

from maestro.errors import InvalidInput
from maestro.filters import FilterError, Vocabulary, parse, to_text


def refusal(text: str, vocabulary: Vocabulary) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse(text, vocabulary)
    return caught.value


# text, the stretch that is wrong between ⟦ and ⟧, the message
PLAIN = [
    ("⟦⟧", "The filter is empty"),
    ("  \n⟦⟧", "The filter is empty"),
    ("metrics.accuracy > ⟦'high'⟧", "'metrics.accuracy' > takes a number, not the text 'high'"),
    ("params.x > ⟦true⟧", "true and false have no order to compare by >"),
    ("metrics.accuracy = ⟦true⟧", "'metrics.accuracy' = takes a number, not true"),
    ("metrics.accuracy > ⟦NaN⟧", "NaN and infinities cannot be compared with"),
    ("metrics.accuracy < ⟦inf⟧", "NaN and infinities cannot be compared with"),
    ("metrics.accuracy < ⟦1e999⟧", "The number is too large"),
    ("params.seed = ⟦9223372036854775808⟧", "The number is too large"),
    (f"params.seed = ⟦{'9' * 5000}⟧", "The number is too large"),
    ("metrics.accuracy < ⟦12abc⟧", "'metrics.accuracy' < takes a number, not the word '12abc'"),
    ("number = ⟦1.5⟧", "'number' = takes a whole number, not 1.5"),
    ("number < ⟦null⟧", "< cannot compare with null"),
    ("number IN (1, ⟦null⟧)", "IN cannot compare with null"),
    ("status = ⟦5⟧", "'status' has no value 5"),
    ("durationMs > ⟦'5 parsecs'⟧", None),
    ("startedAt > ⟦'2026-13-01'⟧", None),
    ("startedAt > ⟦'0001-01-01T00:00:00+14:00'⟧", None),
    ("metrics.accuracy ⟦LIKE⟧ 'x'", "'metrics.accuracy' takes a number and has no operator LIKE"),
    ("parent ⟦<⟧ 'x'", "'parent' takes an id as text and has no operator <"),
    ("name ⟦MATCHES⟧ 'x'", "'name' takes text and has no operator MATCHES"),
    ("status ⟦NOT LIKE⟧ 'x'", "'status' takes one of its values and has no operator NOT LIKE"),
    ("text ⟦EXISTS⟧", "'text' takes text and has no operator EXISTS"),
    ("text ⟦NOT EXISTS⟧", "'text' takes text and has no operator EXISTS"),
    ("number ⟦LIK⟧ 'x'", "There is no operator 'LIK'"),
    ("name ⟦CONTAINS⟧ 'x'", "There is no operator 'CONTAINS'"),
    ("name NOT ⟦=⟧ 'x'", "Expected IN, LIKE, ILIKE, BETWEEN or EXISTS, not '='"),
    ("name⟦⟧", "The filter ends where an operator after 'name' should stand"),
    ("name ⟦'x'⟧", "Expected an operator after 'name', not ''x''"),
    ("name ⟦AND⟧ number = 1", "Expected an operator after 'name', not 'AND'"),
    ("name = ⟦⟧", "The filter ends where a value should stand"),
    ("name = ⟦AND⟧ number = 1", "Expected a value, not 'AND'"),
    ("name = 'x' AND ⟦⟧", "The filter ends where a field to filter by should stand"),
    ("⟦'x'⟧ = name", "Expected a field to filter by, not ''x''"),
    ("⟦OR⟧ name = 'x'", "Expected a field to filter by, not 'OR'"),
    ("(⟦)⟧", "Expected a field to filter by, not ')'"),
    ("⟦(⟧name = 'x'", "This parenthesis is never closed"),
    ("(⟦(⟧name = 'x'", "This parenthesis is never closed"),
    ("name = 'x'⟦)⟧", "This parenthesis closes none"),
    ("name = 'x' ⟦number⟧ = 1", "Expected AND, OR or the end of the filter, not 'number'"),
    ("(name = 'x' ⟦;⟧)", "A filter has no use for the character ';'"),
    ("(name = 'x' ⟦5⟧)", "Expected AND, OR or ), not '5'"),
    ("name IN ⟦'x'⟧", "Expected a list in parentheses, not ''x''"),
    ("name IN (⟦)⟧", "Expected a value, not ')'"),
    ("name IN ('x' ⟦'y'⟧)", "Expected a comma or ), not ''y''"),
    ("name IN ('x',⟦⟧", "The filter ends where a value should stand"),
    ("params.x IN (1, 2.5, ⟦'3'⟧)", "The values differ in type: 1 and the text '3'"),
    ("number BETWEEN 1 ⟦OR⟧ 2", "Expected AND and the high end of the range, not 'OR'"),
    ("number BETWEEN ⟦5 AND 1⟧", "The range is empty: 5 is above 1"),
    ("⟦metrics⟧ > 1", "metrics needs a key"),
    ('⟦params.""⟧ = 1', "A key cannot be empty"),
    ("params⟦.⟧ = 1", "A dot is followed by a name, or by a key in quotes"),
    ("name = ⟦'abc⟧", "This quote is never closed"),
    ("name = ⟦'it''s⟧", "This quote is never closed"),
    ("name = ⟦\"it's⟧", "This quote is never closed"),
    ("params.⟦`abc = 1⟧", "This quote is never closed"),
    ("params⟦.⟧'abc' = 1", "A dot is followed by a name, or by a key in quotes"),
    ("⟦`⟧name` = 'x'", "A filter has no use for the character '`'"),
    ('params.⟦"abc = 1⟧', "This quote is never closed"),
    ("name = 'a⟦\0⟧'", "The character U+0000 cannot be part of a filter"),
    ("name = 'a⟦\ud83d⟧'", "The character U+D83D cannot be part of a filter"),
    ("⟦totally_unknown_thing⟧ = 1", "There is no field 'totally_unknown_thing'"),
]


@pytest.mark.parametrize(("marked", "message"), PLAIN)
def test_an_error_has_its_place(marked: str, message: str | None, vocabulary: Vocabulary) -> None:
    before, wrong, after = marked.replace("⟧", "⟦").split("⟦")
    error = refusal(before + wrong + after, vocabulary)
    assert (error.position, error.length) == (len(before), len(wrong))
    assert error.suggestion is None
    assert message is None or error.message == message


# text with the wrong stretch marked, the suggestion, what the mended text means
MENDED = [
    ("status = ⟦FINISHD⟧", "FINISHED", "status = 'FINISHED'"),
    ("status IN (FAILED, ⟦'runing'⟧)", "RUNNING", "status IN ('FAILED', 'RUNNING')"),
    ("⟦metric.acc⟧ > 1", "metrics.acc", "metrics.acc > 1"),
    ("⟦accuracy⟧ > 1", "metrics.accuracy", "metrics.accuracy > 1"),
    ("⟦startedat⟧ > '2026-01-01'", "startedAt", "startedAt > '2026-01-01T00:00:00Z'"),
    ("⟦Name⟧ = 'x'", "name", "name = 'x'"),
    ("number ⟦==⟧ 1", "=", "number = 1"),
    ("number ⟦<>⟧ 1", "!=", "number != 1"),
    ("number ⟦=>⟧ 1", ">=", "number >= 1"),
    ("name ⟦LIK⟧ 'x'", "LIKE", "name LIKE 'x'"),
    ("name ⟦NOT ILIK⟧ 'x'", "NOT ILIKE", "name NOT ILIKE 'x'"),
    ("name ⟦EXIST⟧", "EXISTS", "name EXISTS"),
    ("number = 1 ⟦&&⟧ starred = true", "AND", "number = 1 AND starred = true"),
    ("number = 1 ⟦||⟧ starred = true", "OR", "number = 1 OR starred = true"),
    ("(number = 1 ⟦adn⟧ starred = true)", "AND", "number = 1 AND starred = true"),
    ("name = ⟦mlp-7⟧", "'mlp-7'", "name = 'mlp-7'"),
    ("tags.version = ⟦2⟧", "'2'", "tags.version = '2'"),
    ("tags.prod = ⟦true⟧", "'true'", "tags.prod = 'true'"),
    ("params.x = ⟦adam⟧", "'adam'", "params.x = 'adam'"),
    ("metrics.accuracy > ⟦'0.9'⟧", "0.9", "metrics.accuracy > 0.9"),
    ("starred = ⟦'True'⟧", "true", "starred = true"),
    ("startedAt > ⟦2026-01-31⟧", "'2026-01-31'", "startedAt > '2026-01-31T00:00:00Z'"),
]


@pytest.mark.parametrize(("marked", "suggestion", "meaning"), MENDED)
def test_a_suggestion_mends_the_text_as_it_stands(
    marked: str, suggestion: str, meaning: str, *, vocabulary: Vocabulary
) -> None:
    before, wrong, after = marked.replace("⟧", "⟦").split("⟦")
    error = refusal(before + wrong + after, vocabulary)
    assert (error.position, error.length, error.suggestion) == (len(before), len(wrong), suggestion)
    assert error.message.endswith(f"; did you mean {suggestion}?")
    assert to_text(parse(before + suggestion + after, vocabulary)) == meaning


def test_the_first_error_in_reading_order_is_told(vocabulary: Vocabulary) -> None:
    assert refusal("status = FINISHD AND #", vocabulary).position == 9


def test_an_error_is_bad_input_with_its_place_in_the_extensions(vocabulary: Vocabulary) -> None:
    error = refusal("status = FINISHD", vocabulary)
    assert isinstance(error, InvalidInput)
    assert error.extensions == {
        "code": "BAD_USER_INPUT",
        "hint": "Its values are RUNNING, FINISHED, FAILED.",
        "position": 9,
        "length": 7,
        "suggestion": "FINISHED",
    }


def test_an_unknown_field_is_told_what_there_is(vocabulary: Vocabulary) -> None:
    assert refusal("zzz = 1", vocabulary).hint == (
        "Filter by name, text, number, progress, startedAt, durationMs, starred, status, parent, "
        "metrics.<key>, params.<key>, tags.<key>."
    )


def test_an_operator_of_another_type_is_told_those_that_fit(vocabulary: Vocabulary) -> None:
    assert refusal("starred > 1", vocabulary).hint == "It has =, !=, EXISTS."


def test_a_message_quotes_no_more_than_it_can_bear(vocabulary: Vocabulary) -> None:
    error = refusal(f"{'x' * 9000} = 1", vocabulary)
    assert error.message == f"There is no field '{'x' * 60}…'"


def test_a_text_may_be_ten_thousand_characters_long(vocabulary: Vocabulary) -> None:
    text = f"name = '{'x' * 9991}'"
    assert len(text) == 10_000
    assert to_text(parse(text, vocabulary)) == text
    error = refusal(text + " ", vocabulary)
    assert (error.message, error.position) == ("Text is at most 10,000 characters long", 10_000)


def test_a_filter_may_hold_two_hundred_comparisons(vocabulary: Vocabulary) -> None:
    text = " OR ".join(["number = 1"] * 200)
    assert to_text(parse(text, vocabulary)) == text
    error = refusal(f"{text} OR number = 1", vocabulary)
    assert (error.message, error.position, error.length) == (
        "A filter holds at most 200 comparisons", len(text) + 4, 6,
    )  # fmt: skip


@pytest.mark.parametrize(("start", "end", "times"), [("(", ")", 30), ("NOT ", "", 30), ("NOT (", ")", 15)])
def test_a_filter_may_be_nested_thirty_levels_deep(start: str, end: str, times: int, *, vocabulary: Vocabulary) -> None:
    parse(start * times + "number = 1" + end * times, vocabulary)
    error = refusal(start * (times + 1) + "number = 1" + end * (times + 1), vocabulary)
    assert error.message == "A filter is nested at most 30 levels deep"
    assert error.position == len(start) * times


def test_levels_side_by_side_are_not_deep(vocabulary: Vocabulary) -> None:
    text = " OR ".join(["(number = 1)"] * 100)
    assert to_text(parse(text, vocabulary)) == " OR ".join(["number = 1"] * 100)


def test_a_list_may_hold_a_thousand_values(vocabulary: Vocabulary) -> None:
    values = ",".join(["1"] * 1000)
    parse(f"number IN ({values})", vocabulary)
    error = refusal(f"number IN ({values},1)", vocabulary)
    assert (error.message, error.position, error.length) == ("IN takes 1 to 1,000 values, not 1,001", 11, 2001)


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "NOT " * 2_500, "'" * 9_999, '"' * 9_999, "a." * 5_000, "a" * 10_000, " " * 10_000, "=" * 10_000,
     "1" * 10_000, "1e" * 5_000, 'a."' * 3_333, "name='''" * 1_250, "number in (" + "1," * 4_990, "\u202e" * 10_000],
)  # fmt: skip
def test_hostile_text_is_refused_at_once(text: str, vocabulary: Vocabulary) -> None:
    started = time.process_time()
    refusal(text, vocabulary)
    assert time.process_time() - started < 0.5
