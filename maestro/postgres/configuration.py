"""The settings of the embedded PostgreSQL, written anew at every start."""

from collections.abc import Mapping
from pathlib import Path

USUAL_CONNECTIONS = 60
"""Enough for one server process, its workers and some commands."""
SETTINGS = {
    "max_connections": str(USUAL_CONNECTIONS),
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # Parallel queries take their memory from here first: /dev/shm has but 64 MB in a container.
    "min_dynamic_shared_memory": "16MB",
    # Compiling costs more than it saves on queries of milliseconds.
    "jit": "off",
    # The disk is an SSD: a random page costs about what the next page does.
    "random_page_cost": "1.1",
    # What a client was told is stored survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A backup can be taken from the running server.
    "wal_level": "replica",
    "wal_compression": "on",
    # An incremental base backup asks which blocks have changed since the last one.
    "summarize_wal": "on",
    # One that has stopped answering is let go, or it would hold up the shutdown, which waits for it.
    "wal_sender_timeout": "20s",
    # What a receiver that has gone away may hold back: after that a gap in its WAL is better than a full disk.
    "max_slot_wal_keep_size": "4GB",
    # One process less: logical replication is not for an embedded server.
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # A query whose client has gone away stops.
    "client_connection_check_interval": "10s",
    # What is due is vacuumed soon: a table that is written without end has 100,000 dead rows a minute.
    "autovacuum_naptime": "20s",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "default_text_search_config": "pg_catalog.english",
    "password_encryption": "scram-sha-256",
    # A file a weekday, each emptied a week later.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
    # Values are for the database, not for its log: not even while somebody logs statements to find a slow one.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # Nor are they for the statistics: the statement that sets a role's password has it in its text.
    "pg_stat_statements.track_utility": "off",
    # Loopback only; the socket's folder is private as well.
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
}


def configuration(port: int, socket_folder: Path, more: Mapping[str, str | None] | None = None) -> str:
    """The text of the configuration file, `more` over what is usual; None leaves a setting as PostgreSQL has it.

    `ALTER SYSTEM`, which PostgreSQL reads after it, can change the rest.
    """
    # The folder's setting is a list: without the inner quotes a space or a comma would end the name.
    folder = '"' + str(socket_folder).replace('"', '""') + '"'
    settings = {**SETTINGS, "port": str(port), "unix_socket_directories": folder, **(more or {})}
    lines = [line(name, value) for name, value in settings.items() if value is not None]
    return "\n".join(["# Written at every start. Change settings with ALTER SYSTEM.", *lines, ""])


def line(name: str, value: str) -> str:
    """Return the line that sets one setting."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"{name} = '{escaped}'"
