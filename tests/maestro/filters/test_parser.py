"""What a filter text means."""

from datetime import UTC, datetime
from typing import Any

import pytest

from maestro.filters import (
    Aggregate,
    And,
    Comparison,
    Field,
    Not,
    Operator,
    Or,
    Space,
    Target,
    ValueType,
    Vocabulary,
    parse,
)


def field(name: str) -> Target:
    return Target(Space.FIELD, name)


def metric(key: str, aggregate: Aggregate = Aggregate.LAST) -> Target:
    return Target(Space.METRICS, key, aggregate)


def param(key: str) -> Target:
    return Target(Space.PARAMS, key)


def tag(key: str) -> Target:
    return Target(Space.TAGS, key)


LR = Comparison(param("lr"), Operator.LT, 0.01)
ACCURACY = Comparison(metric("accuracy"), Operator.GT, 0.9)
FAILED = Comparison(field("status"), Operator.EQ, "FAILED")


@pytest.mark.parametrize(
    ("text", "operator", "value"),
    [
        ("name = 'a'", Operator.EQ, "a"),
        ("name != 'a'", Operator.NE, "a"),
        ("name < 'a'", Operator.LT, "a"),
        ("name <= 'a'", Operator.LE, "a"),
        ("name > 'a'", Operator.GT, "a"),
        ("name >= 'a'", Operator.GE, "a"),
        ("name IN ('a', 'b')", Operator.IN, ("a", "b")),
        ("name NOT IN ('a')", Operator.NOT_IN, ("a",)),
        ("name LIKE 'a%'", Operator.LIKE, "a%"),
        ("name NOT LIKE 'a%'", Operator.NOT_LIKE, "a%"),
        ("name ILIKE 'a%'", Operator.ILIKE, "a%"),
        ("name NOT ILIKE 'a%'", Operator.NOT_ILIKE, "a%"),
        ("name EXISTS", Operator.EXISTS, None),
        ("name BETWEEN 'a' AND 'b'", Operator.BETWEEN, ("a", "b")),
        ("name NOT BETWEEN 'a' AND 'b'", Operator.NOT_BETWEEN, ("a", "b")),
        ("name between 'B' and 'a'", Operator.BETWEEN, ("B", "a")),
    ],
)
def test_every_operator_is_read(text: str, operator: Operator, value: Any, *, vocabulary: Vocabulary) -> None:
    assert parse(text, vocabulary) == Comparison(field("name"), operator, value)


def test_matches_searches_text(vocabulary: Vocabulary) -> None:
    tree = parse("text MATCHES 'confusion matrix'", vocabulary)
    assert tree == Comparison(field("text"), Operator.MATCHES, "confusion matrix")


@pytest.mark.parametrize(
    "text", ["NOT tags.prod EXISTS", "tags.prod NOT EXISTS", "tags.prod = null", "not tags.prod exists"]
)
def test_absence_has_one_tree(text: str, vocabulary: Vocabulary) -> None:
    assert parse(text, vocabulary) == Not(Comparison(tag("prod"), Operator.EXISTS))


def test_unequal_to_null_is_presence(vocabulary: Vocabulary) -> None:
    assert parse("parent != NULL", vocabulary) == Comparison(field("parent"), Operator.EXISTS)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("metrics.accuracy", metric("accuracy")),
        ("metrics.accuracy.last", metric("accuracy")),
        ("metrics.accuracy.min", metric("accuracy", Aggregate.MIN)),
        ("metrics.accuracy.MAX", metric("accuracy", Aggregate.MAX)),
        ("metrics.val/loss", metric("val/loss")),
        ('metrics."val/loss".min', metric("val/loss", Aggregate.MIN)),
        ('metrics."loss.min"', metric("loss.min")),
        ("metrics.min", metric("min")),
        ("metrics.min.max", metric("min", Aggregate.MAX)),
        ("metrics.recall@10", metric("recall@10")),
        ("metrics.точность", metric("точность")),
        ("params.batch-size", param("batch-size")),
        ("params.optimizer.lr.min", param("optimizer.lr.min")),
        ('params."weird key.with dots"', param("weird key.with dots")),
        ('params."say ""hi"""', param('say "hi"')),
        ('params.`tick ``tock`` "quoted"`', param('tick `tock` "quoted"')),
        ('params.layer."0 in".size', param("layer.0 in.size")),
        ("params.AND", param("AND")),
    ],
)
def test_every_form_of_a_path_is_read(path: str, target: Target, vocabulary: Vocabulary) -> None:
    assert parse(f"{path} = 1", vocabulary) == Comparison(target, Operator.EQ, 1)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("+1", 1),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1e-5", -1e-5),
        ("1E+3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("true", True),
        ("FALSE", False),
        ("'it''s'", "it's"),
        ('"it\'s ""so"""', 'it\'s "so"'),
        ("''", ""),
        ("'日本語 🚀\n\t'", "日本語 🚀\n\t"),
        ("'null'", "null"),
    ],
)
def test_every_form_of_a_value_is_read(written: str, value: Any, vocabulary: Vocabulary) -> None:
    tree = parse(f"params.x = {written}", vocabulary)
    assert tree == Comparison(param("x"), Operator.EQ, value)
    assert isinstance(tree, Comparison)
    assert type(tree.value) is type(value)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:30:00Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("2026-01-31 12:30:00.000001+02:00", datetime(2026, 1, 31, 10, 30, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_date_becomes_a_moment_in_utc(written: str, moment: datetime, vocabulary: Vocabulary) -> None:
    tree = parse(f"startedAt >= '{written}'", vocabulary)
    assert tree == Comparison(field("startedAt"), Operator.GE, moment)


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("1500", 1500), ("250ms", 250), ("'90s'", 90_000), ("15m", 900_000), ("1.5h", 5_400_000), ("2d", 172_800_000)],
)
def test_a_duration_becomes_milliseconds(written: str, milliseconds: int, vocabulary: Vocabulary) -> None:
    assert parse(f"durationMs > {written}", vocabulary) == Comparison(field("durationMs"), Operator.GT, milliseconds)


@pytest.mark.parametrize("written", ["FINISHED", "finished", "'Finished'", '"FINISHED"'])
def test_a_value_of_an_enum_is_taken_in_any_case(written: str, vocabulary: Vocabulary) -> None:
    assert parse(f"status = {written}", vocabulary) == Comparison(field("status"), Operator.EQ, "FINISHED")


def test_a_list_of_enum_values_needs_no_quotes(vocabulary: Vocabulary) -> None:
    tree = parse("status IN (FINISHED, FAILED)", vocabulary)
    assert tree == Comparison(field("status"), Operator.IN, ("FINISHED", "FAILED"))


def test_a_whole_float_is_taken_for_an_integer(vocabulary: Vocabulary) -> None:
    tree = parse("number = 2.0", vocabulary)
    assert isinstance(tree, Comparison)
    assert repr(tree.value) == "2"


def test_and_binds_closer_than_or(vocabulary: Vocabulary) -> None:
    tree = parse("metrics.accuracy > 0.9 OR params.lr < 0.01 AND status = FAILED", vocabulary)
    assert tree == Or((ACCURACY, And((LR, FAILED))))


def test_parentheses_bind_closest(vocabulary: Vocabulary) -> None:
    tree = parse("(metrics.accuracy > 0.9 or params.lr < 0.01) and status = FAILED", vocabulary)
    assert tree == And((Or((ACCURACY, LR)), FAILED))


def test_not_binds_closer_than_and(vocabulary: Vocabulary) -> None:
    tree = parse("NOT params.lr < 0.01 AND NOT (status = FAILED OR metrics.accuracy > 0.9)", vocabulary)
    assert tree == And((Not(LR), Not(Or((FAILED, ACCURACY)))))


def test_the_and_of_a_range_is_not_a_connective(vocabulary: Vocabulary) -> None:
    tree = parse("durationMs BETWEEN 1000 AND 5000 AND status = FAILED", vocabulary)
    assert tree == And((Comparison(field("durationMs"), Operator.BETWEEN, (1000, 5000)), FAILED))


def test_a_chain_is_flat_however_it_is_grouped(vocabulary: Vocabulary) -> None:
    grouped = parse("(params.lr < 0.01 AND status = FAILED) AND metrics.accuracy > 0.9", vocabulary)
    assert grouped == And((LR, FAILED, ACCURACY))


def test_blanks_are_optional_around_signs(vocabulary: Vocabulary) -> None:
    tree = parse("\n(params.lr<0.01)AND(status\t=FAILED)", vocabulary)
    assert tree == And((LR, FAILED))


def test_a_vocabulary_without_spaces_has_fields_of_their_names() -> None:
    vocabulary = Vocabulary([Field("tags", ValueType.STRING, "All tags")])
    assert parse("tags = 'a'", vocabulary) == Comparison(field("tags"), Operator.EQ, "a")
