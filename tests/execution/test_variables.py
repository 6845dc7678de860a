"""How much variables may hold."""

from typing import Any

import pytest
from graphql import build_schema, parse
from graphql.language import OperationDefinitionNode

from execution.limits import Excess, Measure
from execution.variables import MOST_CONTAINERS, MOST_DEEP, MOST_VALUES, variables_excess

MEMBERS = 9
SCHEMA = build_schema(
    "scalar Any input Wide { wide: [Wide!] " + " ".join(f"m{n}: Int" for n in range(MEMBERS - 1)) + " } "
    "type Query { ask(any: Any, ids: [[ID!]], wide: Wide): Int }"
)


def excess(declared: str, value: Any, *, are_counted: bool = True) -> Excess | None:
    (operation,) = parse(f"query ($v: {declared}) {{ ask }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    return variables_excess(SCHEMA, operation, {"v": value}, are_counted=are_counted)


def deep(depth: int, kind: type[list[Any] | dict[str, Any]] = list) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = [made] if kind is list else {"a": made}
    return made


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("are_counted", [True, False])
def test_variables_nest_so_deep_and_no_deeper(kind: type[list[Any] | dict[str, Any]], *, are_counted: bool) -> None:
    # The variables themselves are an object.
    assert excess("Any", deep(MOST_DEEP - 1, kind), are_counted=are_counted) is None
    found = excess("Any", ["x", deep(50_000, kind)], are_counted=are_counted)
    assert found == Excess(Measure.VARIABLE_DEPTH, None, MOST_DEEP)


def test_what_a_scalar_holds_is_counted_by_its_objects_and_lists() -> None:
    assert excess("Any", [1] * MOST_VALUES * 2) is None
    assert excess("Any", [[]] * (MOST_CONTAINERS - 2)) is None
    assert excess("Any", [[]] * MOST_CONTAINERS) == Excess(Measure.CONTAINERS, None, MOST_CONTAINERS)


@pytest.mark.parametrize(
    ("declared", "one", "weight"),
    [("[ID!]!", "x", 1), ("[[ID!]]", ["x", "y"], 1 + 3 + 2), ("[Wide!]", {"m1": 1}, 1 + 1 + MEMBERS)],
)
def test_values_are_counted_by_what_it_takes_to_read_them(declared: str, one: Any, weight: int) -> None:
    many = (MOST_VALUES - 3) // weight
    assert excess(declared, [one] * many) is None
    assert excess(declared, [one] * (many + 1)) == Excess(Measure.VALUES, None, MOST_VALUES)


def test_objects_in_objects_are_counted() -> None:
    many = [{"m1": 1}] * (MOST_VALUES // (MEMBERS + 3))
    assert excess("Wide", {"wide": many}) is None
    assert excess("Wide", {"wide": [{"wide": many}, {"wide": many}]}) == Excess(Measure.VALUES, None, MOST_VALUES)


def test_values_are_not_counted_where_they_are_what_is_logged() -> None:
    assert excess("[Wide!]", [{"m1": 1}] * MOST_VALUES, are_counted=False) is None


def test_variables_of_another_form_than_declared_are_left_to_graphql() -> None:
    assert excess("[Wide!]", 7) is None
    assert excess("Wide", {"nothing": [{}]}) is None
