"""Verifying a backup: every file is read, the dump restored into a scratch database, and every row compared."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from maestro.clock import now
from maestro.errors import ProgramFailed, VerificationFailed
from maestro.progress import Progress, untold
from ops.backups.checking import Checked, Depth, check_files
from ops.backups.making import Destination, Installation
from ops.backups.manifest import Manifest
from ops.backups.opening import manifest_in, opened
from ops.backups.processes import run
from ops.backups.programs import Programs, find_programs
from ops.backups.restoring import Comparison, compare, restore_into
from ops.backups.scratch import scratch_database
from ops.backups.servers import connected, libpq_environment
from ops.backups.yielding import yielding

JOBS: Final = 1
"""A proof has time: it leaves the other cores to whoever asks the server something."""
NAMED: Final = 20
"""So many differences are told."""
_NO_ROOM: Final = "No space left on device"
_CAN_CHECK: Final = """
    SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck')"""


@dataclass(frozen=True, slots=True)
class Verification:
    """A backup that is good: when that was seen, what was looked at, and how many seconds each step took.

    `has_checked_indexes` is whether pg_amcheck could look at the restored tables and indexes too.
    """

    verified_at: datetime
    manifest: Manifest
    files: Checked
    comparison: Comparison
    has_checked_indexes: bool
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def plain(self) -> dict[str, Any]:
        """What is kept of it, as JSON values."""
        return {
            "verifiedAt": self.verified_at.isoformat(),
            "files": self.files.objects,
            "fileBytes": self.files.size_bytes,
            "tables": self.comparison.tables,
            "rows": self.comparison.rows,
            "schemaRevision": self.comparison.revision,
            "hasCheckedIndexes": self.has_checked_indexes,
            "seconds": self.seconds,
        }


async def verify_backup(
    backup_id: UUID,
    *,
    installation: Installation,
    destination: Destination,
    jobs: int = JOBS,
    progress: Progress = untold,
) -> Verification:
    """Restore a backup into a scratch database beside the installation's, and compare all of it with its manifest.

    The scratch database is dropped in the end, and those that killed verifications have left behind before. Raises
    BackupRefused when a file is missing or not what it was, VerificationFailed with `tables` and `differences` when
    what was restored differs, PreflightFailed when nothing can be restored here, and Transient.
    """
    return await _Verifying(installation, destination, jobs, progress).verify(backup_id)


@dataclass(slots=True)
class _Verifying:
    installation: Installation
    destination: Destination
    jobs: int
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    async def verify(self, backup_id: UUID) -> Verification:
        store, keys = self.destination.store, self.destination.keys
        with self._timed("files"):
            manifest = await manifest_in(store, backup_id, keys)
            files = await check_files(manifest, store, keys=keys, depth=Depth.DIGESTS, progress=self.progress)
        async with connected(self.installation.url) as connection:
            programs = await find_programs(connection.get_server_version().major, folder=self.installation.programs)
        folder = self.destination.work_of(backup_id).with_suffix(".verify")
        async with (
            opened(manifest, store=store, keys=keys, folder=folder, progress=self.progress) as backup,
            scratch_database(self.installation.url, manifest) as scratch,
        ):
            with self._timed("restore"), _blamed():
                await restore_into(
                    source=backup, url=scratch, jobs=self.jobs, programs=programs, progress=self.progress
                )
            with self._timed("compare"):
                comparison = await compare(
                    manifest=manifest, url=scratch, connections=self.jobs, progress=self.progress
                )
            if not comparison.is_equal:
                raise _differing(comparison)
            with self._timed("indexes"):
                has_checked = await self._check_indexes(scratch, programs)
        return Verification(now(), manifest, files, comparison, has_checked, self.seconds)

    async def _check_indexes(self, scratch: str, programs: Programs) -> bool:
        """Have pg_amcheck look at every table and index, where there is one and it may; say whether it did."""
        async with connected(scratch) as connection:
            if not (programs.has("pg_amcheck") and await connection.fetchval(_CAN_CHECK)):
                return False
            await connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
        self.progress("Checking indexes")
        environment = libpq_environment(scratch)
        command: list[str | Path] = [programs.path("pg_amcheck"), f"--jobs={self.jobs}", "--no-password"]
        async with yielding(scratch):
            with _blamed():
                await run([*command, f"--database={environment['PGDATABASE']}"], environment=environment)
        return True

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 3)


@contextmanager
def _blamed() -> Iterator[None]:
    """Say of what a program cannot do with a backup that the backup is not good, unless it is for want of room."""
    try:
        yield
    except ProgramFailed as error:
        if _NO_ROOM in error.message:
            raise
        raise VerificationFailed(
            f"The backup cannot be restored: {error.message}",
            hint="Make another backup; this one does not count as good.",
            tables=[],
        ) from error


def _differing(comparison: Comparison) -> VerificationFailed:
    differences = comparison.differences
    names = [difference.name for difference in differences]
    return VerificationFailed(
        f"What was restored differs from what was backed up, in {', '.join(names[:3])}"
        f"{' and more' if len(names) > 3 else ''}.",  # noqa: PLR2004 -- as many as are named
        hint="Make another backup; this one does not count as good.",
        tables=names[:NAMED],
        differences=[difference.plain for difference in differences[:NAMED]],
    )
