"""What an operation has done so far: its statements, and the loaders that took part, carried by the context."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from typing import Final

SLOWEST: Final = 3
"""So many statements are remembered, those that took longest."""
MOST_LOADERS: Final = 50


@dataclass(slots=True)
class Batches:
    """How often a loader was asked, and for how many keys."""

    rounds: int = 0
    keys: int = 0
    largest: int = 0


@dataclass(order=True, frozen=True, slots=True)
class Run:
    """A statement that was run, without its values, and how it was bound."""

    seconds: float
    sql: str
    binding: tuple[str, str, str]


@dataclass(slots=True)
class Effort:
    """The sums of one operation."""

    statements: int = 0
    sql_seconds: float = 0.0
    loaders: dict[str, Batches] = field(default_factory=dict)
    _slowest: list[Run] = field(default_factory=list)

    def ran(self, sql: str, seconds: float, binding: tuple[str, str, str]) -> None:
        """Count a statement."""
        self.statements += 1
        self.sql_seconds += seconds
        if len(self._slowest) < SLOWEST:
            heappush(self._slowest, Run(seconds, sql, binding))
        elif seconds > self._slowest[0].seconds:
            heapreplace(self._slowest, Run(seconds, sql, binding))

    def loaded(self, loader: str, keys: int) -> None:
        """Count a round of a loader."""
        batches = self.loaders.get(loader)
        if batches is None:
            if len(self.loaders) >= MOST_LOADERS:
                return
            batches = self.loaders[loader] = Batches()
        batches.rounds += 1
        batches.keys += keys
        batches.largest = max(batches.largest, keys)

    @property
    def slowest(self) -> list[Run]:
        """The statements that took longest, the slowest first."""
        return sorted(self._slowest, reverse=True)


_current: Final[ContextVar[Effort | None]] = ContextVar("effort", default=None)


def current() -> Effort | None:
    """Return the sums of the operation that is being run; None where none is wanted."""
    return _current.get()


def begin(effort: Effort | None) -> None:
    """Have what is done in this task from now on counted, or counted no more."""
    _current.set(effort)
