"""Where to return to: a moment, a position, a named point, or as far as the log leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from maestro.errors import BackupRefused, InvalidInput
from ops.point_in_time.archive import Archive
from ops.point_in_time.points import points
from ops.point_in_time.reach import Gap, Reach, Stretch
from ops.point_in_time.wal import position, written

NAMED_AT_MOST: Final = 5
"""Gaps and points that a refusal lists."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to return to; as far as the log leads when none of the three is given, and never two of them.

    `time` includes what was committed at that very moment; `lsn` is as `pg_current_wal_lsn()` told it, and what was
    written before it is included.
    """

    time: datetime | None = None
    lsn: str | None = None
    name: str | None = None
    timeline: int | None = None
    """A timeline that was left by an earlier restore; the newest unless given."""

    def __post_init__(self) -> None:
        if len([one for one in (self.time, self.lsn, self.name) if one is not None]) > 1:
            raise InvalidInput("A time, a position or a name: only one of them can be returned to.", field="time")
        if self.time is not None and self.time.tzinfo is None:
            raise InvalidInput("The time needs its zone, like 2026-11-29T12:00:00Z.", field="time")


@dataclass(frozen=True, slots=True)
class Plan:
    """From which base backup to begin, and what PostgreSQL is told of where to stop."""

    stretch: Stretch
    settings: dict[str, str]

    @property
    def is_to_the_end(self) -> bool:
        """Whether it is everything that the log has."""
        return self.settings == _to_the_end(self.stretch)


def plan(archive: Archive, target: Target, reached: Reach, *, until: datetime | None = None) -> Plan:
    """Return how a target is reached, from the newest base backup before it.

    `until` is when the timeline was left: nothing was committed from its end to then.

    Raises InvalidInput for a target out of reach, with the spans that can be reached in `reachable`, and
    BackupRefused when it is the log that is missing, with its `segments`.
    """
    if not reached.stretches:
        raise BackupRefused(
            "There is no base backup to begin from.",
            reason="INCOMPLETE",
            hint="Make one; return to a dump for what was before.",
        )
    if target.time is not None:
        return _by_time(target.time.astimezone(UTC), reached, until)
    if target.lsn is not None:
        return _by_lsn(target.lsn, reached)
    if target.name is not None:
        return _by_name(archive, target.name, reached)
    last = max(reached.stretches, key=lambda one: (one.latest, one.earliest))
    return Plan(last, _to_the_end(last))


def _by_time(time: datetime, reached: Reach, until: datetime | None) -> Plan:
    latest = reached.latest
    ends = {one.base.id: until if until and one.latest == latest else one.latest for one in reached.stretches}
    fitting = [one for one in reached.stretches if one.earliest <= time <= ends[one.base.id]]
    if not fitting:
        raise _refused(f"{time:%Y-%m-%d %H:%M:%S.%f} UTC", "time", reached, is_between=_is_between(time, reached))
    stretch = fitting[-1]
    if stretch.committed_at is None or time >= stretch.committed_at:
        # PostgreSQL stops at the first commit after a time, and there is none.
        return Plan(stretch, _to_the_end(stretch))
    return Plan(stretch, {"recovery_target_time": time.isoformat(sep=" ")})


def _is_between(time: datetime, reached: Reach) -> bool:
    return any(end < time for _, end in reached.spans) and any(start > time for start, _ in reached.spans)


def _by_lsn(text: str, reached: Reach) -> Plan:
    try:
        lsn = position(text)
    except ValueError:
        raise InvalidInput("A position looks like 0/3000028.", field="lsn") from None
    fitting = [one for one in reached.stretches if one.base.stop_lsn <= lsn <= one.end_lsn]
    if not fitting:
        raise _refused(text, "lsn", reached, is_between=False)
    stretch = fitting[-1]
    if stretch.last_lsn is None or lsn > stretch.last_lsn:
        return Plan(stretch, _to_the_end(stretch))
    return Plan(stretch, {"recovery_target_lsn": written(lsn), "recovery_target_inclusive": "off"})


def _by_name(archive: Archive, name: str, reached: Reach) -> Plan:
    known = points(archive)
    if name not in known:
        newest = sorted(known.values(), key=lambda point: point.at, reverse=True)[:NAMED_AT_MOST]
        raise InvalidInput(f"There is no point {name!r}.", field="name", known=[point.name for point in newest] or None)
    lsn = known[name].lsn
    fitting = [one for one in reached.stretches if one.base.stop_lsn <= lsn <= one.end_lsn]
    if not fitting:
        raise _refused(f"the point {name!r}", "name", reached, is_between=_is_between(known[name].at, reached))
    return Plan(fitting[-1], {"recovery_target_name": name})


def _to_the_end(stretch: Stretch) -> dict[str, str]:
    # The last record by its position: PostgreSQL takes a log that ends before it for an error, not for the end.
    if stretch.last_lsn is None:
        return {"recovery_target": "immediate"}
    return {"recovery_target_lsn": written(stretch.last_lsn)}


def _refused(what: str, field: str, reached: Reach, *, is_between: bool) -> BackupRefused | InvalidInput:
    spans = [{"earliest": start.isoformat(), "latest": end.isoformat()} for start, end in reached.spans]
    told = " or ".join(f"from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC" for start, end in reached.spans)
    if is_between and reached.gaps:
        return BackupRefused(
            f"{what} cannot be reached: the log is missing from {_named(reached.gaps)}.",
            reason="TRUNCATED",
            hint=f"What can be reached: {told}.",
            segments=[one.first for one in reached.gaps],
            reachable=spans,
        )
    lsns = (
        f", {written(reached.stretches[0].base.stop_lsn)} to {written(max(one.end_lsn for one in reached.stretches))}"
    )
    return InvalidInput(
        f"{what} cannot be reached.",
        field=field,
        hint=f"What can be reached: {told}{lsns if field == 'lsn' else ''}.",
        reachable=spans,
    )


def _named(gaps: Sequence[Gap]) -> str:
    return ", ".join(f"{gap.first} to {gap.last}" for gap in gaps[:NAMED_AT_MOST])
