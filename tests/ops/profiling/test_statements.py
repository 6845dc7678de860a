"""Statements and plans without the values that stand in them."""

import pytest

from ops.profiling.statements import masked, without_values


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = 'it''s secret' AND b = $1", "a = ? AND b = $1"),
        ("(name = 'x'::text) AND (n > 42) AND (r < -1.5e3)", "(name = ?::text) AND (n > ?) AND (r < ?)"),
        ("t1.c2 = ANY ('{a,b}'::uuid[])", "t1.c2 = ANY (?::uuid[])"),
        ("x = E'a\\\\b'", "x = ?"),
        ("maestro_1.f(int4) LIMIT 10", "maestro_1.f(int4) LIMIT ?"),
    ],
)
def test_values_become_question_marks(text: str, told: str) -> None:
    assert masked(text) == told


def test_a_plan_keeps_its_names_and_numbers_and_loses_its_values() -> None:
    plan = {
        "Plan": {
            "Node Type": "Index Scan",
            "Index Name": "ix_run_2",
            "Actual Rows": 3,
            "Index Cond": "(name = 'secret'::text)",
            "Sort Key": ["(x || 'secret')"],
            "Plans": [{"Node Type": "Result", "Filter": "(7 = n)", "Something New": "'secret'"}],
        }
    }
    assert without_values(plan) == {
        "Plan": {
            "Node Type": "Index Scan",
            "Index Name": "ix_run_2",
            "Actual Rows": 3,
            "Index Cond": "(name = ?::text)",
            "Sort Key": ["(x || ?)"],
            "Plans": [{"Node Type": "Result", "Filter": "(? = n)", "Something New": "?"}],
        }
    }
