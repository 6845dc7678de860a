"""Where the write-ahead log and the base backups are kept, and who may write where."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from maestro import private_files
from maestro.errors import BackupRefused, PreflightFailed
from maestro.postgres.account import Account, account_for
from ops.point_in_time.wal import HISTORY, PACKED, PARTIAL, Segment, branches

PARTIAL_BASE: Final = "partial-"


@dataclass(frozen=True)
class Identity:
    """Which server's log this is; never two in one archive."""

    system_identifier: str
    major_version: int
    segment_bytes: int


@dataclass(frozen=True)
class Archive:
    """The folders `wal` and `base` of a folder.

    `wal/stream` belongs to the account that PostgreSQL's programs run as, and so does the folder `data` of each base
    backup; the rest is ours, lest root writes where another account could have put a symbolic link.
    """

    folder: Path
    account: Account

    @classmethod
    def at(cls, folder: Path, *, data_dir: Path | None = None) -> "Archive":
        """Return the archive of a folder, which need not exist; `data_dir` is that of an embedded database."""
        folder = folder.resolve()
        known = [folder / "wal" / "stream"]
        if data_dir is not None:
            known.insert(0, data_dir.resolve() / "postgres" / "data")
        return cls(folder, account_for(next((path for path in known if path.exists()), known[0])))

    @property
    def wal(self) -> Path:
        return self.folder / "wal"

    @property
    def stream(self) -> Path:
        """Where the log arrives."""
        return self.wal / "stream"

    @property
    def segments(self) -> Path:
        """Where whole segments are kept, packed."""
        return self.wal / "segments"

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def lock(self) -> Path:
        """Held for as long as a receiver lives."""
        return self.wal / "lock"

    @property
    def state(self) -> Path:
        """What the receiver has said last."""
        return self.wal / "receiver.json"

    @property
    def points(self) -> Path:
        """The named points."""
        return self.wal / "points.json"

    def make(self) -> None:
        """Make the folders that are missing."""
        mode = 0o711 if self.account.is_another else 0o700
        for folder in (self.folder, self.wal, self.segments, self.base):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(mode)  # by a second call, since mkdir obeys the umask
        self.account.require_way_to(self.stream)
        self.account.own_folder(self.stream)

    def identity(self) -> Identity | None:
        """Return whose log is in here; None while there is none."""
        known = read_json(self.wal / "server.json")
        return None if known is None else Identity(**known)

    def claim(self, server: Identity) -> None:
        """Take this archive for a server; PreflightFailed when it is another one's."""
        known = self.identity()
        if known is None:
            write_json(self.wal / "server.json", vars(server))
        elif known != server:
            raise PreflightFailed(
                f"The archive in {self.folder} is of another PostgreSQL server.",
                hint="Set MAESTRO_ARCHIVE_DIR to an empty folder, or move `wal` and `base` away from this one.",
                checks=[
                    {"name": "archive", "message": f"of server {known.system_identifier}, not of this one"},
                ],
            )

    def require_identity(self) -> Identity:
        """Return whose log is in here; BackupRefused when there is none."""
        known = self.identity()
        if known is None:
            raise BackupRefused(
                f"There is no write-ahead log in {self.wal}.",
                reason="INCOMPLETE",
                hint="Set MAESTRO_WAL_ARCHIVE and start a worker; return to a dump for what was before.",
            )
        return known

    def kept(self, size: int) -> dict[Segment, Path]:
        """Return the file of each segment; of one that is still being written its partial file."""
        found: dict[Segment, Path] = {}
        # What is whole comes last and wins, a file that is not packed before one that is.
        paths = [path for folder in (self.segments, self.stream) for path in folder.glob("[0-9A-F]*")]
        for path in sorted(paths, key=lambda path: (PARTIAL not in path.name, path.suffix != PACKED)):
            if (segment := Segment.named(path.name, size=size)) is not None:
                found[segment] = path
        return found

    def history(self, timeline: int) -> str:
        """Return the text that tells where a timeline comes from; the first one comes from nowhere."""
        for folder in (self.segments, self.stream):
            path = folder / f"{timeline:08X}.history"
            if path.exists():
                return path.read_text()
        return ""

    def newest_timeline(self, size: int) -> int:
        """Return the highest timeline that anything is kept of."""
        names = [path.name for folder in (self.segments, self.stream) for path in folder.glob("*.history")]
        told = [int(found["timeline"], 16) for name in names if (found := HISTORY.fullmatch(name))]
        return max([*told, *(segment.timeline for segment in self.kept(size))], default=1)

    def way(self, timeline: int, *, start: int, size: int, until: int | None = None) -> list[Segment]:
        """Return the segments from a position on, along the way to a timeline, as they ought to be.

        They end with the one that holds the position `until`, unless given with the last one that is kept.
        """
        last = max((one.number for one in self.kept(size) if one.timeline == timeline), default=-1)
        last = last if until is None else until // size
        segments, number = [], start // size
        for branch in branches(timeline, self.history(timeline)):
            # The segment in which a timeline was left is kept on the next one, with all that was before.
            end = last if branch.until is None else branch.until // size - 1
            segments += [Segment(branch.timeline, one) for one in range(number, min(end, last) + 1)]
            number = max(number, min(end, last) + 1)
        return segments


def read_json(path: Path) -> Any:
    """Return what a file of ours says, None when there is none."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def write_json(path: Path, content: Any) -> None:
    """Put a new content in the place of a file of ours; whoever reads it never sees half of it."""
    private_files.replace(path, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def give(path: Path, account: Account, content: bytes | str = b"") -> None:
    """Write a small file into a folder of another account, and never through a symbolic link."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        os.fchown(file.fileno(), account.uid, account.gid)
