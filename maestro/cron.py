"""When a schedule fires: cron expressions, read in a time zone of the tz database.

Five fields as cron has them, or six with seconds at the end, and names like `@daily`. Clocks that are changed do no
harm: a time that is skipped in spring fires when the clock has passed it, and what is due at an hour that comes twice
in autumn fires at the first of them. Only where the hour is left open (`*`, `*/2`) is each of both hours its own.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from maestro.errors import InvalidInput

_NAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_REACHES: Final = (timedelta(minutes=2), timedelta(hours=2), timedelta(days=7), timedelta(days=366 * 50))
_TICK: Final = timedelta(seconds=1)
_LENGTHS: Final = (5, 6)
_LONGEST: Final = 200
_HINT: Final = "Five fields: minute, hour, day of the month, month, day of the week; `30 2 * * *` is half past two."


def check_cron(cron: str, timezone: str = "UTC") -> None:
    """Raise InvalidInput, with the field, for a cron expression or a time zone that is none, or never comes."""
    _zone(timezone)
    _fields(cron)
    if not next_runs(cron, timezone, datetime.now(UTC), 1):
        raise InvalidInput(f"The cron expression {cron!r} never fires.", field="cron", hint=_HINT)


def next_runs(  # noqa: PLR0917 -- read as a sentence
    cron: str, timezone: str, after: datetime, count: int = 1
) -> list[datetime]:
    """Return the next times of a schedule after a moment, the earliest first, in UTC; fewer where it ends.

    InvalidInput for an expression or a time zone that is none.
    """
    return list(islice(_times(_fields(cron), _zone(timezone), after), count))


def times_due(cron: str, timezone: str, *, since: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the times of a schedule from one moment to another, both included; of many the last `most` ones."""
    fields, zone = _fields(cron), _zone(timezone)
    # A schedule of each second that nobody has run for a month has millions of them: looked for from near the end.
    for reach in _REACHES:
        start = max(since, until - reach)
        due = deque(takewhile(lambda moment: moment <= until, _times(fields, zone, start - _TICK)), maxlen=most)
        if start == since or len(due) == most:
            break
    return [moment for moment in due if moment >= since]


def _times(fields: tuple[str, ...], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    is_every_hour = fields[1].startswith("*")
    found = croniter(" ".join(fields), after.astimezone(zone))
    while True:
        try:
            moment: datetime = found.get_next(datetime)
        except (CroniterBadDateError, OverflowError):
            return
        # Of two hours of the same name the second one has this mark.
        if not moment.fold or is_every_hour:
            yield moment.astimezone(UTC)


@lru_cache(maxsize=1024)
def _fields(cron: str) -> tuple[str, ...]:
    fields = tuple(_NAMES.get(cron.strip().lower(), cron).split())
    is_known = len(cron) <= _LONGEST and len(fields) in _LENGTHS and not any(map(_is_random, fields))
    try:
        if is_known:
            croniter.expand(" ".join(fields))
            return fields
    except (CroniterBadCronError, ValueError, KeyError) as error:
        raise InvalidInput(f"{cron!r} is no cron expression: {_reason(error)}.", field="cron", hint=_HINT) from error
    raise InvalidInput(f"{cron[:_LONGEST]!r} is no cron expression of 5 or 6 fields.", field="cron", hint=_HINT)


def _is_random(field: str) -> bool:
    # croniter makes such a number up itself, each time another one.
    return field.upper().startswith(("R", "H"))


def _reason(error: Exception) -> str:
    return str(error).rpartition("] ")[2].rstrip(".") or "it cannot be read"


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"{name[:_LONGEST]!r} is no time zone.",
            field="timezone",
            hint="Name one of the tz database, like UTC or Europe/Berlin.",
        ) from None
