"""The dump of a database and the account of what it holds, both of one moment."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from maestro.crowd import together
from maestro.progress import Progress, untold
from ops.backups.checksums import states_of
from ops.backups.contents import Contents, surroundings_of, whole
from ops.backups.processes import run
from ops.backups.programs import Programs, find_programs
from ops.backups.servers import Connection, libpq_environment, transient
from ops.backups.snapshots import LOCK_TIMEOUT_S, Snapshot, exported
from ops.backups.watching import watched
from ops.backups.yielding import yielding

PHASE: Final = "Dumping the database"
JOBS: Final = 2
"""Tables that are dumped at a time, unless the caller says otherwise."""
_BLOBS: Final = """
    SELECT sha256, size_bytes, array_agg(replace(organization_id::text, '-', '') ORDER BY organization_id) AS owners
    FROM public.blob GROUP BY sha256, size_bytes ORDER BY sha256"""


@dataclass(frozen=True, slots=True)
class KnownBlob:
    """A file of artifacts that the database knows: its digest, its size, and the organisations that have it."""

    sha256: str
    size: int
    organizations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dump:
    """What was dumped: at which moment, what it holds, which files of artifacts it needs, and by which programs."""

    taken_at: datetime
    contents: Contents
    blobs: tuple[KnownBlob, ...]
    programs: Programs


async def dump(
    url: str, folder: Path, *, programs: Path | None = None, jobs: int = JOBS, progress: Progress = untold
) -> Dump:
    """Dump a database into a folder that is not there yet, in pg_dump's directory format.

    Rows are written and read meanwhile as ever, and what is written is not in the dump. `programs` is the folder of
    PostgreSQL's client programs. PreflightFailed without fitting ones, ProgramFailed, Transient.
    """
    async with exported(url) as snapshot:
        found = await find_programs(snapshot.connection.get_server_version().major, folder=programs)
        with transient():
            taken_at = await snapshot.connection.fetchval("SELECT now()")
            blobs = await known_blobs(snapshot.connection)
        # Before the dump looks at sequences: what it has of them is then the same, or later.
        surroundings = await surroundings_of(snapshot)
        sizes = surroundings.details["sizes"]
        async with watched(url, sizes, phase=PHASE, progress=progress), yielding(url):
            states, _ = await together(
                [
                    states_of(snapshot, connections=max(1, jobs // 2)),
                    _pg_dump(snapshot, folder, programs=found, jobs=jobs),
                ]
            )
    progress(PHASE, sum(sizes.values()), sum(sizes.values()), unit="bytes")
    return Dump(taken_at, whole(surroundings, states or {}), blobs, found)


async def _pg_dump(snapshot: Snapshot, folder: Path, *, programs: Programs, jobs: int) -> None:
    await run(
        [
            programs.path("pg_dump"),
            "--format=directory",
            f"--file={folder}",
            f"--jobs={jobs}",
            f"--compress={programs.compress}",
            f"--snapshot={snapshot.name}",
            f"--lock-wait-timeout={LOCK_TIMEOUT_S}s",
            # Whoever takes the files to where they stay does it.
            "--no-sync",
            "--no-password",
        ],
        environment=libpq_environment(snapshot.url),
    )


async def known_blobs(connection: Connection) -> tuple[KnownBlob, ...]:
    """Return the files of artifacts that a database knows, in the order of their digests."""
    if await connection.fetchval("SELECT to_regclass('public.blob') IS NULL"):
        return ()
    return tuple(
        KnownBlob(row["sha256"], row["size_bytes"], tuple(row["owners"])) for row in await connection.fetch(_BLOBS)
    )
