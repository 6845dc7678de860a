"""The server whose write-ahead log is kept: whether it lets us, and what is asked of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy import make_url

from maestro.archive_settings import ArchiveLevel
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import PreflightFailed, Transient
from ops.point_in_time import programs
from ops.point_in_time.archive import Archive, Identity

RECEIVER: Final = "maestro_receiver"
"""The name of the receiver's replication slot, and by which the server knows its connection."""
PATIENCE_S: Final = 10.0

LOOK = """
SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('wal_level') AS wal_level,
  current_setting('max_wal_senders')::int AS senders, current_setting('max_replication_slots')::int AS slots,
  current_setting('archive_mode') AS archive_mode, current_setting('summarize_wal', true) AS summarizes,
  pg_size_bytes(current_setting('wal_segment_size')) AS segment_bytes,
  (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_replicate,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_look,
  (SELECT count(*) FROM pg_tablespace WHERE spcname NOT LIKE 'pg\\_%') AS tablespaces
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True)
class Server:
    """A server that grants what is needed, and where the programs of its version are."""

    url: str
    identity: Identity
    programs: Path
    summarizes: bool
    """Whether it knows which blocks have changed, so that a base backup can be an incremental one."""

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.programs / name

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are started with to reach it."""
        return programs.connection_environment(self.url)


@asynccontextmanager
async def connected(url: str, *, database: str | None = "postgres") -> AsyncIterator[Connection]:
    """Give a connection to a server for a block, in another database than the one that a restore exchanges."""
    parts = make_url(url).set(drivername="postgresql")
    plain = parts if database is None else parts.set(database=database)
    try:
        connection = await asyncpg.connect(plain.render_as_string(hide_password=False), timeout=PATIENCE_S)
    except CONNECTION_LOST as error:
        raise Transient(f"The database server cannot be reached: {error}.") from error
    try:
        yield connection
    finally:
        # A lost connection must not take the place of what ended the block, such as its cancellation.
        with suppress(TimeoutError, *CONNECTION_LOST):
            await connection.close(timeout=PATIENCE_S)


async def look(url: str, *, level: ArchiveLevel = ArchiveLevel.RECEIVER) -> Server:
    """Return what has to be known of a server; PreflightFailed with every reason why its log cannot be kept."""
    async with connected(url) as connection:
        found = dict(await connection.fetchrow(LOOK) or {})
    checks = [{"name": name, "message": message} for name, message in _lacks(found, level)]
    if checks:
        raise _failed(checks)
    folder = programs.find(found["major"])
    return Server(
        url,
        Identity(await _system_identifier(url, folder), found["major"], found["segment_bytes"]),
        folder,
        found["summarizes"] == "on",
    )


def _lacks(found: dict[str, Any], level: ArchiveLevel) -> list[tuple[str, str]]:
    lacks = {
        "wal_level": (
            found["wal_level"] == "minimal",
            "wal_level is minimal: set it to replica, and start PostgreSQL anew.",
        ),
        "max_wal_senders": (
            found["senders"] < 3,  # noqa: PLR2004 - the receiver, and the two of a base backup
            f"max_wal_senders is {found['senders']}: set it to 3 at least, and start PostgreSQL anew.",
        ),
        "max_replication_slots": (
            found["slots"] < 2,  # noqa: PLR2004 - the receiver's, and that of a base backup
            f"max_replication_slots is {found['slots']}: set it to 2 at least, and start PostgreSQL anew.",
        ),
        "account": (
            not found["may_replicate"],
            "The account may not replicate: as a superuser, ALTER ROLE … REPLICATION.",
        ),
        "statistics": (
            not found["may_look"],
            "The account may not see how far a receiver is: as a superuser, GRANT pg_monitor TO the account.",
        ),
        "tablespaces": (
            found["tablespaces"] > 0,
            "There are tablespaces besides PostgreSQL's own: their files cannot be put elsewhere.",
        ),
        "archive_mode": (
            level is ArchiveLevel.ARCHIVE and found["archive_mode"] == "off",
            "archive_mode is off: set it to on, and start PostgreSQL anew.",
        ),
    }
    return [(name, message) for name, (is_lacking, message) in lacks.items() if is_lacking]


def _failed(checks: list[dict[str, str]]) -> PreflightFailed:
    return PreflightFailed(
        "The write-ahead log of this server cannot be kept: " + " ".join(check["message"] for check in checks),
        hint="Change what the checks name, or set MAESTRO_WAL_ARCHIVE to off.",
        checks=checks,
    )


async def _system_identifier(url: str, folder: Path) -> str:
    """Ask by a connection for replication, which a server may refuse though it grants others."""
    environment = programs.connection_environment(url)
    finished = await programs.ask(
        [folder / "psql", "--no-psqlrc", "-wqAtc", "IDENTIFY_SYSTEM", "dbname=postgres replication=true"],
        environment=environment,
    )
    if finished.code == 0:
        return finished.output.split("|")[0]
    refusal = re.sub(r"\s+", " ", finished.last_words)
    raise _failed(
        [
            {
                "name": "pg_hba",
                "message": f"No connection for replication ({refusal}): pg_hba.conf needs a line "
                "`host replication <account> <this machine> scram-sha-256`.",
            }
        ]
    )


def embedded_settings(level: ArchiveLevel, archive: Archive) -> dict[str, str]:
    """Return the settings of an embedded PostgreSQL that a level of archiving needs from its start on."""
    if level is not ArchiveLevel.ARCHIVE:
        return {}
    return {
        "archive_mode": "on",
        "archive_library": "basic_archive",
        "basic_archive.archive_directory": str(archive.stream),
        # What is lost at most: a segment that is not full is handed out as well.
        "archive_timeout": "60s",
    }
