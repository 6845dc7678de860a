"""Documents that are to be stored, compared with a schema."""

import pytest
from graphql import build_schema

from execution.bounds import TOKENS
from execution.operations import OperationCache
from execution.stored import Checked, checked
from execution.validating import MOST_ERRORS
from schema.complexity import refusal_of

SDL = "type Query { a: Int b(x: Int): Query }"
OPERATIONS = OperationCache(refusal_of)
OPERATIONS.serve(build_schema(SDL))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{ a }", Checked(None, "QUERY")),
        ("query Q { a }", Checked("Q", "QUERY")),
        ("query Q { ...F } fragment F on Query { a }", Checked("Q", "QUERY")),
    ],
)
def test_a_good_document_tells_what_it_does(text: str, found: Checked) -> None:
    assert checked(OPERATIONS, text) == found


@pytest.mark.parametrize("text", ["", "{", "{ a", "type A { a: Int }", "fragment F on Query { a }", "{ a } { a }"])
def test_what_is_no_document_of_one_operation_has_a_problem(text: str) -> None:
    found = checked(OPERATIONS, text)
    assert (found.kind, len(found.problems)) == (None, 1)


def test_a_problem_says_where_it_is() -> None:
    (problem,) = checked(OPERATIONS, "query Q {\n  nothing\n}").problems
    assert problem == "Cannot query field 'nothing' on type 'Query'. (line 2, column 3)"


def test_some_of_many_problems_are_told() -> None:
    problems = checked(OPERATIONS, f"{{ {' '.join(f'x{number}' for number in range(50))} }}").problems
    assert len(problems) in {MOST_ERRORS, MOST_ERRORS + 1}


def test_a_document_of_too_many_tokens_is_not_read() -> None:
    (problem,) = checked(OPERATIONS, f"{{ {'a ' * TOKENS} }}").problems
    assert "tokens" in problem


def test_a_document_that_is_nested_too_deeply_has_a_problem() -> None:
    assert checked(OPERATIONS, f"{'{ b ' * 3_000} {{ a }} {'}' * 3_000}").problems
