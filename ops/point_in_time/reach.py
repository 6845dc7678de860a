"""What can be reached: from each base backup on, the log that is there without a gap, and until when it leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops.point_in_time import programs, tail
from ops.point_in_time.archive import Archive, Identity
from ops.point_in_time.bases import BaseBackup, bases
from ops.point_in_time.hearing import Heard
from ops.point_in_time.wal import PARTIAL, Branch, Segment, branches


@dataclass(frozen=True, slots=True)
class Stretch:
    """Every moment that can be reached from one base backup."""

    base: BaseBackup
    timeline: int
    earliest: datetime
    latest: datetime
    """Also of a server that has been idle: the moment until which everything committed is known to be here."""
    committed_at: datetime | None
    """When the last transaction of it ended."""
    last_lsn: int | None
    """Of its last record; None when the log of the base backup itself is all there is."""
    end_lsn: int
    segments: int
    """Files of the log that lead there from the base backup."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Files of the log that are missing between others, from the first to the last, by their names."""

    first: str
    last: str
    count: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything that can be reached, the oldest base backup first, and what is missing in between."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]

    @property
    def earliest(self) -> datetime | None:
        return min((one.earliest for one in self.stretches), default=None)

    @property
    def latest(self) -> datetime | None:
        return max((one.latest for one in self.stretches), default=None)

    @property
    def spans(self) -> tuple[tuple[datetime, datetime], ...]:
        """The times that can be reached, as few spans of them as there are; between them is a gap."""
        spans: list[tuple[datetime, datetime]] = []
        for one in self.stretches:
            if spans and one.earliest <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(one.latest, spans[-1][1]))
            else:
                spans.append((one.earliest, one.latest))
        return tuple(spans)


async def reach(archive: Archive, *, timeline: int | None = None) -> Reach:
    """Look at what is kept, and return what can be reached on a timeline, the newest unless given."""
    server, known = archive.identity(), bases(archive)
    if server is None or not known:
        return Reach((), ())
    size = server.segment_bytes
    timeline = timeline or archive.newest_timeline(size)
    ways = branches(timeline, archive.history(timeline))
    known = [base for base in known if _is_on(base, ways)]
    if not known:
        return Reach((), ())
    return await _Survey(archive, server, timeline).of(known)


def _is_on(base: BaseBackup, ways: Sequence[Branch]) -> bool:
    return any(
        base.timeline == branch.timeline and (branch.until is None or base.stop_lsn <= branch.until) for branch in ways
    )


class _Survey:
    """One look at the archive; the end of each stretch of the log is read once."""

    def __init__(self, archive: Archive, server: Identity, timeline: int) -> None:
        self._archive = archive
        self._size = server.segment_bytes
        self._timeline = timeline
        self._waldump = programs.find(server.major_version) / "pg_waldump"
        self._kept = archive.kept(self._size)
        self._heard = Heard.told_in(archive)
        self._tails: dict[Segment, tail.Tail] = {}

    async def of(self, known: Sequence[BaseBackup]) -> Reach:
        """Return what can be reached from some base backups."""
        stretches = [await self._stretch(base) for base in known]
        return Reach(tuple(stretches), tuple(self._gaps(min(base.start_lsn for base in known))))

    async def _stretch(self, base: BaseBackup) -> Stretch:
        way = self._archive.way(self._timeline, start=base.start_lsn, size=self._size)
        whole = self._whole(way)
        found = await self._tail(whole)
        is_beyond = found.lsn is not None and found.lsn >= base.stop_lsn
        latest, end = [base.stopped_at], [base.stop_lsn]
        if is_beyond and found.committed_at is not None and found.end is not None:
            latest.append(found.committed_at)
            end.append(found.end)
        if self._is_live(way, whole) and self._heard and self._heard.received_at and self._heard.received_lsn:
            latest.append(self._heard.received_at)
            end.append(self._heard.received_lsn)
        return Stretch(
            base,
            self._timeline,
            base.stopped_at,
            max(latest),
            found.committed_at if is_beyond else None,
            found.lsn if is_beyond else None,
            max(end),
            len(whole),
        )

    def _whole(self, way: list[Segment]) -> list[Segment]:
        """Return the beginning of a way in which nothing is missing."""
        whole: list[Segment] = []
        for segment in way:
            if segment not in self._kept:
                break
            whole.append(segment)
            if PARTIAL in self._kept[segment].name:
                break
        return whole

    def _is_live(self, way: list[Segment], whole: list[Segment]) -> bool:
        """Whether it is the end of the log that a receiver has told of."""
        if not whole or len(whole) < len(way) or self._heard is None or self._heard.received_lsn is None:
            return False
        return (self._heard.received_lsn - 1) // self._size <= whole[-1].number

    async def _tail(self, whole: list[Segment]) -> tail.Tail:
        if not whole:
            return tail.Tail(None, None, None)
        if whole[-1] not in self._tails:
            self._tails[whole[-1]] = await tail.read(self._archive, whole, size=self._size, waldump=self._waldump)
        return self._tails[whole[-1]]

    def _gaps(self, start: int) -> list[Gap]:
        way = self._archive.way(self._timeline, start=start, size=self._size)
        missing = [
            segment
            for segment in way
            if segment not in self._kept or (PARTIAL in self._kept[segment].name and segment != way[-1])
        ]
        gaps: list[list[Segment]] = []
        for segment in missing:
            if gaps and gaps[-1][-1].number == segment.number - 1:
                gaps[-1].append(segment)
            else:
                gaps.append([segment])
        return [Gap(gap[0].name(self._size), gap[-1].name(self._size), len(gap)) for gap in gaps]


def size_of(folder: Path) -> int:
    """Return the bytes of all files beneath a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
