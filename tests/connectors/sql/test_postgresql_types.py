"""What PostgreSQL has beyond the contract: its own types both ways, its ways to write, and how it is secured."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors.sql.capability import ColumnType
from connectors.sql.frames import frame, table
from connectors.sql.postgresql import PostgresqlSource
from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, Transient
from tests.connectors.sql.ground import batch_of, only, run, streamed, write
from tests.connectors.sql.test_postgresql import config, opening, schema, source, watching

__all__ = ["config", "opening", "schema", "source", "watching"]

VALUES = [
    ("smallint", "-7", -7),
    ("integer", "7", 7),
    ("oid", "4294967295", 4294967295),
    ("real", "0.5", 0.5),
    ("numeric", "123456789012345678901234567890.000100", "123456789012345678901234567890.000100"),
    ("numeric", "'NaN'", "NaN"),
    ("numeric(10, 2)", "0", "0.00"),
    ("varchar(9)", "'ü'", "ü"),
    ("char(3)", "'a'", "a  "),
    ("name", "'n'", "n"),
    ("uuid", "'12345678-1234-5678-1234-567812345678'", "12345678-1234-5678-1234-567812345678"),
    ("json", "'{\"a\":  1}'", '{"a":  1}'),
    ("jsonb", "'{\"a\":  1}'", '{"a": 1}'),
    ("interval", "'1 month 2 days 3.5 seconds'", "P1M2DT3.5S"),
    ("inet", "'10.0.0.0/8'", "10.0.0.0/8"),
    ("int4range", "'[1,5)'", "[1,5)"),
    ("point", "'(1,2)'", "(1,2)"),
    ("bit(3)", "'101'", "101"),
    ("integer[]", "'{1,NULL,3}'", [1, None, 3]),
    ("text[]", "'{a,\"b c\"}'", ["a", "b c"]),
    ("timestamp", "'2024-02-29 12:00:00.5'", "2024-02-29 12:00:00.500000"),
    ("timestamp", "'infinity'", "9999-12-31 23:59:59.999999"),
    ("timestamptz", "'-infinity'", "0001-01-01 00:00:00+00:00"),
    ("date", "'0001-01-01'", "0001-01-01"),
    ("money", "'1.50'", "$1.50"),
]


@pytest.mark.parametrize(("kind", "written", "wanted"), VALUES)
async def test_a_value_is_the_same_with_a_parameter_and_without(
    source: PostgresqlSource, *, kind: str, written: str, wanted: Any
) -> None:
    statement = f"SELECT v FROM (VALUES ({written}::{kind}), (NULL)) AS t (v)"
    plain = await table(source, statement)
    asked = await table(source, f"{statement} WHERE $1::int = 1", [1])
    assert plain.schema.equals(asked.schema, check_metadata=True)
    assert plain.column(0).combine_chunks().equals(asked.column(0).combine_chunks())
    found = plain.column(0).to_pylist()
    assert [found[0] if isinstance(wanted, int | float | list) else str(found[0]), found[1]] == [wanted, None]


@pytest.mark.parametrize(
    ("written", "nearest"),
    [("time '24:00'", "23:59:59.999999"), ("date '20000-01-01'", "9999-12-31"), ("date '0002-01-01 BC'", "0001-01-01")],
)
async def test_a_time_that_python_does_not_know_is_the_nearest_or_refused(
    source: PostgresqlSource, written: str, nearest: str
) -> None:
    assert str(await only(source, f"SELECT {written} AS v")) == nearest
    with pytest.raises(InvalidInput):
        await run(source, f"SELECT {written} AS v WHERE $1::int = 1", 1)
    assert await only(source, "SELECT $1::int AS v", 1) == 1


async def test_a_result_of_many_types_and_rows_is_the_same_both_ways(source: PostgresqlSource) -> None:
    statement = """
        SELECT n::int8 AS a, CASE WHEN n % 3 <> 0 THEN n / 7.0::float8 END AS b, repeat('ü', (n % 50)::int) AS c,
          CASE WHEN n % 5 <> 0 THEN timestamptz '1999-12-31 23:59:59.999999+02' + n * interval '1 hour' END AS d,
          n % 2 = 0 AS e, (n % 100)::numeric / 8 AS f, decode(repeat('00ff', (n % 9)::int), 'hex') AS g,
          CASE WHEN n % 4 = 0 THEN jsonb_build_object('n', n) END AS h, (date '1970-01-01' - n::int) AS i
        FROM generate_series(1, 30000) AS n"""
    plain = await table(source, statement)
    asked = await table(source, f"{statement} WHERE $1::int = 1", [1])
    assert plain.num_rows == 30_000
    assert plain.equals(asked)


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        ("uuid", "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"),
        ("interval", "1 day", "P1D"),
        ("inet", "::1", "::1/128"),
        ("integer[]", [1, "2", None], [1, 2, None]),
        ("integer[]", "[1, 2]", [1, 2]),
        ("text[]", ["a", 1], ["a", "1"]),
        ("bytea", "\\x00ff", b"\x00\xff"),
        ("numeric", 0.1, "0.1"),
        ("numeric", "1e3", "1000"),
        ("float8", "1.5", 1.5),
        ("int4", 3.0, 3),
        ("bool", "true", True),
        ("text", 5, "5"),
        ("text", {"a": 1}, '{"a":1}'),
        ("json", [1, {"b": None}], '[1,{"b":null}]'),
        ("date", "2024-02-29", "2024-02-29"),
        ("point", "(1,2)", "(1,2)"),
        ("colour", "red", "red"),
        ("positive", "3", 3),
    ],
)
async def test_a_value_of_json_is_taken_for_every_type(
    source: PostgresqlSource, schema: str, kind: str, *, given: Any, wanted: Any
) -> None:
    if kind in {"colour", "positive"}:
        made = "TYPE {} AS ENUM ('red')" if kind == "colour" else "DOMAIN {} AS int CHECK (VALUE > 0)"
        kind = f"{schema}.{kind}"
        await write(source, f"CREATE {made.format(kind)}")
    found = await only(source, f"SELECT $1::{kind} AS v", given)
    assert (str(found) if kind == "date" else found) == wanted


@pytest.mark.parametrize(
    ("kind", "given"),
    [("int4", "x"), ("int4", 1.5), ("int4", True), ("int4", 2**31), ("uuid", "x"), ("timestamptz", "yesterday-ish"),
     ("bool", 1), ("bytea", "text"), ("int4[]", 3), ("date", 5), ("inet", "nowhere"), ("text", "half \ud800")],
)  # fmt: skip
async def test_a_value_that_is_none_of_a_type_is_refused(source: PostgresqlSource, kind: str, given: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await run(source, f"SELECT $1::{kind} AS v", given)
    assert refused.value.extensions["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 AS v;", "SELECT 1 AS v -- done", "SELECT 1 AS v /* ; */ ;  ", "(SELECT 1 AS v)", "/* a */ SELECT 1 AS v",
     "-- a\nTABLE one", "VALUES (1)", "WITH x AS (SELECT 1 AS v) SELECT v FROM x", "SELECT '1'::numeric::int AS v;",
     "SELECT 1 AS v UNION ALL SELECT 2 LIMIT 1"],
)  # fmt: skip
async def test_a_read_is_written_in_many_ways(source: PostgresqlSource, schema: str, statement: str) -> None:
    if "TABLE one" in statement:
        await write(source, f"CREATE VIEW {schema}.one AS SELECT 1 AS v")
        statement = statement.replace("one", f"{schema}.one")
    assert await only(source, statement) == 1


@pytest.mark.parametrize("statement", ["SHOW server_version", "EXPLAIN SELECT 1"])
async def test_what_is_no_query_answers_rows(source: PostgresqlSource, statement: str) -> None:
    assert len(await run(source, statement)) == 1


async def test_a_write_may_answer_rows(source: PostgresqlSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.numbers (id bigint, at interval)")
    statement = f"INSERT INTO {schema}.numbers VALUES (1, '1 day'), (2, NULL) RETURNING id, at, 1.50 AS d"
    async with source.query(statement, is_writing=True) as result:
        assert result.affected == 2
        rows = [row for batch in [one async for one in result.batches()] for row in batch.to_pylist()]
    assert rows == [{"id": 1, "at": "P1D", "d": "1.50"}, {"id": 2, "at": None, "d": "1.50"}]
    assert await only(source, f"SELECT count(*) AS n FROM {schema}.numbers") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM {table}; END $$",
        "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); DELETE FROM {table}; END $$",
        "DO $$ BEGIN COMMIT; DELETE FROM {table}; END $$",
        "WITH gone AS (DELETE FROM {table} RETURNING *) SELECT * FROM gone",
        "SELECT {schema}.emptied()",
        "COPY {table} FROM STDIN",
        "SELECT * INTO {schema}.copied FROM {table}",
        "SELECT 1) TO STDOUT; DELETE FROM {table}; COPY (SELECT 1",
        "TRUNCATE {table}",
        "SET TRANSACTION READ WRITE",
    ],
)
async def test_a_read_has_no_way_to_write(source: PostgresqlSource, schema: str, statement: str) -> None:
    name = f"{schema}.kept"
    await write(source, f"CREATE TABLE IF NOT EXISTS {name} AS SELECT 1 AS id")
    await write(
        source,
        f"CREATE OR REPLACE FUNCTION {schema}.emptied() RETURNS int LANGUAGE plpgsql AS"
        f" 'BEGIN DELETE FROM {name}; RETURN 1; END'",
    )
    with pytest.raises(MaestroError):
        await run(source, statement.format(table=name, schema=schema))
    assert await only(source, f"SELECT count(*) AS n FROM {name}") == 1


async def test_a_read_within_a_transaction_refuses_to_write_and_the_rest_goes_on(
    source: PostgresqlSource, schema: str
) -> None:
    await write(source, f"CREATE TABLE {schema}.held AS SELECT 1 AS id")
    async with source.transaction() as inside:
        assert await only(inside, f"SELECT count(*) AS n FROM {schema}.held") == 1
        await write(inside, f"INSERT INTO {schema}.held VALUES (2)")
        assert await only(inside, f"SELECT count(*) AS n FROM {schema}.held") == 2
    with pytest.raises(Forbidden):
        async with source.transaction() as inside:
            await run(inside, f"DELETE FROM {schema}.held")
    assert await only(source, f"SELECT count(*) AS n FROM {schema}.held") == 2


async def test_nothing_that_was_set_or_locked_is_left_for_the_next_statement(source: PostgresqlSource) -> None:
    await write(source, "SET search_path = nowhere")
    await write(source, "SELECT pg_advisory_lock(77)")
    assert await only(source, "SHOW search_path") != "nowhere"
    assert await only(source, "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = 77") == 0


async def test_a_connection_that_the_server_ends_is_made_again(source: PostgresqlSource, watching: Any) -> None:
    asking = asyncio.create_task(run(source, "SELECT pg_sleep(20)::text AS ended"))
    ending = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE position('AS ended' in query) > 0 AND state = 'active' AND pid <> pg_backend_pid()"
    )
    while not await watching.fetchval(ending):  # noqa: ASYNC110 -- the server is asked
        await asyncio.sleep(0.02)
    with pytest.raises(Transient):
        await asking
    assert await only(source, "SELECT 1 AS v") == 1


async def test_a_deferred_key_that_is_broken_at_the_end_is_a_conflict(source: PostgresqlSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(Conflict):
        await write(source, f"INSERT INTO {schema}.late VALUES (1), (1)")
    assert await only(source, f"SELECT count(*) AS n FROM {schema}.late") == 0


async def test_types_that_copy_cannot_be_given_are_inserted(source: PostgresqlSource, schema: str) -> None:
    columns = "id int, span interval, place inet, tags int[], price numeric, mark uuid, note json"
    await write(source, f"CREATE TABLE {schema}.odd ({columns})")
    batch = batch_of(
        id=[1, 2],
        span=["1 day", None],
        place=["10.0.0.1", None],
        tags=[[1, 2], None],
        price=[Decimal("1.50"), None],
        mark=["12345678123456781234567812345678", None],
        note=['{"a": 1}', None],
    )
    assert await source.insert(schema, "odd", streamed(batch)) == 2
    (first, second) = await run(source, f"SELECT * FROM {schema}.odd ORDER BY id")
    assert (first["span"], first["place"], first["tags"], first["price"]) == ("P1D", "10.0.0.1/32", [1, 2], "1.50")
    assert json.loads(first["note"]) == {"a": 1}
    assert list(second.values()) == [2, *[None] * 6]


async def test_a_moment_finer_than_a_microsecond_is_refused(source: PostgresqlSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.fine (at timestamptz)")
    batch = batch_of(at=pa.array([1], pa.timestamp("ns", "UTC")))
    with pytest.raises(InvalidInput):
        await source.insert(schema, "fine", streamed(batch))


async def test_decimals_are_decimals_in_a_frame(source: PostgresqlSource) -> None:
    found = await frame(source, "SELECT sum(v) AS v FROM (VALUES (0.1), (0.2)) AS t (v)")
    assert found["v"][0] == Decimal("0.3")


async def test_materialized_views_partitions_and_estimates_are_told(source: PostgresqlSource, schema: str) -> None:
    for statement in (
        "CREATE TABLE {}.parted (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE {0}.part PARTITION OF {0}.parted FOR VALUES FROM (0) TO (10)",
        "CREATE MATERIALIZED VIEW {}.kept_view AS SELECT 1 AS id",
        "CREATE TABLE {}.counted AS SELECT generate_series(1, 100) AS id",
    ):
        await write(source, statement.format(schema))
    await write(source, f"ANALYZE {schema}.counted")
    found = {one.name: one for one in await source.tables(schema)}
    assert (found["parted"].kind, found["kept_view"].kind) == ("TABLE", "MATERIALIZED_VIEW")
    assert "part" not in found
    assert (found["counted"].rows, found["counted"].size) == (100, 8192)
    (column,) = await source.columns(schema, "kept_view")
    assert (column.type, column.vendor_type) == (ColumnType.INTEGER, "integer")


async def test_what_may_not_be_read_is_forbidden(source: PostgresqlSource) -> None:
    with pytest.raises(Forbidden) as refused:
        await run(source, "SELECT rolpassword FROM pg_authid")
    assert refused.value.details["vendorCode"] == "42501"
