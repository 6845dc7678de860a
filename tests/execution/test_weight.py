"""What answers turned out to hold."""

from graphql import parse

from execution.weight import keys_of, objects_in

DEAR = {"totalCount": 50}


def weight(document: str, data: dict[str, object]) -> int:
    return objects_in(data, keys_of(parse(document), DEAR))


def test_the_answer_and_every_object_in_it_count_one() -> None:
    assert weight("{ a { b { c } d } }", {"a": [{"b": {"c": 1}, "d": 2}, {"b": None, "d": 3}, None]}) == 4


def test_lists_in_lists_are_looked_into() -> None:
    assert weight("{ a { c } }", {"a": [[{"c": 1}], [{"c": 1}, {"c": 2}]]}) == 4


def test_what_a_scalar_holds_is_no_object() -> None:
    assert weight("{ config columns }", {"config": {"a": {"b": {}}}, "columns": [[1.0, 2.0]]}) == 1


def test_what_is_dear_counts_where_it_was_answered() -> None:
    document = "{ a { n: totalCount } b { n } }"
    assert weight(document, {"a": {"n": 7}}) == 52
