"""What is found out about a database, and that a database that is as migrations make it has nothing wrong with it."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from maestro.db import statistics
from maestro.db.engine import Database
from ops.database import activity, indexes, tables
from ops.database.findings import Finding, FindingKind, IndexHealth, Severity, TableHealth
from ops.database.health import examine

WEEKS = 21.0
FROZEN = {"frozen_at": 200_000_000, "multixact_frozen_at": 400_000_000}
TABLE = TableHealth(
    name="t",
    live_rows=100_000,
    dead_rows=0,
    modified_rows=0,
    table_bytes=1_000_000_000,
    toast_bytes=0,
    index_bytes=0,
    toast_live_rows=0,
    toast_dead_rows=0,
    bloat_bytes=0,
    transaction_age=1_000,
    multixact_age=0,
    last_vacuum_at=None,
    last_analyze_at=datetime(2026, 1, 31, tzinfo=UTC),
)
INDEX = IndexHealth("i", "t", 50 * 1024**2, 1, is_unique=False, is_valid=True, bloat_bytes=0, keys=("a", "b"))


def kinds(found: Sequence[Finding]) -> list[tuple[FindingKind, Severity, str]]:
    return [(one.kind, one.severity, one.subject) for one in found]


async def of(db: Database, subject: str) -> list[FindingKind]:
    return [one.kind for one in (await examine(db)).findings if one.subject == subject]


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Any]:
    """Another program's connection to the same database."""
    connection = await asyncpg.connect(
        database_url.replace("+asyncpg", ""), server_settings={"application_name": "notebook"}
    )
    yield connection
    await connection.close()


async def test_nothing_is_wrong_with_a_new_database(db: Database) -> None:
    health = await examine(db)
    assert health.findings == ()
    assert health.worst is None
    assert {"run", "metric_block", "usage_by_project"} <= {one.name for one in health.tables}
    assert "pk_run" in {one.name for one in health.indexes}
    assert health.activity.size_bytes > 1_000_000
    assert health.activity.server_version.startswith("18")


async def test_the_roles_of_the_server_see_the_same_but_what_others_do(server_url: str, db: Database) -> None:
    server = Database(server_url, pool_size=1)
    try:
        seen = await examine(server)
    finally:
        await server.close()
    assert set(kinds(seen.findings)) <= {(FindingKind.STATISTICS_HIDDEN, Severity.INFO, "pg_read_all_stats")}
    assert [one.name for one in seen.indexes] == [one.name for one in (await examine(db)).indexes]


async def test_the_server_sees_what_others_do_once_a_superuser_has_prepared_that(
    database_url: str, server_url: str
) -> None:
    assert await to_thread(statistics.prepare, database_url)
    assert not await to_thread(statistics.prepare, server_url)
    server = Database(server_url, pool_size=1)
    try:
        assert (await examine(server)).findings == ()
    finally:
        await server.close()


async def test_bloat_of_an_index_is_estimated_near_what_building_it_anew_gains(db: Database) -> None:
    await db.fetch_sql("CREATE TABLE big (id int, name text, d float8)")
    await db.fetch_sql("INSERT INTO big SELECT i, md5(i::text), i FROM generate_series(1, 60000) i")
    await db.fetch_sql("CREATE INDEX by_name ON big (name)")
    await db.fetch_sql("CREATE INDEX by_expression ON big (left(name, 8), id)")
    await db.fetch_sql("DELETE FROM big WHERE id % 5 <> 0")
    await db.fetch_sql("VACUUM ANALYZE big")
    before = {one.name: one for one in await indexes.read(db)}
    for name in ("by_name", "by_expression"):
        await db.fetch_sql(f"REINDEX INDEX {name}")
    after = {one.name: one.size_bytes for one in await indexes.read(db)}
    for name in ("by_name", "by_expression"):
        gained = before[name].size_bytes - after[name]
        assert before[name].bloat_bytes == pytest.approx(gained, rel=0.15)
    table = next(one for one in await tables.read(db) if one.name == "big")
    assert table.bloat_ratio == pytest.approx(0.8, abs=0.05)


async def test_an_index_whose_building_failed_is_found(db: Database) -> None:
    await db.fetch_sql("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.fetch_sql("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (a)")
    assert await of(db, "broken") == [FindingKind.INVALID_INDEX]


async def test_an_index_that_another_one_can_stand_in_for_is_found_and_ours_are_none_of_them(db: Database) -> None:
    for sql in (
        "CREATE TABLE t (a int, b int, c text, UNIQUE (a))",
        "CREATE INDEX same ON t (a)",
        "CREATE INDEX longer ON t (b, c)",
        "CREATE INDEX beginning ON t (b)",
        "CREATE INDEX backwards ON t (b DESC)",
        "CREATE INDEX partly ON t (b) WHERE c IS NULL",
        'CREATE INDEX collated ON t (b, c COLLATE "C")',
        "CREATE INDEX words ON t USING hash (b)",
    ):
        await db.fetch_sql(sql)
    assert kinds((await examine(db)).findings) == [
        (FindingKind.DUPLICATE_INDEX, Severity.WARNING, "same"),
        (FindingKind.REDUNDANT_INDEX, Severity.INFO, "beginning"),
    ]


async def test_a_reference_of_a_large_table_needs_an_index_that_begins_with_it(db: Database) -> None:
    for sql in (
        "CREATE TABLE parent (a int, b int, PRIMARY KEY (a, b))",
        "CREATE TABLE child (n int, a int, b int, CONSTRAINT of_parent FOREIGN KEY (a, b) REFERENCES parent)",
        "INSERT INTO child SELECT generate_series(1, 10000)",
        "CREATE INDEX useless ON child (n, a, b)",
        "CREATE INDEX partial ON child (a, b) WHERE n > 5",
        "ANALYZE child",
    ):
        await db.fetch_sql(sql)
    (found,) = [one for one in (await examine(db)).findings if one.subject == "of_parent"]
    assert (found.kind, found.value, found.unit) == (FindingKind.MISSING_INDEX, 10_000, "rows")
    assert found.sql is not None
    await db.fetch_sql(found.sql)
    assert await of(db, "of_parent") == []
    await db.fetch_sql("DROP INDEX ix_child_a_b")
    await db.fetch_sql("CREATE INDEX turned ON child (b, a, n) WHERE b IS NOT NULL")
    assert await of(db, "of_parent") == []


async def test_an_unused_index_is_told_after_a_week_and_ours_are_left_alone() -> None:
    unused = replace(INDEX, scans=0)
    assert list(indexes.findings([unused], days=6.9)) == []
    (found,) = indexes.findings([unused], days=WEEKS)
    assert kinds([found]) == [(FindingKind.UNUSED_INDEX, Severity.INFO, "i")]
    assert found.sql == 'DROP INDEX CONCURRENTLY IF EXISTS "i"'
    (ours,) = indexes.findings([replace(unused, name="ix_run_tags")], days=WEEKS)
    assert ours.sql is None
    for needed in (replace(unused, is_unique=True), replace(unused, is_constraint=True), replace(unused, size_bytes=9)):
        assert list(indexes.findings([needed], days=WEEKS)) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"dead_rows": 20_000}, []),
        ({"dead_rows": 30_000}, [(FindingKind.DEAD_ROWS, Severity.WARNING)]),
        ({"dead_rows": 100_000}, [(FindingKind.DEAD_ROWS, Severity.CRITICAL)]),
        ({"live_rows": 1, "dead_rows": 9_999}, []),
        ({"toast_live_rows": 1, "toast_dead_rows": 90_000}, [(FindingKind.DEAD_ROWS, Severity.CRITICAL)]),
        ({"last_analyze_at": None}, [(FindingKind.NEVER_ANALYZED, Severity.WARNING)]),
        ({"last_analyze_at": None, "live_rows": 999}, []),
        ({"modified_rows": 40_000}, [(FindingKind.STALE_STATISTICS, Severity.INFO)]),
        ({"bloat_bytes": 600_000_000}, [(FindingKind.BLOATED_TABLE, Severity.INFO)]),
        ({"bloat_bytes": None}, []),
        ({"transaction_age": 210_000_000}, []),
        ({"transaction_age": 230_000_000}, [(FindingKind.OLD_TRANSACTION_IDS, Severity.WARNING)]),
        ({"transaction_age": 1_500_000_000}, [(FindingKind.OLD_TRANSACTION_IDS, Severity.CRITICAL)]),
        ({"multixact_age": 430_000_000}, []),
        ({"multixact_age": 450_000_000}, [(FindingKind.OLD_TRANSACTION_IDS, Severity.WARNING)]),
    ],
)
def test_a_table_is_judged_by_its_numbers(changed: dict[str, Any], found: list[tuple[FindingKind, Severity]]) -> None:
    judged = list(tables.findings([replace(TABLE, **changed)], **FROZEN))
    assert [(one.kind, one.severity) for one in judged] == found


async def test_a_transaction_that_is_left_open_is_found_with_who_it_is(
    db: Database, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "IDLE_S", 0.0)
    await other.execute("BEGIN; SELECT 'secret'")
    pid = str(other.get_server_pid())
    (found,) = [one for one in (await examine(db)).findings if one.subject == pid]
    assert (found.kind, found.severity) == (FindingKind.IDLE_IN_TRANSACTION, Severity.WARNING)
    assert found.message.startswith(f"notebook (process {pid}) has left a transaction open")
    assert "secret" not in repr(found)
    assert found.sql == f"SELECT pg_terminate_backend({pid})"


@pytest.mark.parametrize("name", ["notebook", "pg_dump"])
async def test_a_long_transaction_is_found_and_a_backup_may_take_hours(
    db: Database, other: Any, monkeypatch: pytest.MonkeyPatch, *, name: str
) -> None:
    monkeypatch.setattr(activity, "LONG_S", 0.0)
    monkeypatch.setattr(activity, "FAR_TOO_LONG_S", 0.0)
    await other.execute(f"SET application_name = '{name}'; BEGIN")
    (found,) = [one for one in (await examine(db)).findings if one.subject == str(other.get_server_pid())]
    assert found.kind is FindingKind.LONG_TRANSACTION
    assert found.severity is (Severity.WARNING if name == "pg_dump" else Severity.CRITICAL)


async def test_a_slot_that_keeps_the_log_and_that_nobody_reads_can_be_dropped(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "WAL_FROM", 1)
    await db.fetch_sql("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        await db.fetch_sql("SELECT pg_logical_emit_message(false, 'test', repeat('x', 10000))")
        (found,) = [one for one in (await examine(db)).findings if one.subject == "forgotten"]
        assert (found.kind, found.severity, found.unit) == (FindingKind.RETAINED_WAL, Severity.WARNING, "bytes")
        assert found.message.endswith("Nobody reads from it.")
    finally:
        assert found.sql is not None
        await db.fetch_sql(found.sql)


async def test_the_worst_comes_first(db: Database, other: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "IDLE_S", 0.0)
    monkeypatch.setattr(activity, "FAR_TOO_LONG_S", 0.0)
    await db.fetch_sql("CREATE TABLE t (a int)")
    await db.fetch_sql("CREATE INDEX one ON t (a)")
    await db.fetch_sql("CREATE INDEX two ON t (a)")
    await other.execute("BEGIN")
    health = await examine(db)
    assert [one.severity for one in health.findings] == [Severity.CRITICAL, Severity.WARNING]
    assert health.worst is Severity.CRITICAL
