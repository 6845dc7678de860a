"""Documents are prepared once, kept within bounds, and validated again for another schema."""

import hashlib

import pytest
from graphql import GraphQLError, GraphQLSchema, OperationType, build_schema

from execution.bounds import LONGEST
from execution.limits import Excess, Measure
from execution.operations import OTHERS, OperationCache
from execution.validating import MOST_ERRORS

SCHEMA = build_schema("type Query { name: String people(first: Int): [Query] }")
OTHER = build_schema("type Query { nickname: String }")


class Refused(Exception):
    """What the cache is told to make of an excess."""

    def __init__(self, excess: Excess) -> None:
        self.excess = excess


def refuse(excess: Excess) -> GraphQLError:
    return GraphQLError("refused", original_error=Refused(excess))


def new_cache(schema: GraphQLSchema = SCHEMA, **bounds: int) -> OperationCache:
    cache = OperationCache(refuse, **bounds)
    cache.serve(schema)
    return cache


def excess_of(error: GraphQLError) -> Excess:
    assert isinstance(error.original_error, Refused)
    return error.original_error.excess


def test_a_document_that_is_sent_again_is_found() -> None:
    cache = new_cache()
    first = cache.prepare("{ name }")
    assert first.errors == []
    assert all(cache.prepare("{ name }") is first for _ in range(49))
    stats = cache.stats
    assert (stats.hits, stats.misses, stats.documents, stats.characters, stats.others) == (49, 1, 1, 8, 0)


def test_a_prepared_document_tells_its_hash_its_operations_and_their_kinds() -> None:
    one = new_cache().prepare("query A { name } mutation B { name }")
    assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()
    assert [node.name.value for node in one.operations if node.name] == ["A", "B"]
    assert [one.kind(name) for name in ("A", "B", "C", None)] == [
        OperationType.QUERY,
        OperationType.MUTATION,
        None,
        None,
    ]


def test_the_only_operation_needs_no_name() -> None:
    assert new_cache().prepare("query A { name }").kind() is OperationType.QUERY


def test_a_fact_is_computed_once() -> None:
    one, computed = new_cache().prepare("{ name }"), list[str]()

    def compute() -> int:
        computed.append("fact")
        return 7

    assert [one.fact("key", compute), one.fact("key", compute), computed] == [7, 7, ["fact"]]


def test_good_documents_are_pushed_out_by_number_the_least_used_first() -> None:
    cache = new_cache(documents=3)
    for text in ("{ a: name }", "{ b: name }", "{ c: name }", "{ a: name }", "{ d: name }"):
        assert cache.prepare(text).errors == []
    assert (cache.stats.documents, cache.stats.evictions) == (3, 1)
    hits = cache.stats.hits
    cache.prepare("{ a: name }")
    cache.prepare("{ b: name }")
    assert cache.stats.hits == hits + 1


def test_good_documents_are_pushed_out_by_their_length_together() -> None:
    cache = new_cache(characters=100)
    for number in range(20):
        assert cache.prepare(f"{{ a{number:02}: name }}").errors == []
    assert cache.stats.characters <= 100
    assert cache.stats.documents == 7


@pytest.mark.parametrize("text", ["{ nothing%s }", "{ name %s", "{ %s name " + "a " * 5_000 + "}"])
def test_documents_that_are_refused_do_not_push_out_good_ones(text: str) -> None:
    cache = new_cache(documents=3)
    good = cache.prepare("{ name }")
    assert good.errors == []
    for number in range(OTHERS * 2):
        assert cache.prepare(text % number).errors
    assert cache.prepare("{ name }") is good
    assert 0 < cache.stats.others <= OTHERS


def test_documents_that_nobody_validated_do_not_push_out_good_ones() -> None:
    cache = new_cache(documents=1)
    good = cache.prepare("{ name }")
    assert good.errors == []
    for number in range(10):
        cache.prepare(f"{{ a{number}: name }}")
    assert cache.prepare("{ name }") is good


def test_a_document_that_is_too_long_to_be_read_is_not_kept() -> None:
    cache = new_cache()
    assert cache.prepare("{ name " + " " * LONGEST).errors
    assert cache.stats.others == 0


def test_a_refused_document_is_not_read_again() -> None:
    cache = new_cache()
    first = cache.prepare("{ name ")
    assert [error.message for error in first.errors] == ["Syntax Error: Expected Name, found <EOF>."]
    assert cache.prepare("{ name ") is first
    assert first.errors[0] is not first.errors[0]


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("{" + "name " * 5_000 + "}", Measure.TOKENS),
        ("{" * 101, Measure.BRACKETS),
        ("{ name }" + " " * 100_000, Measure.CHARACTERS),
        ("{" + "name " * 801 + "}", Measure.SELECTIONS),
        ("{ name }" + "fragment F on Query { name }" * 100, Measure.DEFINITIONS),
        ("{ people {" + "name " * 700 + "} }", Measure.OVERLAPS),
    ],
)
def test_a_document_beyond_a_bound_is_refused_by_what_is_too_much(text: str, measure: Measure) -> None:
    (error,) = new_cache().prepare(text).errors
    assert excess_of(error).measure is measure


def test_fragments_that_nest_too_deep_together_are_refused() -> None:
    inside = "people { " * 30
    chain = " ".join(f"fragment F{n} on Query {{ {inside} ...F{n + 1} {'}' * 30} }}" for n in range(6))
    (error,) = new_cache().prepare(f"{{ ...F0 }} {chain} fragment F6 on Query {{ name }}").errors
    assert excess_of(error).measure is Measure.NESTING


def test_a_document_is_validated_again_for_another_schema() -> None:
    cache = new_cache()
    before = cache.prepare("{ name }")
    assert before.errors == []
    cache.serve(OTHER)
    after = cache.prepare("{ name }")
    assert [error.message for error in after.errors] == ["Cannot query field 'name' on type 'Query'."]
    assert (after.document is before.document, cache.stats.documents, before.errors) == (True, 0, [])
    assert cache.prepare("{ nickname }").errors == []


def test_a_document_that_was_refused_may_fit_another_schema() -> None:
    cache = new_cache()
    assert cache.prepare("{ nickname }").errors
    cache.serve(OTHER)
    assert cache.prepare("{ nickname }").errors == []
    assert (cache.stats.documents, cache.stats.others) == (1, 0)


def test_the_fingerprint_is_that_of_the_definition() -> None:
    same = build_schema("type Query { people(first: Int): [Query] name: String }")
    assert new_cache().fingerprint == new_cache(same).fingerprint != new_cache(OTHER).fingerprint


def test_guesses_are_told_to_those_who_may_see_them_only() -> None:
    one = new_cache().prepare("{ nam people(frst: 1) }")
    assert not any("Did you mean" in error.message for error in one.errors)
    assert [error.message.partition("Did you mean")[2] for error in one.errors_told(hints=True)] == [
        " 'name'?",
        " 'people { ... }'?",
        " 'first'?",
    ]
    assert not any("Did you mean" in error.message for error in one.errors)


def test_at_most_five_errors_are_told_and_none_of_the_others() -> None:
    errors = new_cache().prepare("{" + " ".join(f"a{n}" for n in range(20)) + "}").errors
    assert [error.message for error in errors] == [
        f"Cannot query field 'a{n}' on type 'Query'." for n in range(MOST_ERRORS)
    ]


def test_an_unknown_fragment_is_an_error_like_any_other() -> None:
    assert [error.message for error in new_cache().prepare("{ ...F }").errors] == ["Unknown fragment 'F'."]


def test_half_a_surrogate_pair_is_a_syntax_error() -> None:
    assert new_cache().prepare("{ \ud800 }").errors[0].message.startswith("Syntax Error")
