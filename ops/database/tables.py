"""Tables: dead rows, statistics, room that is taken and empty, and how old their oldest transactions are.

How much of a table is empty is estimated as that of an index is: so many rows of so many bytes would fit on so many
pages.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from maestro.db.engine import Database
from maestro.db.rows import Row
from ops.database.findings import Finding, FindingKind, Severity, TableHealth

DEAD_FROM: Final = 10_000
DEAD_RATIO: Final = 0.2
"""PostgreSQL's own measure for when a table is due."""
DEAD_FAR_TOO_MANY: Final = 0.5
BLOATED_FROM: Final = 100 * 1024**2
BLOATED_RATIO: Final = 0.5
UNKNOWN_FROM: Final = 1_000
"""So many rows have to be written before it matters that nobody has looked at them."""
CHANGED_RATIO: Final = 0.3
OLDEST_IN_USE: Final = 2**31 - 3_000_000
"""PostgreSQL refuses to write when something is so many transactions old."""
FAR_TOO_OLD: Final = 1_000_000_000
OVERDUE: Final = 1.1
"""A table is frozen when it reaches its limit; so far beyond it, that has not been done."""

_TABLES: Final = """
    WITH width AS (
        SELECT relation, sum((1 - null_frac) * avg_width) AS data FROM maestro_widths() GROUP BY relation
    )
    SELECT c.relname AS name, s.n_live_tup AS live_rows, s.n_dead_tup AS dead_rows,
        s.n_mod_since_analyze AS modified_rows,
        pg_table_size(c.oid) - coalesce(pg_total_relation_size(c.reltoastrelid), 0) AS table_bytes,
        coalesce(pg_total_relation_size(c.reltoastrelid), 0) AS toast_bytes, pg_indexes_size(c.oid) AS index_bytes,
        coalesce(t.n_live_tup, 0) AS toast_live_rows, coalesce(t.n_dead_tup, 0) AS toast_dead_rows,
        CASE WHEN width.data IS NOT NULL AND c.reltuples >= 0 THEN
            greatest(pg_relation_size(c.oid) - current_setting('block_size')::bigint * ceil(c.reltuples
                / greatest(floor((current_setting('block_size')::int - 24) * f.fill / 100.0
                    / (28 + ceil(width.data / 8) * 8)), 1))::bigint, 0) END AS bloat_bytes,
        greatest(age(c.relfrozenxid), age(long.relfrozenxid)) AS transaction_age,
        greatest(mxid_age(c.relminmxid), mxid_age(long.relminmxid)) AS multixact_age,
        greatest(s.last_vacuum, s.last_autovacuum) AS last_vacuum_at,
        greatest(s.last_analyze, s.last_autoanalyze) AS last_analyze_at,
        coalesce(c.reloptions, '{}') AS options
    FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid
    LEFT JOIN pg_stat_all_tables t ON t.relid = c.reltoastrelid
    LEFT JOIN pg_class long ON long.oid = c.reltoastrelid
    LEFT JOIN width ON width.relation = c.oid
    CROSS JOIN LATERAL (SELECT coalesce((SELECT option_value::int FROM pg_options_to_table(c.reloptions)
        WHERE option_name = 'fillfactor'), 100) AS fill) AS f
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm')
    ORDER BY pg_total_relation_size(c.oid) DESC, c.relname
"""


async def read(db: Database) -> list[TableHealth]:
    """Return every table of the application, the largest first."""
    return [_table(row) for row in await db.fetch_sql(_TABLES)]


def findings(tables: Sequence[TableHealth], *, frozen_at: int, multixact_frozen_at: int) -> Iterator[Finding]:
    """Return what is wrong with tables; they are frozen at some age of transactions and of multixacts."""
    for table in tables:
        if needs_vacuum(table):
            yield _dead(table)
        if is_unknown(table):
            yield _never_analyzed(table)
        elif is_stale(table):
            yield _stale(table)
        if (table.bloat_bytes or 0) >= max(BLOATED_FROM, BLOATED_RATIO * table.table_bytes):
            yield _bloated(table)
        if table.transaction_age > frozen_at * OVERDUE or table.multixact_age > multixact_frozen_at * OVERDUE:
            yield _old(table)


def needs_vacuum(table: TableHealth) -> bool:
    """Say whether so many rows are dead that the table should be vacuumed."""
    return max(table.dead_rows, table.toast_dead_rows) >= DEAD_FROM and table.dead_ratio >= DEAD_RATIO


def is_unknown(table: TableHealth) -> bool:
    """Say whether a table has rows and no statistics: every query of it is planned by guesses."""
    return table.last_analyze_at is None and max(table.live_rows, table.modified_rows) >= UNKNOWN_FROM


def is_stale(table: TableHealth) -> bool:
    """Say whether much of a table has changed since it was last analysed."""
    changed = table.modified_rows
    return changed >= DEAD_FROM and changed >= CHANGED_RATIO * max(table.live_rows, 1)


def vacuum(name: str) -> str:
    """Return the statement that makes the room of dead rows usable, while others read and write."""
    return f'VACUUM (ANALYZE) "{name}"'


def analyze(name: str) -> str:
    """Return the statement that takes the statistics of a table."""
    return f'ANALYZE "{name}"'


def _table(row: Row) -> TableHealth:
    return TableHealth(**{**dict(row.items()), "options": tuple(row.options)})


def _dead(table: TableHealth) -> Finding:
    return Finding(
        FindingKind.DEAD_ROWS,
        Severity.CRITICAL if table.dead_ratio >= DEAD_FAR_TOO_MANY else Severity.WARNING,
        table.name,
        f"{table.dead_ratio:.0%} of the rows of {table.name} are dead.",
        "Autovacuum does not keep up, or a long transaction keeps it from removing them: end that, then `optimize`.",
        value=float(max(table.dead_rows, table.toast_dead_rows)),
        unit="rows",
        sql=vacuum(table.name),
    )


def _never_analyzed(table: TableHealth) -> Finding:
    return Finding(
        FindingKind.NEVER_ANALYZED,
        Severity.WARNING,
        table.name,
        f"{table.name} has never been analysed: its queries are planned by guesses.",
        "`optimize` does it; as a rule autovacuum does within a minute.",
        value=float(max(table.live_rows, table.modified_rows)),
        unit="rows",
        sql=analyze(table.name),
    )


def _stale(table: TableHealth) -> Finding:
    return Finding(
        FindingKind.STALE_STATISTICS,
        Severity.INFO,
        table.name,
        f"Much of {table.name} has changed since it was last analysed.",
        "Autovacuum is about to do it; `optimize` does it now.",
        value=float(table.modified_rows),
        unit="rows",
        sql=analyze(table.name),
    )


def _bloated(table: TableHealth) -> Finding:
    return Finding(
        FindingKind.BLOATED_TABLE,
        Severity.INFO,
        table.name,
        f"About {table.bloat_ratio or 0:.0%} of {table.name} is empty.",
        "New rows use the room. To give it back to the disk, run this when nobody needs the table: it locks it, and "
        "takes the room of the new one meanwhile.",
        value=float(table.bloat_bytes or 0),
        unit="bytes",
        sql=f'VACUUM (FULL, ANALYZE) "{table.name}"',
    )


def _old(table: TableHealth) -> Finding:
    age = max(table.transaction_age, table.multixact_age)
    return Finding(
        FindingKind.OLD_TRANSACTION_IDS,
        Severity.CRITICAL if age > FAR_TOO_OLD else Severity.WARNING,
        table.name,
        f"A row of {table.name} is {age:,} transactions old; at {OLDEST_IN_USE:,} PostgreSQL refuses to write.",
        "Something keeps it from being frozen: look for long transactions and forgotten replication slots, then run "
        "this.",
        value=float(age),
        unit="transactions",
        sql=f'VACUUM (FREEZE) "{table.name}"',
    )
