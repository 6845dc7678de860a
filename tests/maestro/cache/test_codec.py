"""Values survive the way into bytes and back with their types, and nothing but values comes out of bytes."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID, uuid4

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataloaders.lists import Listing, PageRequest, Totals
from dataloaders.paging import Page
from dataloaders.runs import RUNS, Runs
from maestro.cache.codec import Undecodable, decode, encode
from maestro.cache.rows import KeptRow
from maestro.db.engine import Database
from maestro.db.tables.enums import RunStatus
from maestro.filters import parse

ZONES = st.one_of(st.none(), st.just(UTC), st.integers(-720, 720).map(lambda m: timezone(timedelta(minutes=m))))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.uuids(),
    st.datetimes(timezones=ZONES),
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.sampled_from(RunStatus),
)
KEYS = st.one_of(st.text(), st.integers(), st.uuids(), st.tuples(st.text(), st.uuids()))


def row_of(values: list[object]) -> KeptRow:
    return KeptRow({f"c{i}": i for i in range(len(values))}, tuple(values))


VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(KEYS, inner),
        st.frozensets(KEYS),
        st.sets(KEYS),
        st.lists(inner, min_size=1).map(row_of),
    ),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was_with_its_types(value: object) -> None:
    back = decode(encode(value))
    assert back == value
    assert repr(types(back)) == repr(types(value))


def types(value: object) -> object:
    if isinstance(value, list | tuple):
        return type(value), [types(one) for one in value]
    if isinstance(value, dict):
        return dict, sorted((repr(key), types(one)) for key, one in value.items())
    if isinstance(value, KeptRow):
        return KeptRow, list(value.keys()), [types(one) for one in value]
    return type(value)


async def test_rows_of_the_database_come_back_with_the_values_of_their_columns(db: Database) -> None:
    rows = await db.fetch_sql(
        "SELECT gen_random_uuid() AS id, now() AS at, 1.5::float8 AS value, 12.30::numeric AS price, 'é' AS name, "
        "'{\"a\": [1]}'::jsonb AS document, NULL::text AS nothing, ARRAY['x'] AS tags, n FROM generate_series(1, 3) n"
    )
    back = decode(encode(rows))
    assert [list(row.items()) for row in back] == [list(row.items()) for row in rows]
    assert (type(back[0].id), type(back[0].price), back[0]["name"], back[0].get("none")) == (UUID, Decimal, "é", None)
    with pytest.raises(AttributeError, match="no column 'other'"):
        _ = back[0].other


def test_what_loaders_answer_comes_back_with_its_filter_tree() -> None:
    listing = Listing(parse("metrics.loss < 0.5 AND NOT status = 'RUNNING'", RUNS.vocabulary))
    page = Page(
        [], has_next=True, has_previous=False, bound_to=b"\0\xff", sort_width=0, total_key=(Runs, None, listing)
    )
    back = decode(encode((page, PageRequest(listing))))
    assert back == (page, PageRequest(listing))
    assert back[0].total_key[0] is Runs


def test_columns_of_numbers_come_back() -> None:
    column = np.array([[1.5, float("nan")], [float("inf"), 0.0]])
    back = decode(encode(column))
    assert back.dtype == column.dtype
    np.testing.assert_array_equal(back, column)


@pytest.mark.parametrize("value", [object(), lambda: 1, asyncio.Task, "\ud800", [object()]])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@given(st.binary())
def test_bytes_of_anything_make_a_value_or_are_refused(data: bytes) -> None:
    try:
        decode(data)
    except Undecodable:
        return


CLASSES = ["subprocess.Popen", "os.system", "maestro.runtime.Runtime.nothing", "maestro.none.None", "pathlib.Path"]


@pytest.mark.parametrize("letter", ["c", "e", "C"])
@pytest.mark.parametrize("name", CLASSES)
def test_no_class_of_others_is_made_from_bytes(letter: str, name: str) -> None:
    with pytest.raises(Undecodable):
        decode(orjson.dumps([letter, name, []]))


def test_a_class_of_ours_that_is_no_dataclass_is_not_made() -> None:
    for name in ("maestro.db.engine.Database", f"dataloaders.lists.{Totals.__name__}"):
        with pytest.raises(Undecodable):
            decode(orjson.dumps(["c", name, []]))


@pytest.mark.parametrize("value", [date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), uuid4(), Decimal("0.10")])
def test_a_value_cut_off_is_refused(value: object) -> None:
    with pytest.raises(Undecodable):
        decode(encode([value])[:-3])
