"""Statements of MySQL with their parameters in them."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connectors.sql.mysql_text import literal, quoted, rendered
from maestro.errors import InvalidInput


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "NULL"),
        (True, "1"),
        (-7, "-7"),
        (0.1, "0.1e0"),
        (1e300, "1e+300"),
        (Decimal("1E+3"), "1000"),
        ("it's", "'it''s'"),
        ("back\\slash", "'back\\\\slash'"),
        ("\\'", "'\\\\'''"),
        (b"\x00'", "x'0027'"),
        (date(2024, 2, 29), "'2024-02-29'"),
        (time(1, 2, 3), "'01:02:03'"),
        (datetime(2024, 2, 29, 1, tzinfo=timezone(timedelta(hours=2))), "'2024-02-28 23:00:00'"),
        (datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC), "'2024-02-29 01:02:03.000004'"),
        (timedelta(hours=-30, microseconds=-1), "'-30:00:00.000001'"),
        ({"a": ["ü'"]}, "'{\"a\":[\"ü''\"]}'"),
    ],
)
def test_a_value_becomes_a_literal(value: Any, wanted: str) -> None:
    assert literal(value) == wanted


def test_a_backslash_is_left_where_it_means_nothing() -> None:
    assert literal("a\\'b", has_backslashes=False) == "'a\\''b'"


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), Decimal("NaN")])
def test_a_number_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        literal(value)


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("SELECT %s", "SELECT 1"),
        ("SELECT '%s', \"%s\", `%s`, %s", "SELECT '%s', \"%s\", `%s`, 1"),
        ("SELECT 'it''s \\' %s', %s", "SELECT 'it''s \\' %s', 1"),
        ("SELECT 10 % size, a LIKE '100%' AND b = %s", "SELECT 10 % size, a LIKE '100%' AND b = 1"),
        ("SELECT 1 -- %s\n, %s", "SELECT 1 -- %s\n, 1"),
        ("SELECT 1 # %s\n, %s /* %s */", "SELECT 1 # %s\n, 1 /* %s */"),
        ("SELECT 10 %second, %s", "SELECT 10 %second, 1"),
        ("SELECT 1--%s", "SELECT 1--1"),
    ],
)
def test_a_placeholder_is_one_outside_of_quotes_and_comments(statement: str, wanted: str) -> None:
    assert rendered(statement, [1]) == wanted


@pytest.mark.parametrize(("statement", "given"), [("SELECT %s", [1, 2]), ("SELECT '%s'", [1]), ("SELECT %s, %s", [1])])
def test_as_many_parameters_as_placeholders_are_wanted(statement: str, given: list[int]) -> None:
    with pytest.raises(InvalidInput):
        rendered(statement, given)


def test_what_is_given_is_never_a_placeholder() -> None:
    assert rendered("SELECT %s, %s", ["%s", "x"]) == "SELECT '%s', 'x'"


def test_a_name_is_quoted() -> None:
    assert quoted("a`b") == "`a``b`"
