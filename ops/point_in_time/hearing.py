"""How far the log has been received: measured each second, and left in a file for whoever asks."""

import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from maestro import clock
from maestro.archive_settings import ArchiveLevel
from ops.point_in_time.archive import Archive, read_json, write_json
from ops.point_in_time.server import RECEIVER, Connection
from ops.point_in_time.wal import PARTIAL, position, written

SAMPLES: Final = 100_000
"""Positions remembered with their times, one a beat: more than a day."""

LISTEN = """
SELECT pg_current_wal_flush_lsn()::text AS flushed, clock_timestamp() AS at, receiver.write_lsn::text AS written_lsn,
  receiver.flush_lsn::text AS flushed_lsn, receiver.sync_state, slot.wal_status,
  pg_wal_lsn_diff(pg_current_wal_flush_lsn(), slot.restart_lsn)::bigint AS held_bytes
FROM (SELECT) AS one
LEFT JOIN LATERAL (
  SELECT write_lsn, flush_lsn, sync_state FROM pg_stat_replication
  WHERE application_name = $1 AND state IN ('streaming', 'catchup') LIMIT 1
) AS receiver ON true
LEFT JOIN pg_replication_slots AS slot ON slot.slot_name = $1
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the receiver has said last."""

    level: ArchiveLevel
    is_streaming: bool = False
    received_lsn: int | None = None
    received_at: datetime | None = None
    """A moment before which everything that was committed has been received."""
    lag_bytes: int | None = None
    slot_status: str | None = None
    held_bytes: int | None = None
    """What the server holds back for the receiver."""
    trouble: str | None = None
    told_at: datetime | None = None

    def tell(self, archive: Archive) -> None:
        """Leave it for whoever asks, in whichever process."""
        lsn = None if self.received_lsn is None else written(self.received_lsn)
        write_json(archive.state, {**asdict(self), "received_lsn": lsn, "told_at": clock.now()})

    @classmethod
    def told_in(cls, archive: Archive) -> "Heard | None":
        """Return what was told last."""
        known: dict[str, Any] | None = read_json(archive.state)
        if known is None:
            return None
        moments = {name: known[name] and datetime.fromisoformat(known[name]) for name in ("received_at", "told_at")}
        lsn = known["received_lsn"] and position(known["received_lsn"])
        return cls(**{**known, **moments, "level": ArchiveLevel(known["level"]), "received_lsn": lsn})

    @classmethod
    def complain(cls, archive: Archive, level: ArchiveLevel, trouble: str) -> None:
        """Tell what is in the way, beside how far it had come."""
        known = cls.told_in(archive) or cls(level)
        replace(known, level=level, is_streaming=False, trouble=trouble).tell(archive)


class Listener:
    """Compares what a server has written with what has been received of it."""

    def __init__(self, archive: Archive, connection: Connection, level: ArchiveLevel) -> None:
        self._archive = archive
        self._connection = connection
        self._level = level
        self._samples: deque[tuple[int, datetime]] = deque(maxlen=SAMPLES)
        known = Heard.told_in(archive)
        self._received_at = None if known is None else known.received_at
        self._received: int | None = None
        self._moved = time.monotonic()
        self.size = 0
        """Bytes of a segment."""

    @property
    def stuck_s(self) -> float:
        """How long nothing has come, though there was something to come."""
        return time.monotonic() - self._moved if self._samples else 0.0

    def forget_stuck(self) -> None:
        """Give a new receiver time."""
        self._moved = time.monotonic()

    async def listen(self, trouble: str | None) -> Heard:
        """Ask the server once, tell the archive's state, and return it."""
        row: Any = await self._connection.fetchrow(LISTEN, RECEIVER)
        told = row["flushed_lsn" if self._level is ArchiveLevel.SYNCHRONOUS else "written_lsn"]
        flushed = position(row["flushed"])
        received = self._archived() if not self._level.streams else position(told) if told else self._received
        self._samples.append((flushed, row["at"].astimezone(UTC)))
        if received is not None:
            self._reach(received)
        heard = Heard(
            self._level,
            is_streaming=told is not None if self._level.streams else trouble is None,
            received_lsn=received,
            received_at=self._received_at,
            lag_bytes=None if received is None else max(flushed - received, 0),
            slot_status=row["wal_status"],
            held_bytes=row["held_bytes"],
            trouble=trouble,
        )
        heard.tell(self._archive)
        return heard

    def _reach(self, received: int) -> None:
        while self._samples and self._samples[0][0] <= received:
            self._received_at = self._samples.popleft()[1]
        if received != self._received or not self._samples:
            self._moved = time.monotonic()
        self._received = received

    def _archived(self) -> int | None:
        """Return where the segments end that PostgreSQL has handed out."""
        kept = self._archive.kept(self.size)
        whole = [segment.number for segment, path in kept.items() if PARTIAL not in path.name]
        return (max(whole) + 1) * self.size if whole else None
