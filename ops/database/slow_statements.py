"""Which statements the database spends its time on, as pg_stat_statements counts them; never with a value in them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from maestro.db import statistics
from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, NotPermitted, Row, StatementFailed
from maestro.errors import Forbidden, InvalidInput, StatisticsMissing

MOST: Final = 200
LONGEST_TEXT: Final = 4_000
HOW: Final = (
    "Put pg_stat_statements into shared_preload_libraries, restart PostgreSQL, and let a superuser run "
    "`CREATE EXTENSION pg_stat_statements` in the database `postgres`."
)


class StatementOrder(StrEnum):
    """By what statements are sorted, the most first."""

    TOTAL_TIME = "TOTAL_TIME"
    MEAN_TIME = "MEAN_TIME"
    MAX_TIME = "MAX_TIME"
    CALLS = "CALLS"
    ROWS = "ROWS"
    READS = "READS"


_ORDERS: Final = {
    StatementOrder.TOTAL_TIME: "s.total_exec_time",
    StatementOrder.MEAN_TIME: "s.mean_exec_time",
    StatementOrder.MAX_TIME: "s.max_exec_time",
    StatementOrder.CALLS: "s.calls",
    StatementOrder.ROWS: "s.rows",
    StatementOrder.READS: "s.shared_blks_read",
}
# Texts of other accounts are hidden from whoever lacks pg_read_all_stats. PostgreSQL puts $1 in the place of values in
# queries and changes of data alone: other statements may hold a password.
_READ: Final = """
    WITH own AS (
        SELECT s.*, s.query ~* '^[\\s(]*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES)\\M' AS is_normalised,
            s.query = '<insufficient privilege>' AS is_hidden, sum(s.total_exec_time) OVER () AS all_ms
        FROM {place}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = $1
    )
    SELECT s.queryid::text AS id, s.query AS text, pg_get_userbyid(s.userid)::text AS role, s.calls,
        s.total_exec_time AS total_ms, s.mean_exec_time AS mean_ms, s.max_exec_time AS max_ms, s.rows,
        s.shared_blks_hit AS hit, s.shared_blks_read AS reads, s.temp_blks_written AS temporary,
        s.total_exec_time / nullif(s.all_ms, 0) AS share,
        (SELECT stats_reset FROM {place}.pg_stat_statements_info) AS since,
        (SELECT count(*) FROM own WHERE is_hidden) AS hidden
    FROM own s WHERE s.is_normalised OR s.is_hidden
    ORDER BY s.is_hidden, {order} DESC, s.queryid LIMIT $2
"""
_RESET: Final = """
    SELECT {place}.pg_stat_statements_reset(0, d.oid, 0) FROM pg_database d WHERE d.datname = $1
"""
_PLACE: Final = """
    SELECT quote_ident(n.nspname) AS place FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = $1
"""
_VALUES: Final = re.compile(r"(?P<kept>\$\d+|\"(?:[^\"]|\"\")*\")|E?'(?:[^'\\]|''|\\.)*'|(?<![\w.])\d+(?:\.\d+)?\b")
"""Texts and numbers that stand in a statement all the same, and what is left of it: parameters and names."""


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """A statement, over all its calls; times in milliseconds, pages of 8 KiB."""

    id: str
    text: str
    role: str
    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    rows: int
    hit_rate: float | None
    """The part of the pages that was in PostgreSQL's memory; None when it read none."""
    reads: int
    """Pages that were read from the disk, or from what the system keeps of it."""
    temporary: int
    """Pages that did not fit into `work_mem`."""
    share: float
    """Its part of the time that all statements of the database took."""


@dataclass(frozen=True, slots=True)
class SlowStatements:
    """What was counted since a moment. `hidden` statements are of accounts whose texts may not be seen."""

    since: datetime | None
    hidden: int
    statements: tuple[SlowStatement, ...]


async def slowest(
    db: Database, *, first: int = 20, order: StatementOrder = StatementOrder.TOTAL_TIME
) -> SlowStatements:
    """Return the statements of this database that lead in some order.

    InvalidInput for more than 200; StatisticsMissing when PostgreSQL does not count.
    """
    if not 1 <= first <= MOST:
        raise InvalidInput(f"{first} statements are asked for.", field="first", hint=f"Ask for 1 to {MOST}.")
    async with _counting(db) as (counts, place):
        sql = _READ.format(place=place, order=_ORDERS[order])
        rows = await _counted(counts, sql, db.url.database, first)
    shown = [row for row in rows if row.text != "<insufficient privilege>"]
    return SlowStatements(
        since=rows[0].since if rows else None,
        hidden=rows[0].hidden if rows else 0,
        statements=tuple(_statement(row) for row in shown),
    )


async def reset(db: Database) -> None:
    """Begin to count anew for this database; StatisticsMissing, Forbidden unless the account is a superuser's."""
    async with _counting(db) as (counts, place):
        try:
            await _counted(counts, _RESET.format(place=place), db.url.database)
        except StatisticsMissing as missing:
            if not isinstance(missing.__cause__, NotPermitted):
                raise
            raise Forbidden(
                "This account may not have PostgreSQL count anew.",
                hint=f"Let a superuser run `SELECT {place}.pg_stat_statements_reset()`, which is for all databases.",
            ) from missing


@asynccontextmanager
async def _counting(db: Database) -> AsyncIterator[tuple[Database, str]]:
    """Lend a database that has the extension, this one or `postgres`, with the schema that it is in."""
    if found := await db.fetch_sql(_PLACE, statistics.EXTENSION):
        yield db, found[0].place
        return
    url = db.url.set(database=statistics.DATABASE).render_as_string(hide_password=False)
    elsewhere = Database(url, pool_size=1, system_role=db.binding[0])
    try:
        try:
            found = await elsewhere.fetch_sql(_PLACE, statistics.EXTENSION)
        except (*CONNECTION_LOST, StatementFailed):
            found = []
        if not found:
            raise StatisticsMissing("PostgreSQL does not count statements on this server.", hint=HOW)
        yield elsewhere, found[0].place
    finally:
        await elsewhere.close()


async def _counted(counts: Database, sql: str, *arguments: object) -> list[Row]:
    try:
        return await counts.fetch_sql(sql, *arguments)
    except StatementFailed as error:
        # The library is not loaded, or the account may not: PostgreSQL says which.
        raise StatisticsMissing(f"PostgreSQL does not tell of statements: {error}.", hint=HOW) from error


def _statement(row: Row) -> SlowStatement:
    pages = row.hit + row.reads
    return SlowStatement(
        id=row.id,
        text=without_values(row.text),
        role=row.role,
        calls=row.calls,
        total_ms=row.total_ms,
        mean_ms=row.mean_ms,
        max_ms=row.max_ms,
        rows=row["rows"],
        hit_rate=row.hit / pages if pages else None,
        reads=row.reads,
        temporary=row.temporary,
        share=row.share or 0.0,
    )


def without_values(text: str) -> str:
    """Return the text of a statement on one line with `?` for each text and number that was left in it.

    PostgreSQL has replaced the values already, but not where it forgot the statement while it ran.
    """
    return _VALUES.sub(lambda found: found["kept"] or "?", " ".join(text.split()))[:LONGEST_TEXT]
