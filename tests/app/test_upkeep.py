"""`python -m app database`: the health of the database, its slow statements and its optimisation on a terminal."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from click.testing import Result

from app.cli.upkeep import size
from maestro.db.engine import Database
from maestro.postgres import attached
from tests.app.conftest import Program

WORN = (
    "CREATE TABLE worn (id int) WITH (autovacuum_enabled = off)",
    "INSERT INTO worn SELECT generate_series(1, 20000)",
    "DELETE FROM worn WHERE id % 2 = 0",
    "CREATE INDEX one ON worn (id)",
    "CREATE INDEX two ON worn (id)",
    "SELECT pg_stat_force_next_flush()",
    "SELECT 1",
)


@pytest.fixture
def running(program: Program) -> Iterator[Program]:
    """The program, with PostgreSQL running as long as the test."""
    with attached(program.data):
        yield program


def run_sql(program: Program, *statements: str) -> None:
    async def run(url: str) -> None:
        db = Database(url, pool_size=1, system_role="none")
        for sql in statements:
            await db.fetch_sql(sql)
        await db.close()

    with attached(program.data) as address:
        asyncio.run(run(address.url()))


def done(program: Program, *words: str) -> Result:
    """Run a command that must succeed."""
    result = program.invoke("database", *words)
    assert result.exit_code == 0, result.output
    return result


def test_the_health_of_a_new_database_is_shown(running: Program) -> None:
    shown = done(running, "health").stdout
    assert shown.startswith("PostgreSQL 18")
    assert "Nothing is wrong." in shown
    content = json.loads(done(running, "health", "--json").stdout)
    assert (content["findings"], content["serverVersion"][:3]) == ([], "18.")
    assert {"run", "job"} <= {one["name"] for one in content["tables"]}


def test_what_is_wrong_is_shown_with_what_helps_and_then_optimised(running: Program) -> None:
    run_sql(running, *WORN)
    shown = running.invoke("database", "health")
    assert shown.exit_code == 1
    assert "CRITICAL 50% of the rows of worn are dead. (10,000 rows)" in shown.stdout
    assert "The index one of worn is the same as two." in shown.stdout
    assert 'DROP INDEX CONCURRENTLY IF EXISTS "one";' in shown.stdout
    plan = done(running, "optimize", "--dry-run").stdout
    assert "VACUUM worn 50% of its rows are dead." in " ".join(plan.split())
    assert "Nothing was done." in plan
    content = json.loads(done(running, "optimize", "--json").stdout)
    assert [(one["verb"], one["subject"], one["state"]) for one in content["actions"]] == [("VACUUM", "worn", "DONE")]
    assert (content["isDryRun"], content["bytesGained"]) == (False, 0)
    assert "Nothing has to be done." in done(running, "optimize").stdout


def test_slow_statements_are_shown_and_counted_anew(running: Program) -> None:
    run_sql(running, "SELECT pg_sleep(0.2), 'hunter2' AS secret")
    shown = done(running, "slow", "--first", "3", "--order", "max-time").stdout
    assert "SELECT pg_sleep($1), $2 AS secret" in shown
    assert "hunter2" not in shown
    content = json.loads(done(running, "slow", "--json", "--order", "max-time", "--reset").stdout)
    assert content["statements"][0]["text"] == "SELECT pg_sleep($1), $2 AS secret"
    assert content["statements"][0]["meanMs"] > 200
    assert "pg_sleep" not in done(running, "slow", "--first", "200").stdout


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 1024**3, "3.0 GiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_are_shown_as_people_read_them(count: int, shown: str) -> None:
    assert size(count) == shown
