"""No answer holds more objects than its operation costs, whatever the document, its fragments and its variables are."""

from typing import Any

from graphql import GraphQLResolveInfo, execute_sync, get_named_type, get_nullable_type, is_composite_type, is_list_type
from hypothesis import given
from hypothesis import strategies as st

from execution.pricing import priced
from tests.execution.test_cost import SCHEMA, SIZES, read

LENGTHS = st.one_of(st.integers(0, 4), st.sampled_from(["$n", "$m"]))
CONDITIONS = st.sampled_from(["", "", "", "@skip(if: $c)", "@include(if: $c)", "@skip(if: true)", "...F"])


def selected(draw: st.DrawFn, depth: int) -> str:
    """A selection on Person, perhaps with people inside."""
    if depth == 0:
        return "name"
    inside = selected(draw, depth - 1)
    arguments = f"(first: {draw(LENGTHS)})" if draw(st.booleans()) else ""
    condition = draw(CONDITIONS)
    spread, directive = (condition, "") if condition == "...F" else ("", condition)
    listed = draw(st.sampled_from(["nodes { %s }", "edges { node { %s } cursor }", "nodes { %s } info { next }"]))
    tags = "tags { key }" if draw(st.booleans()) else ""
    return f"name {spread} {tags} p{depth}: friends{arguments} {directive} {{ {listed % inside} }}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """An operation over people of people, with a fragment, and things of each kind."""
    people = selected(draw, draw(st.integers(1, 3)))
    things = "things(ids: $ids) { id owner { name } ... on Book { pages(first: $n) { text } } }"
    roots = [f"x{i}: {root}" for i, root in enumerate([f"me {{ {people} }}", things, "found { ... on Book { id } }"])]
    kept = [root for root in roots if draw(st.booleans())] or roots[:1]
    fragment = "fragment F on Person { f: friends(last: $m) { nodes { tags { key } } } }"
    used = fragment if "...F" in " ".join(kept) else ""
    declared = "query ($n: Int, $m: Int = 2, $c: Boolean = false, $ids: [ID!]! = [])"
    variables = "u: me @skip(if: $c) { friends(first: $n, last: $m) { info { next } } }"
    return f"{declared} {{ {' '.join(kept)} {variables} {unused(kept)} }} {used}"


def unused(kept: list[str]) -> str:
    """Use the variable that the rest does not, as the rules of GraphQL demand."""
    return "" if any("$ids" in root for root in kept) else "y: things(ids: $ids) { id }"


def most(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
    """Answer as much as any field may."""
    kind = get_nullable_type(info.return_type)
    named = get_named_type(kind)
    if not is_composite_type(named):
        return 1 if named.name in ("Int", "Boolean") else "x"
    lengths = [given[name] for name in ("first", "last") if given.get(name) is not None]
    if "ids" in given:
        lengths = [len(given["ids"])]
    size = max(lengths, default=SIZES.page)
    if not is_list_type(kind):
        return {"size": size}
    if not given:
        size = source["size"] if "size" in source and info.field_name in ("nodes", "edges") else SIZES.short
    return [{} for _ in range(size)]


def objects(answer: Any) -> int:
    """Count the objects of an answer."""
    if isinstance(answer, list):
        return sum(map(objects, answer))
    return 1 + sum(map(objects, answer.values())) if isinstance(answer, dict) else 0


@given(
    documents(),
    st.fixed_dictionaries(
        {},
        optional={
            "n": st.one_of(st.none(), st.integers(0, 5)),
            "m": st.one_of(st.none(), st.integers(0, 5)),
            "c": st.booleans(),
            "ids": st.lists(st.just("a"), max_size=5),
        },
    ),
)
def test_an_answer_never_holds_more_objects_than_its_operation_costs(document: str, variables: dict[str, Any]) -> None:
    parsed = read(document)
    answer = execute_sync(
        SCHEMA,
        parsed,
        variable_values=variables,
        field_resolver=most,
        type_resolver=lambda *_: "Book",
    )
    assert answer.errors is None
    assert objects(answer.data) <= priced(SCHEMA, parsed, None, sizes=SIZES).of(variables)
