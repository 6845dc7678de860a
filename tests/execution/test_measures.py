"""What operations come to: against a naive reading that puts every fragment in, and for bombs that none could read."""

from collections.abc import Iterator

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from execution.cost import MOST
from execution.limits import Excess, Limits, Measure, Measures
from execution.measures import measured

FRAGMENTS = 4
LIMITS = Limits(depth=3, aliases=2, directives=2, root_fields=3, fields=6, cost=100)


def expanded(document: DocumentNode, selected: SelectionSetNode, depth: int = 0) -> Iterator[tuple[int, SelectionNode]]:
    """Yield each selection with its depth in fields, fragments put in again and again."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    for node in selected.selections:
        yield depth, node
        if isinstance(node, FieldNode) and node.selection_set is not None:
            yield from expanded(document, node.selection_set, depth + 1)
        elif isinstance(node, InlineFragmentNode):
            yield from expanded(document, node.selection_set, depth)
        elif isinstance(node, FragmentSpreadNode) and node.name.value in fragments:
            yield from expanded(document, fragments[node.name.value].selection_set, depth)


def naive(document: DocumentNode) -> Measures:
    """Measure the first operation the long way."""
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    nodes = [*expanded(document, operation.selection_set)]
    fields = [(depth, node) for depth, node in nodes if isinstance(node, FieldNode)]
    return Measures(
        depth=max((depth + 1 for depth, _ in fields), default=0),
        aliases=sum(node.alias is not None for _, node in fields),
        directives=sum(len(node.directives or ()) for _, node in nodes) + len(operation.directives or ()),
        root_fields=sum(depth == 0 for depth, _ in fields),
        fields=len(fields),
    )


def selections(draw: st.DrawFn, depth: int, first: int) -> str:
    """Selections that spread only fragments from a number on, so that there is no cycle."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        kinds = ["a", "b: a", "a @skip(if: true)", "object", "inline", *(["spread"] if first < FRAGMENTS else [])]
        kind = draw(st.sampled_from(kinds))
        inside = f"{{ {selections(draw, depth - 1, first)} }}" if kind in ("object", "inline") and depth else "{ a }"
        fragment = f"...F{draw(st.integers(first, FRAGMENTS - 1))} @x @y" if kind == "spread" else ""
        parts.append({"object": f"o: o {inside}", "inline": f"... @z {inside}", "spread": fragment}.get(kind, kind))
    return " ".join(parts)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """An operation and fragments, some of which are spread and some unknown."""
    fragments = [
        f"fragment F{number} on T {{ {selections(draw, 2, number + 1)} }}"
        for number in range(FRAGMENTS)
        if draw(st.integers(0, 9))
    ]
    return " ".join([f"query Q @d {{ {selections(draw, 2, 0)} }}", *draw(st.permutations(fragments))])


@given(documents())
def test_measures_are_those_of_the_document_with_its_fragments_put_in(text: str) -> None:
    document = parse(text)
    assert measured(document).of("Q") == naive(document)


def chained(length: int) -> DocumentNode:
    fragments = " ".join(f"fragment F{n} on T {{ x: o {{ ...F{n + 1} }} ...F{n + 1} }}" for n in range(length))
    return parse(f"{{ ...F0 }} {fragments} fragment F{length} on T {{ a @d }}")


def test_a_bomb_is_counted_without_being_put_in() -> None:
    assert measured(chained(18)).of(None) == Measures(19, 2**18 - 1, 2**18, 19, 2**19 - 1)


def test_counting_ends_at_a_number_that_javascript_still_knows() -> None:
    assert measured(chained(200)).of(None) == Measures(201, MOST, MOST, 201, MOST)


@pytest.mark.parametrize(
    "text", ["{ ...F } fragment F on T { a ...F }", "{ ...F } fragment F on T { a ...G } fragment G on T { b ...F }"]
)
def test_a_cycle_of_fragments_has_an_end(text: str) -> None:
    assert measured(parse(text)).of(None).fields >= 1


def test_a_long_chain_of_fragments_needs_no_stack() -> None:
    chain = " ".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(3_000))
    found = measured(parse(f"{{ ...F0 }} {chain} fragment F3000 on T {{ a }}"))
    assert (found.of(None).fields, found.nesting) == (1, 3_002)
    assert found.excess() == Excess(Measure.DEFINITIONS, 3_002, 100)


def test_each_operation_has_its_own_measures_and_without_a_name_the_greatest_count() -> None:
    found = measured(parse("query A { a { b { c } } } query B { x: a y: a }"))
    assert (found.of("A").depth, found.of("B").depth, found.of("B").aliases) == (3, 1, 2)
    assert found.of(None) == Measures(depth=3, aliases=2, root_fields=2, fields=3)
    assert found.of("C") == found.of(None)


def test_a_document_without_an_operation_comes_to_nothing() -> None:
    assert measured(parse("fragment F on T { a }")).of(None) == Measures()


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("{ a { __typename } }", False),
        ("{ __schema { a } }", True),
        ("{ ...F } fragment F on T { x: __type { a } }", True),
    ],
)
def test_introspection_is_seen_wherever_it_is(text: str, *, asks: bool) -> None:
    assert measured(parse(text)).introspects is asks


@pytest.mark.parametrize(
    ("text", "excess"),
    [
        ("{ a { b { c } } }", None),
        ("{ a { b { c { d } } } }", Excess(Measure.DEPTH, 4, 3)),
        ("{ a { x: b y: b z: b } }", Excess(Measure.ALIASES, 3, 2)),
        ("query ($v: Int @d) @d { a @d }", Excess(Measure.DIRECTIVES, 3, 2)),
        ("{ a b c ... { d } }", Excess(Measure.ROOT_FIELDS, 4, 3)),
        ("{ a { b c d e f g } }", Excess(Measure.FIELDS, 7, 6)),
    ],
)
def test_the_first_measure_beyond_its_limit_is_told(text: str, excess: Excess | None) -> None:
    assert LIMITS.excess(measured(parse(text)).of(None)) == excess
