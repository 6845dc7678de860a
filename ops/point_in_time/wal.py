"""Positions in the write-ahead log, and the names of the files that it is kept in."""

import re
from dataclasses import dataclass
from typing import Final

SEGMENT: Final = re.compile(r"(?P<timeline>[0-9A-F]{8})(?P<high>[0-9A-F]{8})(?P<low>[0-9A-F]{8})")
HISTORY: Final = re.compile(r"(?P<timeline>[0-9A-F]{8})\.history")
PARTIAL: Final = ".partial"
PACKED: Final = ".gz"


def position(text: str) -> int:
    """Return the number of bytes before a position as PostgreSQL writes it, such as `0/3000028`."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def written(lsn: int) -> str:
    """Return a position as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One file of the log, by its timeline and its number since the beginning."""

    timeline: int
    number: int

    @classmethod
    def of(cls, lsn: int, *, timeline: int, size: int) -> "Segment":
        """Return the segment that holds the byte at a position."""
        return cls(timeline, lsn // size)

    @classmethod
    def named(cls, name: str, *, size: int) -> "Segment | None":
        """Return the segment of a file's name, whole, packed or partial; None for other files."""
        found = SEGMENT.fullmatch(name.removesuffix(PACKED).removesuffix(PARTIAL))
        if found is None:
            return None
        high, low = int(found["high"], 16), int(found["low"], 16)
        return cls(int(found["timeline"], 16), high * (2**32 // size) + low)

    def name(self, size: int) -> str:
        """Return the name of its file."""
        high, low = divmod(self.number, 2**32 // size)
        return f"{self.timeline:08X}{high:08X}{low:08X}"

    def start(self, size: int) -> int:
        """Return the position of its first byte."""
        return self.number * size


@dataclass(frozen=True, slots=True)
class Branch:
    """The part of a timeline's way that lies on one timeline: up to the position at which it was left."""

    timeline: int
    until: int | None
    """None for the last one, which goes on."""


def branches(timeline: int, history: str) -> list[Branch]:
    """Return the way to a timeline from the first one, by the text of its history file, which the first has not."""
    ways = []
    for line in history.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].isdecimal():  # noqa: PLR2004 - a timeline and where it was left
            ways.append(Branch(int(words[0]), position(words[1])))
    return [*ways, Branch(timeline, None)]
