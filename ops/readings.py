"""What a scrape of metrics reads: the installation by one statement, how far the log is archived, and the disk."""

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from maestro import clock
from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, Reader, StatementFailed
from maestro.telemetry import readings as families
from maestro.telemetry.values import FAMILIES, Family, Number
from ops.point_in_time.archive import Archive
from ops.point_in_time.hearing import Heard

logger = logging.getLogger(__name__)

FRESH_S: Final = 10.0
"""So long one reading is told again: several who scrape cost no more than one."""
PATIENCE_S: Final = 3.0
"""A scrape that waits longer than its interval is worth nothing."""

_GOOD: Final = "state = 'SUCCEEDED' AND removed_at IS NULL"
_RECENT: Final = "ended_at IS NULL OR ended_at > now() - interval '1 day'"
_LATEST: Final = (
    f"SELECT DISTINCT ON (kind) kind, ended_at, size_bytes FROM backup WHERE {_GOOD} ORDER BY kind, id DESC"  # noqa: S608 -- our own SQL, put together
)
_READY: Final = "state = 'QUEUED' AND (run_after IS NULL OR run_after <= now())"
_AGE: Final = "extract(epoch FROM now() - {})"
_NONE: Final = "'{}'::text[]"
_USED: Final = """
    SELECT 'runs' AS quota, o.quotas, (SELECT count(*) FROM run r WHERE r.organization_id = o.id
        AND r.deleted_at IS NULL) AS used FROM organization o WHERE o.quotas ? 'runs'
    UNION ALL SELECT 'pointsPerDay', o.quotas, coalesce((SELECT p.n FROM points_by_day p WHERE p.organization_id = o.id
        AND p.day = (now() AT TIME ZONE 'UTC')::date), 0) FROM organization o WHERE o.quotas ? 'pointsPerDay'
    UNION ALL SELECT 'storageBytes', o.quotas, coalesce((SELECT sum(b.size_bytes) FROM blob b
        WHERE b.organization_id = o.id), 0) FROM organization o WHERE o.quotas ? 'storageBytes'
"""
_SELECTS: Final[dict[Family, str]] = {
    families.DATABASE_BYTES: f"{_NONE}, pg_database_size(current_database())",
    families.DATABASE_SESSIONS: f"{_NONE}, sum(numbackends) FROM pg_stat_database",
    families.MOST_SESSIONS: f"{_NONE}, current_setting('max_connections')::int",
    families.TABLE_BYTES: "ARRAY[relname::text], size FROM (SELECT relname, pg_total_relation_size(relid) AS size "
    "FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY size DESC LIMIT 20) t",
    families.ROWS: "ARRAY[relname::text], n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'public' "
    "AND relname IN ('run', 'experiment', 'model_version', 'artifact_version', 'metric_series', 'audit_entry')",
    families.JOBS: f"ARRAY[kind, state]::text[], count(*) FROM job WHERE {_RECENT} GROUP BY 2",
    families.QUEUE_DEPTH: f"{_NONE}, count(*) FROM job WHERE {_READY}",
    families.QUEUE_AGE: f"{_NONE}, coalesce(max({_AGE.format('greatest(created_at, run_after)')}), 0) "
    f"FROM job WHERE {_READY}",
    families.WAITING: f"{_NONE}, count(*) FROM job WHERE state = 'QUEUED' AND run_after > now()",
    families.WORKERS: f"{_NONE}, count(DISTINCT worker) FROM job WHERE state IN ('RUNNING', 'CANCELLING')",
    families.SCHEDULES: "ARRAY[CASE WHEN is_paused THEN 'paused' ELSE 'active' END], count(*) FROM job_schedule "
    "GROUP BY 2",
    families.LATE_SCHEDULES: f"{_NONE}, coalesce(max({_AGE.format('next_run_at')}), 0) FROM job_schedule "
    "WHERE NOT is_paused AND next_run_at < now()",
    families.BACKUPS: f"ARRAY[kind]::text[], count(*) FROM backup WHERE {_GOOD} GROUP BY 2",
    families.BACKUP_AGE: f"ARRAY[kind]::text[], {_AGE.format('ended_at')} FROM ({_LATEST}) b",
    families.BACKUP_BYTES: f"ARRAY[kind]::text[], coalesce(size_bytes, 0) FROM ({_LATEST}) b",
    families.BACKUP_TOTAL_BYTES: f"{_NONE}, coalesce(sum(size_bytes), 0) FROM backup WHERE {_GOOD}",
    families.BACKUP_VERIFIED_AGE: f"{_NONE}, {_AGE.format('max(verified_at)')} FROM backup "
    f"WHERE {_GOOD} HAVING max(verified_at) IS NOT NULL",
    families.WAL_FAILED: f"{_NONE}, failed_count FROM pg_stat_archiver",
    families.SYNC_RUNS: f"ARRAY[status]::text[], count(*) FROM sync_run WHERE {_RECENT} GROUP BY 2",
    families.CONNECTORS: "ARRAY[kind, status]::text[], count(*) FROM connector WHERE deleted_at IS NULL GROUP BY 2",
    families.BLOCKS: f"{_NONE}, n_live_tup FROM pg_stat_user_tables WHERE relname = 'metric_block'",
    families.BLOCK_BYTES: f"{_NONE}, pg_total_relation_size('metric_block')",
    families.UNCOMPACTED: f"{_NONE}, n_live_tup FROM pg_stat_user_tables WHERE relname = 'metric_hot'",
    families.QUOTA_USE: "ARRAY[quota], max(CASE WHEN (quotas ->> quota)::float8 > 0 "
    f"THEN used / (quotas ->> quota)::float8 ELSE 1 END) FROM ({_USED}) q GROUP BY 2",
    families.ORGANIZATIONS: f"{_NONE}, count(*) FROM organization",
    families.ACTIVE_SESSIONS: f"{_NONE}, count(*) FROM session WHERE revoked_at IS NULL AND expires_at > now()",
    families.ACTIVE_KEYS: f"{_NONE}, count(*) FROM api_key WHERE revoked_at IS NULL "
    "AND coalesce(expires_at > now(), true)",
}
"""Where each family is read: its labels as an array, and its value. What would be slow to count is an estimate."""

_READ: Final = " UNION ALL ".join(f"SELECT '{family.name}', {select}" for family, select in _SELECTS.items())


class Readings:
    """What is read for scrapes of this process, kept for some seconds; `archive` is where the log goes, if it does.

    It has a connection of its own: where the pool is exhausted, that is just what a scrape is to tell.
    """

    def __init__(self, db: Database, data_dir: Path, archive: Archive | None) -> None:
        self._reader = Reader(db.url, db.binding)
        self._data_dir, self._archive = data_dir, archive
        self._read: list[Number] = []
        self._read_at: float | None = None
        self._turn = asyncio.Lock()

    async def now(self) -> list[Number]:
        """Return what was read last, anew if that was some seconds ago. Whatever is away, the rest is told."""
        async with self._turn:
            if self._read_at is None or time.monotonic() - self._read_at > FRESH_S:
                self._read = [*await self._of_database(), *_of_archive(self._archive), *_of_disk(self._data_dir)]
                self._read_at = time.monotonic()
            return [*self._read, (families.DATABASE_READ_AGE, (), time.monotonic() - self._read_at)]

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()

    async def _of_database(self) -> list[Number]:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_S):
                rows = await self._reader.fetch(_READ)
        except (*CONNECTION_LOST, StatementFailed, TimeoutError) as error:
            logger.warning("What the database knows is missing from the metrics: %s", error)
            self._reader.close()
            return [(families.DATABASE_UP, (), 0.0)]
        return [
            (families.DATABASE_UP, (), 1.0),
            (families.DATABASE_READ_TIME, (), time.perf_counter() - began),
            *((FAMILIES[name], tuple(labels), float(value)) for name, labels, value in rows if value is not None),
        ]


def _of_archive(archive: Archive | None) -> Iterator[Number]:
    heard = None if archive is None else Heard.told_in(archive)
    if heard is None:
        return
    yield families.WAL_RECEIVING, (), float(heard.is_streaming)
    if heard.lag_bytes is not None:
        yield families.WAL_LAG_BYTES, (), float(heard.lag_bytes)
    if heard.held_bytes is not None:
        yield families.WAL_HELD_BYTES, (), float(heard.held_bytes)
    if heard.received_at is not None:
        yield families.WAL_LAG, (), max((clock.now() - heard.received_at).total_seconds(), 0.0)


def _of_disk(folder: Path) -> Iterable[Number]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        logger.warning("The space of the data folder is missing from the metrics: %s", error)
        return []
    return [(families.DISK_FREE, (), float(usage.free)), (families.DISK_SIZE, (), float(usage.total))]
