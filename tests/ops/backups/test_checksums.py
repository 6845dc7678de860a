"""Checksums of rows: the same wherever the rows lie, and another for any other value."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.backups import checksums
from ops.backups.checksums import states_of
from ops.backups.manifest import TableState
from ops.backups.servers import connected
from ops.backups.snapshots import exported

PAIRS = [
    ("bigint", "1", "4294967296"),
    ("int", "1", "-1"),
    ("float8", "0.0", "'-0.0'::float8"),
    ("float8", "'NaN'", "NULL"),
    ("real", "0.1", "0.10000002"),
    ("numeric", "1.0", "1.00"),
    ("numeric", "'NaN'", "'Infinity'"),
    ("text", "''", "NULL"),
    ("text", "'a'", "'a '"),
    ("char(3)", "'a'", "'b'"),
    ("bytea", "'\\x00'", "'\\x0000'"),
    ("bool", "true", "false"),
    ("json", "'{\"a\": 1}'", "'{\"a\":1}'"),
    ("jsonb", "'{\"a\": 1.0}'", "'{\"a\": 1.00}'"),
    ("timestamptz", "'2026-01-01 00:00:00.000001Z'", "'2026-01-01 00:00:00Z'"),
    ("interval", "'1 day'", "'24 hours'"),
    ("timetz", "'12:00+00'", "'13:00+01'"),
    ("text[]", "'{}'", "'{NULL}'"),
    ("int[]", "'{1,2}'", "'[2:3]={1,2}'"),
    ("tsvector", "'a:1'", "'a:2'"),
    ("point", "'(1,2)'", "'(1,2.0000000000000004)'"),
    ("mood", "'fine'", "'low'"),
    ("mood[]", "'{fine}'", "'{low}'"),
    ("inet", "'10.0.0.1'", "'10.0.0.1/8'"),
    ("regclass", "'pg_class'", "'pg_proc'"),
]
"""A type, and two values of it that are told apart though some of them are equal to each other."""


async def state(url: str, table: str = "public.t", *, connections: int = 1) -> TableState:
    async with exported(url) as snapshot:
        return (await states_of(snapshot, connections=connections))[table]


async def run(url: str, *statements: str) -> None:
    async with connected(url) as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_rows_have_the_same_checksum_in_another_order_and_in_columns_of_another_order(
    empty_database_url: str,
) -> None:
    await run(
        empty_database_url,
        "CREATE TABLE t (a int PRIMARY KEY, gone text, b text, c jsonb)",
        "ALTER TABLE t DROP COLUMN gone",
        "INSERT INTO t SELECT i, 'row ' || i, jsonb_build_object('i', i) FROM generate_series(1, 500) i",
    )
    first = await state(empty_database_url)
    await run(
        empty_database_url,
        "CREATE TABLE other (c jsonb, b text, a int)",
        "INSERT INTO other SELECT c, b, a FROM t ORDER BY md5(b)",
        "UPDATE other SET a = a",
        "DROP TABLE t",
        "ALTER TABLE other RENAME TO t",
    )
    assert await state(empty_database_url) == first
    assert first.rows == 500


async def test_values_that_differ_by_a_bit_differ_in_their_checksum(empty_database_url: str) -> None:
    tables = [
        f"CREATE TABLE {side}_{number} (v {kind}); INSERT INTO {side}_{number} VALUES ({value})"
        for number, (kind, *values) in enumerate(PAIRS)
        for side, value in zip(("one", "other"), values, strict=True)
    ]
    await run(empty_database_url, "CREATE TYPE mood AS ENUM ('fine', 'low')", *tables)
    async with exported(empty_database_url) as snapshot:
        found = await states_of(snapshot, connections=1)
    assert len(found) == 2 * len(PAIRS)
    alike = [pair for n, pair in enumerate(PAIRS) if found[f"public.one_{n}"] == found[f"public.other_{n}"]]
    assert alike == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 3), st.text("ab", max_size=2)), min_size=2, max_size=6), st.data())
async def test_two_tables_have_the_same_checksum_only_when_they_have_the_same_rows(
    empty_database_url: str, rows: list[tuple[int, str]], data: st.DataObject
) -> None:
    # The same values in each column, put together to other rows.
    other = list(zip([row[0] for row in rows], data.draw(st.permutations([row[1] for row in rows])), strict=True))
    await run(empty_database_url, "DROP TABLE IF EXISTS t, u", "CREATE TABLE t (a int, b text)")
    async with connected(empty_database_url) as connection:
        await connection.copy_records_to_table("t", records=rows)
        await connection.execute("CREATE TABLE u (a int, b text)")
        await connection.copy_records_to_table("u", records=other)
    async with exported(empty_database_url) as snapshot:
        states = await states_of(snapshot, connections=1)
    assert (states["public.t"] == states["public.u"]) == (sorted(rows) == sorted(other))


async def test_parts_of_a_table_add_up_to_what_the_whole_is(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(
        empty_database_url,
        "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS v FROM generate_series(1, 3000) i",
        "DELETE FROM t WHERE i % 7 = 0",
    )
    whole = await state(empty_database_url)
    monkeypatch.setattr(checksums, "PART_BYTES", 50_000)
    assert await state(empty_database_url, connections=3) == whole
    assert whole.rows == 3000 - 3000 // 7


async def test_every_schema_is_seen_and_generated_columns_follow_from_the_others(empty_database_url: str) -> None:
    await run(
        empty_database_url,
        'CREATE SCHEMA "Odd one"',
        'CREATE TABLE "Odd one"."a.b" (a int, twice int GENERATED ALWAYS AS (a * 2) STORED)',
        'INSERT INTO "Odd one"."a.b" VALUES (1)',
        "CREATE TABLE t (a int)",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE nothing ()",
        "INSERT INTO nothing DEFAULT VALUES",
        "CREATE TABLE whole (a int) PARTITION BY RANGE (a)",
        "CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (9)",
        "INSERT INTO whole VALUES (1), (2)",
        "CREATE TABLE parent (a int)",
        "CREATE TABLE child () INHERITS (parent)",
        "INSERT INTO child VALUES (1)",
    )
    async with exported(empty_database_url) as snapshot:
        states = await states_of(snapshot, connections=2)
    assert {name: state.rows for name, state in states.items()} == {
        '"Odd one"."a.b"': 1,
        "public.t": 1,
        "public.nothing": 1,
        "public.part": 2,
        "public.parent": 0,
        "public.child": 1,
    }
    assert states['"Odd one"."a.b"'].checksum == states["public.t"].checksum


async def test_a_snapshot_shows_nothing_that_is_written_later_and_nobody_drops_its_tables(
    empty_database_url: str,
) -> None:
    await run(empty_database_url, "CREATE TABLE t AS SELECT 1 AS a")
    async with exported(empty_database_url) as snapshot:
        await run(empty_database_url, "INSERT INTO t VALUES (2)")
        async with connected(empty_database_url) as connection:
            with pytest.raises(asyncpg.LockNotAvailableError):
                await connection.execute("SET lock_timeout = 10; DROP TABLE t")
        assert (await states_of(snapshot, connections=2))["public.t"].rows == 1
    assert (await state(empty_database_url)).rows == 2
