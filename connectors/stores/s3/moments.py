"""Times as servers of S3 tell them, read without the cost of parsers that know every way to write one."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore.utils import parse_timestamp

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment_of(text: Any) -> datetime:
    """Return a time of a list or another body; what is not written as Amazon does is read by the library."""
    if isinstance(text, str) and text[10:11] == "T" and text[-1] == "Z":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    found: datetime = parse_timestamp(text)
    return found


def moment_of_header(text: str) -> datetime:
    """Return a time of a header, such as `Sun, 29 Nov 2026 10:00:00 GMT`; ValueError."""
    try:
        day, month, year, clock, zone = text[5:].split(" ")
        hour, minute, second = clock.split(":")
        if zone == "GMT":
            number = _MONTHS.index(month) + 1
            return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        pass
    return parsedate_to_datetime(text)
