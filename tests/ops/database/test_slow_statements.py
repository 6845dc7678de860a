"""What the database spends its time on: in any order, of this database alone, and never with a value."""

from asyncio import to_thread

import pytest

from maestro.db import statistics
from maestro.db.engine import Database
from maestro.errors import Forbidden, InvalidInput, StatisticsMissing
from ops.database import slow_statements
from ops.database.slow_statements import StatementOrder, slowest, without_values

SECRET = "hunter2"


@pytest.fixture
async def counted(db: Database, database_url: str) -> Database:
    """A database whose statements are counted, from now on."""
    assert await to_thread(statistics.prepare, database_url)
    await slow_statements.reset(db)
    return db


async def texts(db: Database, order: StatementOrder = StatementOrder.TOTAL_TIME) -> list[str]:
    return [one.text for one in (await slowest(db, first=200, order=order)).statements]


async def test_a_statement_is_counted_with_its_calls_rows_and_times(counted: Database) -> None:
    for number in (3, 4):
        await counted.fetch_sql(f"SELECT generate_series(1, {number})")
    found = await slowest(counted, first=200)
    (one,) = [one for one in found.statements if one.text.startswith("SELECT generate_series")]
    assert (one.text, one.calls, one.rows, one.role) == ("SELECT generate_series($1, $2)", 2, 7, "maestro")
    assert 0 < one.mean_ms <= one.max_ms <= one.total_ms
    assert 0 < one.share <= 1
    assert (found.hidden, found.since is not None) == (0, True)


async def test_statements_are_sorted_as_asked_and_no_more_than_asked(counted: Database) -> None:
    await counted.fetch_sql("SELECT pg_sleep(0.05)")
    for _ in range(9):
        await counted.fetch_sql("SELECT 1 AS often")
    await counted.fetch_sql("SELECT generate_series(1, 5000) AS rows")
    for order in (StatementOrder.TOTAL_TIME, StatementOrder.MEAN_TIME, StatementOrder.MAX_TIME):
        assert (await texts(counted, order))[0] == "SELECT pg_sleep($1)"
    assert (await texts(counted, StatementOrder.CALLS))[0] == "SELECT $1 AS often"
    assert (await texts(counted, StatementOrder.ROWS))[0] == "SELECT generate_series($1, $2) AS rows"
    await texts(counted, StatementOrder.READS)
    assert len((await slowest(counted, first=1)).statements) == 1


@pytest.mark.parametrize("first", [0, 201])
async def test_too_many_are_refused(counted: Database, first: int) -> None:
    with pytest.raises(InvalidInput):
        await slowest(counted, first=first)


async def test_no_value_is_shown_even_where_postgresql_leaves_them(counted: Database) -> None:
    await counted.fetch_sql("SET pg_stat_statements.track_utility = on")
    await counted.fetch_sql(f"CREATE ROLE test_of_statements PASSWORD '{SECRET}'")
    await counted.fetch_sql("DROP ROLE test_of_statements")
    await counted.fetch_sql(f"SELECT '{SECRET}' AS word, $1::int", 4711)
    found = await texts(counted)
    assert "SELECT $2 AS word, $1::int" in found
    assert SECRET not in repr(found)
    assert not [text for text in found if text.startswith("CREATE ROLE")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT  1,\n 'a''b', $1", "SELECT ?, ?, $1"),
        (r"SELECT E'a\'b', x2 FROM \"t 1\"".replace('\\"', '"'), 'SELECT ?, x2 FROM "t 1"'),
        ("UPDATE t SET a = 12.5 WHERE b = 'x' AND c1 = $12", "UPDATE t SET a = ? WHERE b = ? AND c1 = $12"),
        ("SELECT * FROM t LIMIT 10", "SELECT * FROM t LIMIT ?"),
    ],
)
def test_texts_and_numbers_become_question_marks(text: str, shown: str) -> None:
    assert without_values(text) == shown


async def test_other_databases_are_left_out_and_so_is_what_was_before_the_reset(counted: Database) -> None:
    await counted.fetch_sql("SELECT 1 AS before_the_reset")
    elsewhere = Database(counted.url.set(database="postgres").render_as_string(hide_password=False), pool_size=1)
    await elsewhere.fetch_sql("SELECT 1 AS in_another_database")
    await elsewhere.close()
    await slow_statements.reset(counted)
    await counted.fetch_sql("SELECT 1 AS after_the_reset")
    found = await texts(counted)
    assert "SELECT $1 AS after_the_reset" in found
    assert not {"SELECT $1 AS before_the_reset", "SELECT $1 AS in_another_database"} & set(found)


async def test_the_servers_role_sees_the_texts_of_all(counted: Database, server_url: str) -> None:
    await counted.fetch_sql("SELECT 1 AS by_the_owner")
    server = Database(server_url, pool_size=1)
    try:
        assert "SELECT $1 AS by_the_owner" in await texts(server)
    finally:
        await server.close()


async def test_the_servers_role_may_not_have_it_count_anew(counted: Database, server_url: str) -> None:
    await counted.fetch_sql("SELECT 1 AS kept")
    server = Database(server_url, pool_size=1)
    try:
        with pytest.raises(Forbidden):
            await slow_statements.reset(server)
    finally:
        await server.close()
    assert "SELECT $1 AS kept" in await texts(counted)


async def test_the_extension_may_be_in_the_database_itself(counted: Database) -> None:
    await counted.fetch_sql('CREATE SCHEMA "own place" CREATE TABLE t (a int)')
    await counted.fetch_sql('CREATE EXTENSION pg_stat_statements SCHEMA "own place"')
    await counted.fetch_sql("SELECT 1 AS from_here")
    assert "SELECT $1 AS from_here" in await texts(counted)


async def test_without_the_extension_it_is_told_how_to_get_it(counted: Database) -> None:
    elsewhere = Database(
        counted.url.set(database="postgres").render_as_string(hide_password=False), pool_size=1, system_role="none"
    )
    try:
        await elsewhere.fetch_sql("DROP EXTENSION pg_stat_statements")
        with pytest.raises(StatisticsMissing) as refusal:
            await slowest(counted)
        assert "CREATE EXTENSION pg_stat_statements" in str(refusal.value.hint)
    finally:
        await elsewhere.close()
