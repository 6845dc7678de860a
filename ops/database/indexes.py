"""Indexes: which are broken, which nobody needs, which take more room than they hold, and which are missing.

How much of a B-tree is empty is estimated without reading it, as check_postgres and pgstattuple's users do: so many
entries of so many bytes, by the statistics of its columns, would fit on so many pages. Entries that are equal share
their key in PostgreSQL's B-trees, which the estimate leaves out: it finds too little there, never too much.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import Constraint, Index

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables import Base
from ops.database.findings import Finding, FindingKind, IndexHealth, Severity

BLOATED_FROM: Final = 10 * 1024**2
"""So many bytes have to be empty in an index before it is worth the work to build it anew."""
BLOATED_RATIO: Final = 0.5
"""And so much of it: a B-tree that is filled in no order is full by two thirds."""
UNUSED_FROM: Final = 1024**2
UNUSED_AFTER_DAYS: Final = 7.0
"""What is done once a week has then been done."""
LARGE_TABLE: Final = 10_000
"""From so many rows on, reading a whole table for each row that is removed elsewhere is felt."""
LEFTOVER: Final = r"_cc(new|old)\d*$"
"""How an index ends that a REINDEX CONCURRENTLY has left behind; PostgreSQL's own names."""

# A page has 24 bytes of head and 16 at its end, an entry 8 bytes, 4 that point to it, and 2 + 6 for what is null.
_INDEXES: Final = """
    WITH width AS (
        SELECT i.indexrelid, sum((1 - coalesce(w.null_frac, 0)) * coalesce(w.avg_width, 1024)) AS data,
            coalesce(max(w.null_frac), 0) > 0 AS has_nulls, bool_and(w.avg_width IS NOT NULL) AS is_known
        FROM pg_index i JOIN pg_class own ON own.oid = i.indexrelid
        CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute a ON a.attrelid = CASE part.number WHEN 0 THEN i.indexrelid ELSE i.indrelid END
            AND a.attnum = CASE part.number WHEN 0 THEN part.place ELSE part.number END
        LEFT JOIN maestro_widths() w ON w.relation = a.attrelid AND w.name = a.attname
        WHERE own.relnamespace = 'public'::regnamespace GROUP BY i.indexrelid
    ), entry AS (
        SELECT indexrelid, is_known,
            8 + CASE WHEN has_nulls THEN 8 ELSE 0 END + 4 + ceil(data / 8) * 8 AS bytes
        FROM width
    )
    SELECT own.relname AS name, of.relname AS table, pg_relation_size(own.oid) AS size_bytes,
        coalesce(s.idx_scan, 0) AS scans, i.indisunique AS is_unique, i.indisvalid AND i.indisready AS is_valid,
        CASE WHEN am.amname = 'btree' AND entry.is_known AND own.reltuples >= 0 AND own.relpages > 1 THEN
            greatest(pg_relation_size(own.oid) - current_setting('block_size')::bigint * (1 + ceil(own.reltuples
                / floor((current_setting('block_size')::int - 40) * 0.9 / entry.bytes)))::bigint, 0) END AS bloat_bytes,
        CASE WHEN am.amname = 'btree' THEN ARRAY(
            SELECT concat_ws(' ', pg_get_indexdef(own.oid, place::int, false), i.indclass[place - 1],
                i.indcollation[place - 1], i.indoption[place - 1])
            FROM generate_series(1, i.indnkeyatts) AS place
        ) ELSE '{}' END AS keys,
        coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS condition,
        EXISTS (SELECT FROM pg_constraint WHERE conindid = own.oid) AS is_constraint
    FROM pg_index i JOIN pg_class own ON own.oid = i.indexrelid JOIN pg_class of ON of.oid = i.indrelid
    JOIN pg_am am ON am.oid = own.relam JOIN entry USING (indexrelid)
    LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = own.oid
    ORDER BY pg_relation_size(own.oid) DESC, own.relname
"""
# An index serves a foreign key when it begins with its columns, in whatever order, and holds all rows that have one.
# No organisation is ever removed: its audit log forbids it.
_UNINDEXED: Final = """
    SELECT c.conname AS name, of.relname AS table, other.relname AS other, of.reltuples::bigint AS rows,
        ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = part.number ORDER BY place) AS columns
    FROM pg_constraint c JOIN pg_class of ON of.oid = c.conrelid JOIN pg_class other ON other.oid = c.confrelid
    WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND other.relname <> 'organization'
        AND of.reltuples >= $1
        AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indisvalid
                AND (i.indkey::smallint[])[0:cardinality(c.conkey) - 1] @> c.conkey
                AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) IN (
                    SELECT format('(%I IS NOT NULL)', attname) FROM pg_attribute
                    WHERE attrelid = c.conrelid AND attnum = ANY(c.conkey)))
        )
    ORDER BY of.reltuples DESC, c.conname
"""
OURS: Final = frozenset(
    str(one.name)
    for table in Base.metadata.tables.values()
    for one in (*table.indexes, *table.constraints)
    if isinstance(one, Index | Constraint)
)
"""Indexes that migrations make: dropped, the next migration would miss them."""


async def read(db: Database) -> list[IndexHealth]:
    """Return every index of the application's tables, the largest first."""
    return [_index(row) for row in await db.fetch_sql(_INDEXES)]


async def unindexed(db: Database) -> list[Finding]:
    """Return the foreign keys of large tables that no index serves."""
    return [_missing(row) for row in await db.fetch_sql(_UNINDEXED, LARGE_TABLE)]


def findings(indexes: Sequence[IndexHealth], *, days: float) -> Iterator[Finding]:
    """Return what is wrong with indexes; `days` is for how long their use has been counted."""
    for index in indexes:
        if not index.is_valid:
            yield _invalid(index)
        elif is_bloated(index):
            yield _bloated(index)
        if index.is_valid and days >= UNUSED_AFTER_DAYS and is_unused(index):
            yield _unused(index, days)
    by_table = sorted((one for one in indexes if one.keys and one.is_valid), key=lambda one: (one.table, one.name))
    for _, group in groupby(by_table, key=lambda one: one.table):
        yield from _spare(list(group))


def is_bloated(index: IndexHealth) -> bool:
    """Say whether it is worth the work to build an index anew."""
    bloat = index.bloat_bytes or 0
    return bloat >= BLOATED_FROM and bloat >= BLOATED_RATIO * index.size_bytes


def is_unused(index: IndexHealth) -> bool:
    """Say whether no query has read an index that only queries need."""
    return not index.scans and not index.is_unique and not index.is_constraint and index.size_bytes >= UNUSED_FROM


def rebuild(name: str) -> str:
    """Return the statement that builds an index anew while others read and write."""
    return f'REINDEX INDEX CONCURRENTLY "{name}"'


def drop(name: str) -> str:
    """Return the statement that removes an index while others read and write."""
    return f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'


def _spare(indexes: list[IndexHealth]) -> Iterator[Finding]:
    """Return those of a table's indexes in whose place another one can stand."""
    gone: set[str] = set()
    for index in sorted(indexes, key=lambda one: (one.is_constraint, one.is_unique, one.name in OURS, one.name)):
        for other in indexes:
            if other.name not in gone and other is not index and _can_stand_in(other, index):
                gone.add(index.name)
                yield _redundant(index, other)
                break


def _can_stand_in(other: IndexHealth, index: IndexHealth) -> bool:
    if index.is_constraint or other.condition != index.condition or other.keys[: len(index.keys)] != index.keys:
        return False
    # Only its equal keeps two rows from being the same.
    return not index.is_unique or (other.is_unique and other.keys == index.keys)


def _index(row: Row) -> IndexHealth:
    return IndexHealth(**{**dict(row.items()), "keys": tuple(row["keys"])})


def _invalid(index: IndexHealth) -> Finding:
    return Finding(
        FindingKind.INVALID_INDEX,
        Severity.WARNING,
        index.name,
        f"The index {index.name} of {index.table} is not valid: it is written to and answers nothing.",
        "Something was cut off that built it. `optimize` builds it anew, and removes what a rebuilding has left.",
        value=float(index.size_bytes),
        unit="bytes",
        sql=rebuild(index.name),
    )


def _bloated(index: IndexHealth) -> Finding:
    return Finding(
        FindingKind.BLOATED_INDEX,
        Severity.WARNING,
        index.name,
        f"About {index.bloat_ratio or 0:.0%} of the index {index.name} of {index.table} is empty.",
        "`optimize` builds it anew while others read and write; it takes the room of the new one meanwhile.",
        value=float(index.bloat_bytes or 0),
        unit="bytes",
        sql=rebuild(index.name),
    )


def _unused(index: IndexHealth, days: float) -> Finding:
    is_ours = index.name in OURS
    return Finding(
        FindingKind.UNUSED_INDEX,
        Severity.INFO,
        index.name,
        f"No query has read the index {index.name} of {index.table} in {days:.0f} days.",
        "It belongs to the schema: leave it. Some are for work that is seldom done, such as emptying the trash."
        if is_ours
        else "It is none of this version's: drop it, unless a standby reads it or its time is still to come.",
        value=float(index.size_bytes),
        unit="bytes",
        sql=None if is_ours else drop(index.name),
    )


def _redundant(index: IndexHealth, other: IndexHealth) -> Finding:
    is_equal, is_ours = index.keys == other.keys, index.name in OURS
    return Finding(
        FindingKind.DUPLICATE_INDEX if is_equal else FindingKind.REDUNDANT_INDEX,
        Severity.WARNING if is_equal and not is_ours else Severity.INFO,
        index.name,
        f"The index {index.name} of {index.table} "
        + ("is the same as" if is_equal else "is the beginning of")
        + f" {other.name}.",
        "It belongs to the schema: leave it; smaller, it may be read faster."
        if is_ours
        else "Drop it: each write has to keep up both.",
        value=float(index.size_bytes),
        unit="bytes",
        sql=None if is_ours else drop(index.name),
    )


def _missing(row: Row) -> Finding:
    columns = ", ".join(f'"{one}"' for one in row.columns)
    name = f"ix_{row.table}_{'_'.join(row.columns)}"
    return Finding(
        FindingKind.MISSING_INDEX,
        Severity.WARNING,
        row.name,
        f"No index of {row.table} begins with {', '.join(row.columns)}, which refers to {row.other}.",
        f"Whoever removes a row of {row.other} reads all of {row.table}. If that happens, make one.",
        value=float(row.rows),
        unit="rows",
        sql=f'CREATE INDEX CONCURRENTLY "{name}" ON "{row.table}" ({columns})',
    )
