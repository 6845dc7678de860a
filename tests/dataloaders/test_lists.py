"""Pages of runs: put together they are the whole list, whatever the sort, the size and the direction of reading."""

import base64
from typing import Any
from uuid import UUID

import orjson
import pytest

from dataloaders.catalogue import Sort
from dataloaders.lists import Listing, PageRequest
from dataloaders.paging import Window
from dataloaders.runs import RUNS, Runs
from maestro.errors import InvalidInput
from maestro.filters import Aggregate, Space, Target, parse
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import finish, new_experiment, new_key, new_run, new_series

LAST, LEAST = Target(Space.METRICS, "acc"), Target(Space.METRICS, "acc", Aggregate.MIN)
LR, STATUS = Target(Space.PARAMS, "lr"), Target(Space.FIELD, "status")
VALUES: list[tuple[float | None, Any]] = [
    (0.5, 1), (0.5, 2), (None, "b"), (0.25, 1.0), (0.5, None), (None, "a"), (1e-300, True), (-3.0, -1), (0.1, "b"),
]  # fmt: skip
"""The last value of a metric and a param of some runs; others have neither."""
SORTS: dict[str, tuple[Sort, ...]] = {
    "newest": (),
    "metric": (Sort(LAST),),
    "metric descending": (Sort(LAST, is_descending=True),),
    "param": (Sort(LR),),
    "param descending": (Sort(LR, is_descending=True),),
    "field with ties": (Sort(STATUS),),
    "nullable field": (Sort(Target(Space.FIELD, "endedAt")),),
    "duration": (Sort(Target(Space.FIELD, "durationMs"), is_descending=True),),
    "mixed directions": (Sort(STATUS), Sort(LAST, is_descending=True), Sort(LR)),
    "one direction": (Sort(STATUS, is_descending=True), Sort(Target(Space.FIELD, "kind"), is_descending=True)),
}
FILTERS = [None, "metrics.acc EXISTS", "metrics.acc > 0.2", "metrics.acc.min > -9", "params.lr = 'b'", "params.lr < 9"]


@pytest.fixture
async def runs(api: Api) -> dict[UUID, tuple[int, float | None, Any]]:
    """Eleven runs with ties, nulls and gaps: position, metric and param of each."""
    project = await new_project(api)
    experiment, key = await new_experiment(api, project), await new_key(api, project, "acc")
    for number, (value, lr) in enumerate(VALUES):
        run = await new_run(api, experiment, params={"lr": lr})
        await new_series(api, project, run, key=key, values=(value, -1.0 if value is None else value / 2, value))
        if number % 3:
            await finish(api, run)
    await new_run(api, experiment)
    await new_run(api, experiment, status="SCHEDULED")
    rows = await api.runtime.db.fetch_sql("SELECT id FROM run ORDER BY number")
    known = [*VALUES, (None, None), (None, None)]
    return {row.id: (n, *known[n]) for n, row in enumerate(rows)}


async def read(api: Api, listing: Listing, *, size: int, is_backward: bool) -> list[UUID]:
    """Read a list to its end by pages of one size."""
    found: list[UUID] = []
    cursor = None
    while True:
        request = PageRequest(listing, Window(size, cursor, is_backward))
        page = await api.context().loaders[Runs].load((None, request))
        ids = [row.id for row in page.rows]
        found = ids + found if is_backward else found + ids
        assert (page.has_next if is_backward else page.has_previous) == (cursor is not None)
        if not (page.has_previous if is_backward else page.has_next):
            return found
        assert len(ids) == size
        cursor = page.cursor(page.rows[0] if is_backward else page.rows[-1])


@pytest.mark.parametrize("text", FILTERS)
async def test_pages_of_every_size_put_together_are_the_whole_list(api: Api, runs: Any, text: str | None) -> None:
    wanted = None if text is None else parse(text, RUNS.vocabulary)
    for name, sort in SORTS.items():
        listing = Listing(wanted, sort)
        whole = await read(api, listing, size=1000, is_backward=False)
        assert len(whole) == len(set(whole)) > 0
        for size in (1, 2, 3, 5, 7) if text is None else (1, 4):
            assert await read(api, listing, size=size, is_backward=False) == whole, (name, size)
            assert await read(api, listing, size=size, is_backward=True) == whole, (name, size)


@pytest.mark.parametrize("is_descending", [False, True])
async def test_a_metric_orders_the_runs_nulls_last_and_ties_by_id(api: Api, runs: Any, *, is_descending: bool) -> None:
    whole = await read(api, Listing(None, (Sort(LAST, is_descending),)), size=1000, is_backward=False)
    sign = -1 if is_descending else 1

    def rank(key: UUID) -> tuple[bool, float, int]:
        position, value, _ = runs[key]
        return value is None, sign * (value or 0), sign * position

    assert whole == sorted(runs, key=rank)


async def test_a_param_orders_numbers_then_texts_then_runs_without_it(api: Api, runs: Any) -> None:
    whole = await read(api, Listing(None, (Sort(LR),)), size=1000, is_backward=False)
    logged = [runs[key][2] for key in whole]
    assert logged == [-1, 1, 1.0, 2, "a", "b", "b", None, True, None, None]


async def test_a_cursor_of_another_list_is_refused(api: Api, runs: Any) -> None:
    loader = api.context().loaders[Runs]
    page = await loader.load((None, PageRequest(Listing(), Window(1))))
    cursor = page.cursor(page.rows[0])
    for listing in (
        Listing(None, (Sort(LAST),)),
        Listing(parse("number > 1", RUNS.vocabulary)),
        Listing(in_trash=True),
    ):
        with pytest.raises(InvalidInput, match="belongs to another list"):
            await loader.load((None, PageRequest(listing, Window(1, cursor))))


async def test_a_cursor_of_one_scope_is_refused_by_the_others(api: Api, runs: Any) -> None:
    project = await new_project(api, "Other")
    await new_run(api, await new_experiment(api, project))
    query = """
    query ($after: String) {
      projects(sort: [{field: NAME}]) {
        nodes { runs(first: 1, after: $after) { nodes { name } pageInfo { endCursor } } }
      }
    }"""
    first = await api(query)
    cursor = first["projects"]["nodes"][0]["runs"]["pageInfo"]["endCursor"]
    errors = await api.errors(query, after=cursor)
    assert {error["path"][2] for error in errors} == {1}
    assert errors[0]["message"] == "This cursor belongs to another list."


@pytest.mark.parametrize("cursor", ["", "abc", "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
async def test_what_is_no_cursor_is_refused(api: Api, cursor: str) -> None:
    (error,) = await api.errors("query ($c: String) { runs(after: $c) { nodes { id } } }", c=cursor)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "after")


FORGED: tuple[Any, ...] = (
    5, {"a": 1}, [], [1, 2], [None], [1], ["\0"], ["soon"], ["0001-01-01T00:00:00+14:00"], [2**63], [1e300], [[1]],
)  # fmt: skip
"""What a cursor may hold that was not answered by any list."""


@pytest.mark.parametrize("sort", ["createdAt", "number", "name", "durationMs", "project"])
async def test_a_forged_cursor_is_refused_unless_a_row_could_have_its_values(api: Api, runs: Any, sort: str) -> None:
    listing, loader = Listing(None, (Sort(Target(Space.FIELD, sort)),)), api.context().loaders[Runs]
    page = await loader.load((None, PageRequest(listing, Window(1))))
    known: dict[str, list[Any]] = {
        "name": [["soon"], ["0001-01-01T00:00:00+14:00"]],
        "number": [[1]],
        "durationMs": [[None], [1e300]],
    }
    allowed = known.get(sort, [])
    for values in FORGED:
        content = page.bound_to + page.rows[0].id.bytes + orjson.dumps(values)
        request = PageRequest(listing, Window(1, base64.urlsafe_b64encode(content).decode()))
        if values in allowed:
            await loader.load((None, request))
        else:
            with pytest.raises(InvalidInput, match="This is not a cursor"):
                await loader.load((None, request))


@pytest.mark.parametrize(
    "term",
    [{}, {"field": "NAME", "metric": "acc"}, {"param": "a", "aggregate": "MIN"}, {"metric": ""}, {"param": "\0"}],
)
async def test_a_sort_term_names_exactly_one_thing(api: Api, term: dict[str, str]) -> None:
    (error,) = await api.errors("query ($s: [RunSort!]) { runs(sort: $s) { nodes { id } } }", s=[term])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"].startswith("sort")


@pytest.mark.parametrize("arguments", ["first: 100000", "first: -1", "last: 1001", "first: 1, last: 1"])
async def test_a_window_out_of_bounds_is_refused(api: Api, arguments: str) -> None:
    (error,) = await api.errors(f"{{ runs({arguments}) {{ nodes {{ id }} }} }}")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_more_sort_terms_than_allowed_are_refused(api: Api) -> None:
    terms = ", ".join("{field: NAME}" for _ in range(9))
    (error,) = await api.errors(f"{{ runs(sort: [{terms}]) {{ nodes {{ id }} }} }}")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "sort", "limit": 8}


async def test_a_metric_that_the_filter_demands_is_joined_inside_and_known_to_have_a_value(api: Api, runs: Any) -> None:
    listing = Listing(parse("metrics.acc > 0.2", RUNS.vocabulary), (Sort(LAST, is_descending=True),))
    loader = api.context().loaders[Runs]
    conditions, orders = await loader.prepared(listing, [None])
    assert [order.is_nullable for order in orders] == [False, False]
    joined = str(conditions.joined(RUNS.table.__table__))
    assert "LEFT OUTER JOIN" not in joined
