"""Families that are read when a scrape asks: what the database knows of the whole installation, and the disk."""

from typing import Final

from maestro.telemetry.values import Counter, Reading

DATABASE_UP: Final = Reading(
    "database_up", "Whether the database has answered the last reading of it: 1, or 0 and the values read are missing."
)
DATABASE_READ_TIME: Final = Reading("database_reading_seconds", "How long that reading took.")
DATABASE_READ_AGE: Final = Reading("database_reading_age_seconds", "How old it is; scrapes share one for some seconds.")
DATABASE_BYTES: Final = Reading("database_size_bytes", "Size of the whole database.")
DATABASE_SESSIONS: Final = Reading("database_sessions", "Sessions on PostgreSQL, on all of its databases.")
MOST_SESSIONS: Final = Reading("database_max_sessions", "Sessions that PostgreSQL allows.")
TABLE_BYTES: Final = Reading("table_size_bytes", "Size of the largest tables with their indexes.", ["table"])

JOBS: Final = Reading(
    "jobs", "Jobs by kind and state; of those that have ended, the ones of the last day.", ["kind", "state"]
)
QUEUE_DEPTH: Final = Reading("job_queue_depth", "Jobs that wait and may begin.")
QUEUE_AGE: Final = Reading("job_queue_oldest_age_seconds", "How long the oldest of these has waited; 0 without any.")
WAITING: Final = Reading("jobs_deferred", "Jobs that wait for a time that is told.")
WORKERS: Final = Reading("job_workers", "Workers that hold jobs at the moment.")
SCHEDULES: Final = Reading("job_schedules", "Schedules, `active` or `paused`.", ["state"])
LATE_SCHEDULES: Final = Reading("job_schedule_late_seconds", "How late the latest schedule is; 0 when none is.")

BACKUPS: Final = Reading("backups", "Backups that are there, by kind.", ["kind"])
BACKUP_AGE: Final = Reading("backup_last_age_seconds", "Age of the last good backup, by kind.", ["kind"])
BACKUP_VERIFIED_AGE: Final = Reading(
    "backup_last_verified_age_seconds", "Age of the last backup that was restored and compared."
)
BACKUP_BYTES: Final = Reading("backup_last_bytes", "Size of the last good backup, by kind.", ["kind"])
BACKUP_TOTAL_BYTES: Final = Reading("backups_bytes", "Size of all backups that are there.")
WAL_RECEIVING: Final = Reading(
    "wal_receiver_up",
    "Whether the receiver of the log has said last that it receives: 1 or 0; only where there is one.",
)
WAL_LAG_BYTES: Final = Reading("wal_archive_lag_bytes", "Bytes of the log that were written and not received yet.")
WAL_HELD_BYTES: Final = Reading("wal_held_bytes", "Bytes of the log that PostgreSQL holds back for the receiver.")
WAL_LAG: Final = Reading(
    "wal_archive_lag_seconds", "What a disaster at this moment would lose at most: how old what was received is."
)
WAL_FAILED: Final = Reading(
    "wal_archive_failures", "Segments of WAL that could not be archived, since PostgreSQL counts."
)

SYNC_RUNS: Final = Reading(
    "sync_runs", "Syncs by status; of those that have ended, the ones of the last day.", ["status"]
)
CONNECTORS: Final = Reading(
    "connectors", "Connectors by vendor and by the status of their last test.", ["vendor", "status"]
)

BLOCKS: Final = Reading("points_blocks", "Blocks of points, by estimate of PostgreSQL.")
BLOCK_BYTES: Final = Reading("points_blocks_bytes", "Size of the table of blocks.")
UNCOMPACTED: Final = Reading(
    "points_uncompacted", "Points in rows that wait for compaction, by estimate of PostgreSQL."
)
ROWS: Final = Reading("rows", "Live rows of tables, by estimate of PostgreSQL.", ["table"])

QUOTA_USE: Final = Reading(
    "quota_use_ratio", "The largest use of a quota among all organisations, 1 when it is full.", ["quota"]
)
ORGANIZATIONS: Final = Reading("organizations", "Organisations.")
ACTIVE_SESSIONS: Final = Reading("sessions_active", "Sessions of browsers that are good.")
ACTIVE_KEYS: Final = Reading("api_keys_active", "API keys that are good.")

DISK_FREE: Final = Reading("data_folder_free_bytes", "Free space of the file system of the data folder.")
DISK_SIZE: Final = Reading("data_folder_size_bytes", "Size of that file system.")

SCRAPES: Final = Counter("metrics_scrapes_total", "Scrapes that were answered.")
