"""What an operation has done so far: its statements, and the loaders that took part, carried by the context.

It follows an operation through its tasks, as context variables do. Who watches all operations is told of each at its
end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from typing import Any, ClassVar, Final, Protocol

Binding = tuple[str, str, str]
"""What a connection was set to, on which a statement was run: its role, the organisation and the projects."""

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
    binding: Binding


@dataclass(slots=True)
class Effort:
    """The sums of one operation."""

    is_recording: ClassVar[bool] = False
    """Whether somebody wants to know of all that is done meanwhile, so that no operation puts its own in its place."""

    statements: int = 0
    sql_seconds: float = 0.0
    batches: int = 0
    cpu_seconds: float = 0.0
    """Only while a profile samples the thread."""
    loaders: dict[str, Batches] = field(default_factory=dict)
    _slowest: list[Run] = field(default_factory=list)

    def ran(self, sql: str, _values: Sequence[Any], *, rows: int, seconds: float, binding: Binding) -> None:  # noqa: ARG002 -- a recording wants them
        """Count a statement; its values are not kept."""
        self.statements += 1
        self.sql_seconds += seconds
        if len(self._slowest) < SLOWEST:
            heappush(self._slowest, Run(seconds, sql, binding))
        elif seconds > self._slowest[0].seconds:
            heapreplace(self._slowest, Run(seconds, sql, binding))

    def loaded(self, loader: str, keys: int) -> None:
        """Count a round of a loader."""
        self.batches += 1
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


@contextmanager
def within(effort: Effort) -> Iterator[None]:
    """Count what is done in the block, and in the tasks that it begins."""
    token = _current.set(effort)
    try:
        yield
    finally:
        _current.reset(token)


class Watch(Protocol):
    """Whoever looks at all operations of the process for a while."""

    def ended(self, name: str, effort: Effort, *, seconds: float) -> None:
        """Be told of an operation that has ended."""
        ...


class _Watching:
    """Who is watching."""

    watch: Watch | None = None


def watch() -> Watch | None:
    """Return who looks at all operations; mostly None."""
    return _Watching.watch


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """Tell somebody of every operation that begins and ends within the block; one at a time."""
    _Watching.watch = watch
    try:
        yield
    finally:
        _Watching.watch = None
