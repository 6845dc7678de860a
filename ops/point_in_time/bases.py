"""Base backups: what is known of each, which rests on which, and whether their files are what was written."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from maestro.errors import BackupRefused
from maestro.progress import Progress, untold
from ops.point_in_time import programs
from ops.point_in_time.archive import PARTIAL_BASE, Archive, read_json, write_json
from ops.point_in_time.wal import written

DESCRIPTION: Final = "backup.json"
DAMAGED: Final = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """A copy of a server's data folder, from which its log leads to every later moment."""

    id: str
    parent_id: str | None
    """The one that an incremental backup rests on."""
    timeline: int
    start_lsn: int
    stop_lsn: int
    started_at: datetime
    stopped_at: datetime
    """The first moment that can be reached from it."""
    system_identifier: str
    size_bytes: int
    seconds: float

    @property
    def is_incremental(self) -> bool:
        """Whether it holds only what has changed since another one."""
        return self.parent_id is not None

    def write(self, folder: Path) -> None:
        """Describe it in its folder; the log positions as PostgreSQL writes them."""
        positions = {"start_lsn": written(self.start_lsn), "stop_lsn": written(self.stop_lsn)}
        write_json(folder / DESCRIPTION, {**asdict(self), **positions})

    @classmethod
    def read(cls, folder: Path) -> "BaseBackup | None":
        """Return what is described in a folder; None when nothing is."""
        told: dict[str, Any] | None = read_json(folder / DESCRIPTION)
        if told is None:
            return None
        for name in ("start_lsn", "stop_lsn"):
            high, _, low = told[name].partition("/")
            told[name] = (int(high, 16) << 32) + int(low, 16)
        for name in ("started_at", "stopped_at"):
            told[name] = datetime.fromisoformat(told[name])
        return cls(**told)


def bases(archive: Archive) -> list[BaseBackup]:
    """Return the base backups that are whole, the oldest first."""
    folders = [path for path in archive.base.glob("*/") if not path.name.startswith(PARTIAL_BASE)]
    found = [base for folder in folders if (base := BaseBackup.read(folder)) is not None]
    return sorted(found, key=lambda base: base.stopped_at)


def chain(base: BaseBackup, known: Sequence[BaseBackup]) -> list[BaseBackup]:
    """Return what a base backup consists of: a full one, the incremental ones upon it, itself the last.

    Raises BackupRefused when one of them is missing.
    """
    by_id = {one.id: one for one in known}
    found = [base]
    while (parent := found[0].parent_id) is not None:
        if parent not in by_id:
            raise BackupRefused(
                f"The base backup {base.id} rests on {parent}, which is gone.", reason="INCOMPLETE", base=base.id
            )
        found.insert(0, by_id[parent])
    return found


def data_of(archive: Archive, base: BaseBackup) -> Path:
    """Return the folder of its files."""
    return archive.base / base.id / "data"


async def verify(archive: Archive, base: BaseBackup, *, progress: Progress = untold) -> None:
    """Compare every file of a base backup, and of those that it rests on, with the digests taken when it was made.

    Raises BackupRefused, which names the files in `files`.
    """
    verifying = programs.find(archive.require_identity().major_version) / "pg_verifybackup"
    for one in chain(base, bases(archive)):
        progress(f"verifying the base backup of {one.stopped_at:%Y-%m-%d %H:%M}")
        await verify_folder(data_of(archive, one), verifying, base=one.id)


async def verify_folder(folder: Path, verifying: Path, *, base: str) -> None:
    """Compare the files of one folder with its manifest, and read the log in it."""
    finished = await programs.ask([verifying, folder])
    if finished.code != 0:
        said = finished.errors.strip()
        files = sorted(set(DAMAGED.findall(said)) - {str(folder)})
        is_missing = "but not on disk" in said or "could not open file" in said or "could not stat" in said
        raise BackupRefused(
            f"The base backup {base} is damaged: {finished.last_words}",
            reason="TRUNCATED" if is_missing or "has size" in said else "CORRUPT",
            hint="Return from another base backup, make a new one, and look at the disk.",
            base=base,
            files=files,
        )
