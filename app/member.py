"""What one server process is among those of its server, and what it shares with them."""

from dataclasses import dataclass

from maestro.shared_counts import SharedCounts
from maestro.shared_windows import SharedWindows
from maestro.windows import Windows


@dataclass(frozen=True, slots=True)
class Seat:
    """The column of one process in counts that all of them share."""

    counts: SharedCounts
    column: int


@dataclass(frozen=True, slots=True)
class Member:
    """One server process: its number, from 1, and what it counts together with the others."""

    number: int
    windows: Windows
    sockets: Seat

    @property
    def does_upkeep(self) -> bool:
        """Whether it does what one process of a server has to do."""
        return self.number == 1


@dataclass(frozen=True, slots=True)
class Common:
    """What all processes of a server count together, in memory that is made before they are forked."""

    windows: SharedWindows
    sockets: SharedCounts

    @classmethod
    def of(cls, processes: int) -> "Common":
        """Make the memory; each process has a successor before it ends, so that there are twice as many columns."""
        return cls(SharedWindows(), SharedCounts(2 * processes))

    def member(self, number: int, *, column: int) -> Member:
        """Return what a process is given."""
        return Member(number, self.windows, Seat(self.sockets, column))
