"""The cost of operations on a schema of the test's own: lists, variables, fragments, directives, branches and bombs."""

from typing import Any

import pytest
from graphql import DocumentNode, GraphQLObjectType, build_schema, parse, validate

from execution.cost import MOST, Sizes
from execution.pricing import priced

SCHEMA = build_schema(
    """
    interface Thing { id: ID! owner: Person }
    type Person { name: String friends(first: Int, last: Int): People tags: [Tag!]! }
    type People { nodes: [Person!]! edges: [Link!]! info: Info count: Int }
    type Link { node: Person cursor: String }
    type Info { next: Boolean }
    type Tag { key: String }
    type Book implements Thing { id: ID! owner: Person pages(first: Int): [Page!]! }
    type Page implements Thing { id: ID! owner: Person text: String }
    union Found = Person | Book
    type Query {
      people(first: Int, last: Int): People things(ids: [ID!]!): [Thing]! thing: Thing found: Found me: Person
      names: [String!]! groups: [Tag!]! audit: Info
    }
    type Mutation { log(n: Int): Person stop: Person }
    """
)
# A schema made by code, as ours is, has its defaults as values.
BOOK = SCHEMA.type_map["Book"]
assert isinstance(BOOK, GraphQLObjectType)
BOOK.fields["pages"].args["first"].default_value = 7
DEAR = {"__schema": 100, "__type": 100, "count": 50, "audit": 1_000}
SIZES = Sizes(page=20, longest=1_000, short=10, known={"Query.groups": 3}, dear=DEAR)


def read(document: str) -> DocumentNode:
    parsed = parse(document)
    assert [error.message for error in validate(SCHEMA, parsed)] == []
    return parsed


def cost(document: str, **variables: Any) -> int:
    return priced(SCHEMA, read(document), None, sizes=SIZES).of(variables)


@pytest.mark.parametrize(
    ("document", "objects"),
    [
        ("{ __typename }", 1),
        ("{ names }", 1),
        ("{ me { name } }", 2),
        ("{ a: me { name } b: me { name } }", 3),
        ("{ groups { key } }", 4),
        ("{ me { tags { key } } }", 12),
        ("{ people { nodes { name } } }", 22),
        ("{ people(first: 5) { nodes { name } info { next } } }", 8),
        ("{ people(last: 5) { edges { cursor node { name } } } }", 12),
        ("{ people(first: 3, last: 8) { nodes { name } } }", 10),
        ("{ people(first: 2) { nodes { friends(first: 3) { nodes { name } } } } }", 1 + 1 + 2 * (1 + 1 + 3)),
        ("{ people(first: 5) { info { next } } }", 3),
        ("{ people(first: 0) { nodes { name } } }", 2),
        ("{ people(first: -3) { nodes { name } } }", 2),
        ("{ people(first: 5000) { nodes { name } } }", 1_002),
        ("{ people(first: null) { nodes { name } } }", 22),
        ('{ things(ids: ["a", "b"]) { id } }', 3),
        ('{ things(ids: "a") { id } }', 2),
        ("{ thing { ... on Book { pages { text } } } }", 9),
        ("{ __schema { types { name } } }", 101),
        ("{ people(first: 5) { count } }", 1 + 1 + 50),
        ("{ people(first: 5) { a: count b: count nodes { name } } }", 1 + 1 + 50 + 50 + 5),
        ("{ people(first: 3) { nodes { friends { count } } } }", 1 + 1 + 3 * (1 + 1 + 50)),
        ("{ audit { next } }", 1 + 1 + 1_000),
        ('{ a: __type(name: "Tag") { name } b: __schema { types { name } } }', 201),
    ],
)
def test_objects_are_counted(document: str, objects: int) -> None:
    assert cost(document) == objects


@pytest.mark.parametrize(
    ("sent", "objects"),
    [({}, 6), ({"n": 9}, 11), ({"n": None}, 22), ({"n": 3.0}, 5), ({"n": "x"}, 22), ({"n": True}, 22)],
)
def test_a_length_may_come_in_a_variable(sent: dict[str, Any], objects: int) -> None:
    assert cost("query ($n: Int = 4) { people(first: $n) { nodes { name } } }", **sent) == objects


def test_the_number_of_ids_may_come_in_a_variable() -> None:
    document = "query ($ids: [ID!]!) { things(ids: $ids) { id owner { name } } }"
    assert cost(document, ids=["a"] * 4) == 1 + 4 * 2


@pytest.mark.parametrize(
    ("directive", "sent", "objects"),
    [
        ("@skip(if: true)", {}, 1),
        ("@skip(if: false)", {}, 2),
        ("@include(if: false)", {}, 1),
        ("@skip(if: $c)", {"c": True}, 1),
        ("@skip(if: $c)", {"c": False}, 2),
        ("@include(if: $c)", {"c": False}, 1),
        ("@include(if: $c)", {"c": True}, 2),
        ("@include(if: $c)", {"c": "no boolean"}, 2),
        ("@include(if: $c)", {}, 1),
    ],
)
@pytest.mark.parametrize("form", ["me %s { name }", "... %s { me { name } }", "...F %s"])
def test_what_is_left_out_for_sure_costs_nothing(
    form: str, directive: str, sent: dict[str, Any], *, objects: int
) -> None:
    used = "fragment F on Query { me { name } }" if "...F" in form else ""
    document = f"query ($c: Boolean = false) {{ {form % directive} c: me @skip(if: true) {{ x: name @skip(if: $c) }} }}"
    assert cost(f"{document} {used}", **sent) == objects


def test_a_dear_field_costs_nothing_where_a_variable_leaves_it_out() -> None:
    document = "query ($c: Boolean!) { people(first: 5) { count @include(if: $c) info @skip(if: true) { next } } }"
    assert [cost(document, c=is_counted) for is_counted in (True, False)] == [1 + 1 + 50, 1 + 1]


def test_the_dearest_branch_of_an_interface_counts() -> None:
    branches = "... on Book { pages(first: $n) { id } } ... on Page { owner { name } }"
    document = f"query ($n: Int) {{ thing {{ {branches} }} }}"
    assert [cost(document, n=n) for n in (0, 1, 5)] == [3, 3, 7]


def test_the_dearest_member_of_a_union_counts() -> None:
    assert cost("{ found { ... on Person { friends { nodes { name } } } ... on Book { id } } }") == 1 + 1 + 21


def test_a_fragment_on_an_interface_counts_for_each_type_of_it() -> None:
    document = "{ thing { ...F } } fragment F on Thing { owner { name } ... on Book { pages(first: 2) { id } } }"
    assert cost(document) == 1 + 1 + 1 + 2


def test_a_cost_has_an_upper_bound() -> None:
    depth = 40
    assert cost("{ me {" + "friends(first: 1000) { nodes {" * depth + "name" + "}}" * depth + "}}") == MOST


def bomb(doublings: int) -> str:
    """A document whose answer has 2^doublings leaves, by fragments that each spread the next one twice."""
    links = (
        f"fragment F{i} on Person {{ a: friends(first: 1) {{ nodes {{ ...F{i + 1} }} }}"
        f" b: friends(first: $n) {{ nodes {{ ...F{i + 1} }} }} }} "
        for i in range(doublings)
    )
    return f"query ($n: Int) {{ me {{ ...F0 }} }} {''.join(links)} fragment F{doublings} on Person {{ name }}"


def test_pricing_is_linear_in_the_document_however_much_it_asks_for() -> None:
    steps = [priced(SCHEMA, parse(bomb(doublings)), None, sizes=SIZES).steps for doublings in (9, 18)]
    # A fragment has its own selection set and four more in its two fields.
    assert steps == [3 + 9 * 5, 3 + 18 * 5]
    price = priced(SCHEMA, parse(bomb(18)), None, sizes=SIZES)
    assert len(price.changing) <= price.steps
    assert price.of({"n": 1}) == 2 + 2 * sum(2**level for level in range(1, 19))


def test_steps_of_abstract_types_are_bounded_by_their_possible_types() -> None:
    document = (
        "{ thing { ...A } } fragment A on Thing { ...B ...B } fragment B on Thing { owner { ...C } owner { ...C } }"
    )
    price = priced(SCHEMA, parse(f"{document} fragment C on Person {{ tags {{ key }} }}"), None, sizes=SIZES)
    assert price.steps <= 7 * 3


def test_the_root_fields_are_told_once_a_key() -> None:
    document = "mutation { a: log { name } a: log { name } stop { name } ...F ...F }"
    document += "fragment F on Mutation { b: log { name } }"
    assert priced(SCHEMA, read(document), None, sizes=SIZES).fields == {"a": "log", "stop": "stop", "b": "log"}


def test_each_operation_of_a_document_has_its_own_price() -> None:
    document = read("query A { me { name } } query B { people { nodes { name } } }")
    assert [priced(SCHEMA, document, name, sizes=SIZES).of({}) for name in ("A", "B")] == [2, 22]
