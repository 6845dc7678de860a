"""Joining trees."""

from maestro.filters import And, Comparison, Operator, Or, Space, Target, all_of, any_of, combine

A, B, C = (Comparison(Target(Space.TAGS, key), Operator.EXISTS) for key in "abc")


def test_all_of_flattens_what_it_joins() -> None:
    assert all_of(And((A, B)), C) == And((A, B, C))


def test_any_of_flattens_what_it_joins() -> None:
    assert any_of(A, Or((B, C))) == Or((A, B, C))


def test_all_of_leaves_an_or_whole() -> None:
    assert all_of(Or((A, B)), C) == And((Or((A, B)), C))


def test_one_member_stays_as_it_is() -> None:
    assert (all_of(A), any_of(A)) == (A, A)


def test_combine_joins_the_filters_that_are_there() -> None:
    assert combine(And((A, B)), None, C) == And((A, B, C))


def test_combine_of_one_filter_is_that_filter() -> None:
    assert combine(None, Or((A, B))) == Or((A, B))


def test_combine_of_nothing_is_nothing() -> None:
    assert combine(None, None) is None
