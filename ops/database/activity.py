"""What goes on in the database: hit rates, long transactions, replication slots, and whether autovacuum works."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from maestro.db.engine import Database
from maestro.db.rows import Row
from ops.database.findings import Finding, FindingKind, Severity

LONG_S: Final = 300.0
FAR_TOO_LONG_S: Final = 3_600.0
IDLE_S: Final = 60.0
READ_FROM: Final = 1_000_000
"""So many pages have to be asked for before a rate of hits says anything."""
HIT_RATE: Final = 0.95
WAL_FROM: Final = 1024**3
WAL_FAR_TOO_MUCH: Final = 10 * 1024**3

_ACTIVITY: Final = """
    SELECT now() AS taken_at, current_setting('server_version') AS server_version,
        pg_database_size(current_database()) AS size_bytes, d.blks_hit AS hit, d.blks_read AS read,
        coalesce(d.stats_reset, pg_postmaster_start_time()) AS statistics_since,
        coalesce((SELECT sum(idx_blks_hit) FROM pg_statio_user_indexes), 0)::bigint AS index_hit,
        coalesce((SELECT sum(idx_blks_read) FROM pg_statio_user_indexes), 0)::bigint AS index_read,
        current_setting('autovacuum_freeze_max_age')::int AS frozen_at,
        current_setting('autovacuum_multixact_freeze_max_age')::int AS multixact_frozen_at,
        current_setting('autovacuum')::bool AND current_setting('track_counts')::bool AS is_vacuumed,
        pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others, quote_ident(current_user) AS account
    FROM pg_stat_database d WHERE d.datname = current_database()
"""
# What others do is looked at, what they say is not: a text may hold values.
_TRANSACTIONS: Final = """
    SELECT pid, application_name AS name, state, extract(epoch FROM now() - xact_start)::float8 AS seconds,
        extract(epoch FROM now() - state_change)::float8 AS idle
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        AND xact_start IS NOT NULL
    ORDER BY xact_start
"""
_PREPARED: Final = """
    SELECT gid, extract(epoch FROM now() - prepared)::float8 AS seconds FROM pg_prepared_xacts
    WHERE database = current_database() ORDER BY prepared
"""
_SLOTS: Final = """
    SELECT slot_name AS name, active AS is_active, coalesce(wal_status, '') AS status,
        coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
            ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint AS bytes
    FROM pg_replication_slots ORDER BY slot_name
"""


@dataclass(frozen=True, slots=True)
class Activity:
    """The state of the whole database at a moment. Hit rates are None while nothing has been read."""

    taken_at: datetime
    server_version: str
    size_bytes: int
    hit_rate: float | None
    index_hit_rate: float | None
    statistics_since: datetime
    frozen_at: int
    """The age of transactions at which PostgreSQL freezes a table."""
    multixact_frozen_at: int
    findings: tuple[Finding, ...]

    @property
    def days(self) -> float:
        """For how long PostgreSQL has been counting what is used."""
        return (self.taken_at - self.statistics_since).total_seconds() / 86_400


async def read(db: Database) -> Activity:
    """Return what goes on."""
    (row,) = await db.fetch_sql(_ACTIVITY)
    found = [
        *_settings(row),
        *(one for found in await db.fetch_sql(_TRANSACTIONS) for one in _transaction(found)),
        *(one for found in await db.fetch_sql(_PREPARED) for one in _prepared(found)),
        *(one for found in await db.fetch_sql(_SLOTS) for one in _slot(found)),
    ]
    return Activity(
        taken_at=row.taken_at,
        server_version=row.server_version,
        size_bytes=row.size_bytes,
        hit_rate=_rate(row.hit, row.read),
        index_hit_rate=_rate(row.index_hit, row.index_read),
        statistics_since=row.statistics_since,
        frozen_at=row.frozen_at,
        multixact_frozen_at=row.multixact_frozen_at,
        findings=tuple(found),
    )


def _rate(hit: int, read: int) -> float | None:
    return hit / (hit + read) if hit + read else None


def _settings(row: Row) -> Iterator[Finding]:
    if not row.is_vacuumed:
        yield Finding(
            FindingKind.AUTOVACUUM_OFF,
            Severity.CRITICAL,
            "autovacuum",
            "Autovacuum is switched off: dead rows stay, and the database stops when transaction ids run out.",
            "Switch it on, with `track_counts`, and reload the configuration.",
            sql="ALTER SYSTEM SET autovacuum = on",
        )
    rate = _rate(row.hit, row.read)
    if rate is not None and row.hit + row.read >= READ_FROM and rate < HIT_RATE:
        yield Finding(
            FindingKind.LOW_HIT_RATE,
            Severity.INFO,
            "shared_buffers",
            f"{rate:.1%} of the pages that were asked for were in PostgreSQL's memory.",
            "If the disk is busy, raise `shared_buffers` to a quarter of the memory, and restart PostgreSQL.",
            value=rate,
            unit="ratio",
        )
    if not row.sees_others:
        yield Finding(
            FindingKind.STATISTICS_HIDDEN,
            Severity.INFO,
            "pg_read_all_stats",
            "The account that asks may not see what others do: long transactions of theirs are not found.",
            "Let a superuser run this once.",
            sql=f"GRANT pg_read_all_stats TO {row.account}",
        )


def _transaction(row: Row) -> Iterator[Finding]:
    who = f"{row.name or 'a program without a name'} (process {row.pid})"
    if row.state.startswith("idle in transaction") and row.idle >= IDLE_S:
        yield Finding(
            FindingKind.IDLE_IN_TRANSACTION,
            Severity.CRITICAL if row.idle >= FAR_TOO_LONG_S else Severity.WARNING,
            str(row.pid),
            f"{who} has left a transaction open for {row.idle:,.0f} seconds and does nothing in it.",
            "It keeps its locks, and dead rows of every table. End it, and have the program close its transactions.",
            value=row.idle,
            unit="seconds",
            sql=f"SELECT pg_terminate_backend({row.pid})",
        )
    elif row.seconds >= LONG_S:
        yield Finding(
            FindingKind.LONG_TRANSACTION,
            Severity.CRITICAL if row.seconds >= FAR_TOO_LONG_S and row.name != "pg_dump" else Severity.WARNING,
            str(row.pid),
            f"{who} has been in a transaction for {row.seconds:,.0f} seconds.",
            "No row that died since then can be removed. A backup takes so long; anything else should be ended.",
            value=row.seconds,
            unit="seconds",
            sql=f"SELECT pg_cancel_backend({row.pid})",
        )


def _prepared(row: Row) -> Iterator[Finding]:
    if row.seconds >= LONG_S:
        gid = row.gid.replace("'", "''")
        yield Finding(
            FindingKind.PREPARED_TRANSACTION,
            Severity.CRITICAL,
            row.gid,
            f"The prepared transaction {row.gid} has been waiting for {row.seconds:,.0f} seconds for its end.",
            "The server prepares none. Find out whose it is; it outlives restarts and keeps its locks.",
            value=row.seconds,
            unit="seconds",
            sql=f"ROLLBACK PREPARED '{gid}'",
        )


def _slot(row: Row) -> Iterator[Finding]:
    is_lost = row.status == "lost"
    if row.bytes < WAL_FROM and not is_lost:
        return
    is_bad = is_lost or row.bytes >= WAL_FAR_TOO_MUCH
    name = row.name.replace("'", "''")
    yield Finding(
        FindingKind.RETAINED_WAL,
        Severity.CRITICAL if is_bad else Severity.WARNING,
        row.name,
        f"The replication slot {row.name} "
        + ("has lost what it waited for." if is_lost else f"keeps {row.bytes / WAL_FROM:,.1f} GiB of WAL on the disk.")
        + ("" if row.is_active else " Nobody reads from it."),
        "Bring back who reads from it. If nobody ever will, drop it, or the disk fills up.",
        value=float(row.bytes),
        unit="bytes",
        sql=None if row.is_active else f"SELECT pg_drop_replication_slot('{name}')",
    )
