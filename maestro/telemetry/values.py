"""The values of metrics: plain numbers in the memory of the process, by the values of their labels.

To count is one look-up and one addition. In CPython no other thread runs between the two, so nothing is locked.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

Labels = tuple[str, ...]
"""The values of a family's labels, in the order of their names."""

OTHER: Final = "other"
"""What a label says of everything for which there is no room."""
MOST_SERIES: Final = 100
"""So many combinations of labels a family holds unless it says otherwise; what comes beyond is counted together."""
PREFIX: Final = "maestro_"
Mode = Literal["livesum", "livemax", "livemostrecent"]
"""What one gauge of many processes is: their sum, the largest, or the latest; those that have ended do not count."""


class Sample(NamedTuple):
    """One number of a family: the name that it has in an exposition, and its labels."""

    name: str
    labels: Labels
    value: float


class Switch:
    """Whether this process counts at all."""

    def __init__(self) -> None:
        self.is_on = True
        self.crowded: dict[str, int] = {}
        """How often a family had no room for a combination of labels."""


SWITCH: Final = Switch()


class Family(ABC):
    """A name with its help, the names of its labels, and how many combinations of these it holds at most."""

    kind: str

    def __init__(self, name: str, text: str, labels: Iterable[str] = (), *, most: int = MOST_SERIES) -> None:
        self.name = PREFIX + name
        self.help = text
        self.labels = tuple(labels)
        self.most = most
        FAMILIES[self.name] = self

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Return the numbers as they are now."""

    def _room(self, held: int, key: Labels) -> Labels:
        """Return where something new is counted: at its own place, or with everything else that came too late."""
        if held < self.most:
            return key
        SWITCH.crowded[self.name] = SWITCH.crowded.get(self.name, 0) + 1
        return (OTHER,) * len(key)


FAMILIES: Final[dict[str, Family]] = {}
"""Every family that is declared, by its name."""


class Counter(Family):
    """Something that only grows; its name ends with `_total`."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Iterable[str] = (), *, most: int = MOST_SERIES) -> None:
        super().__init__(name, text, labels, most=most)
        self.values: dict[Labels, float] = {} if self.labels else {(): 0.0}

    def add(self, key: Labels = (), amount: float = 1.0) -> None:
        """Count something, once or by its amount."""
        if not SWITCH.is_on:
            return
        try:
            self.values[key] += amount
        except KeyError:
            key = self._room(len(self.values), key)
            self.values[key] = self.values.get(key, 0.0) + amount

    def samples(self) -> Iterator[Sample]:
        """Return a number for each combination of labels."""
        for key, value in list(self.values.items()):
            yield Sample(self.name, key, value)


class Gauge(Family):
    """Something that is so much at the moment."""

    kind = "gauge"

    def __init__(
        self, name: str, text: str, labels: Iterable[str] = (), *, mode: Mode = "livesum", most: int = MOST_SERIES
    ) -> None:
        super().__init__(name, text, labels, most=most)
        self.mode = mode
        self.values: dict[Labels, float] = {}

    def set(self, value: float, key: Labels = ()) -> None:
        """Say how much there is."""
        if SWITCH.is_on:
            self.values[key if key in self.values else self._room(len(self.values), key)] = value

    def add(self, amount: float, key: Labels = ()) -> None:
        """Say that there is so much more, or less."""
        if not SWITCH.is_on:
            return
        try:
            self.values[key] += amount
        except KeyError:
            self.set(amount, key)

    def samples(self) -> Iterator[Sample]:
        """Return a number for each combination of labels."""
        for key, value in list(self.values.items()):
            yield Sample(self.name, key, value)


class Histogram(Family):
    """How amounts are spread: how many are no larger than each bound, and what they are together."""

    kind = "histogram"

    def __init__(
        self, name: str, text: str, labels: Iterable[str] = (), *, bounds: Iterable[float], most: int = MOST_SERIES
    ) -> None:
        super().__init__(name, text, labels, most=most)
        self.bounds = tuple(bounds)
        self._places = (*(repr(float(bound)) for bound in self.bounds), "+Inf")
        self.values: dict[Labels, list[float]] = {}

    def observe(self, amount: float, key: Labels = ()) -> None:
        """Count an amount."""
        if not SWITCH.is_on:
            return
        try:
            counts = self.values[key]
        except KeyError:
            key = self._room(len(self.values), key)
            counts = self.values.setdefault(key, [0.0] * (len(self.bounds) + 2))
        counts[bisect_left(self.bounds, amount)] += 1
        counts[-1] += amount

    def samples(self) -> Iterator[Sample]:
        """Return, for each combination of labels, how many lie between two bounds, with `le` as the last label."""
        for key, counts in list(self.values.items()):
            for place, count in zip(self._places, counts, strict=False):
                yield Sample(f"{self.name}_bucket", (*key, place), count)
            yield Sample(f"{self.name}_sum", key, counts[-1])


class Reading(Family):
    """Something that is read when a scrape asks, from the database or from the disk, and kept by no process."""

    kind = "gauge"

    def samples(self) -> Iterator[Sample]:
        """Return nothing: whoever reads it has the numbers."""
        return iter(())


Number = tuple[Family, Labels, float]
"""What something that is no part of a family says of one."""

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds for what a request waits for."""
LONG_SECONDS: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400)
"""Bounds for what a job takes."""
BYTES: Final = (256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216)
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
"""Bounds for how many come together."""
