"""What an operation costs, counted only while somebody profiles: otherwise one look at a variable.

A tally follows an operation through its tasks, as context variables do. The connections that it borrows tell it of
statements, the loaders of their batches, and a sampler of the loop's thread of processor time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

Binding = tuple[str, str, str]
UNNAMED: Final = "(unnamed)"


@dataclass(slots=True)
class Tally:
    """What is counted of one operation."""

    statements: int = 0
    sql_s: float = 0.0
    batches: int = 0
    cpu_s: float = 0.0

    def told(self, _asked: "Asked", *, rows: int, seconds: float) -> None:  # noqa: ARG002 -- a recording counts the rows
        """Count a statement."""
        self.statements += 1
        self.sql_s += seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement on its way to the database, and to what the connection was bound: never shown as it is."""

    sql: str
    arguments: Sequence[Any] = field(repr=False)
    binding: Binding = field(repr=False)


class Watch(Protocol):
    """Whoever looks at all operations of the process for a while."""

    def ended(self, name: str, tally: Tally, *, seconds: float) -> None:
        """Be told of an operation that has ended."""
        ...


TALLY: Final[ContextVar[Tally | None]] = ContextVar("maestro_tally", default=None)
"""The tally of the operation that runs just now; None while nobody counts."""


class _Watching:
    """Who is watching."""

    watch: Watch | None = None


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """Tell somebody of every operation that begins and ends within the block; one at a time."""
    _Watching.watch = watch
    try:
        yield
    finally:
        _Watching.watch = None


@contextmanager
def tallied(tally: Tally) -> Iterator[None]:
    """Count what happens within the block, and in the tasks that it begins."""
    token = TALLY.set(tally)
    try:
        yield
    finally:
        TALLY.reset(token)


@contextmanager
def operation(name: Callable[[], str | None]) -> Iterator[None]:
    """Count an operation while somebody watches, unless it is counted already; its name is asked for at its end."""
    watch = _Watching.watch
    if watch is None or TALLY.get() is not None:
        yield
        return
    tally, began = Tally(), time.perf_counter()
    try:
        with tallied(tally):
            yield
    finally:
        watch.ended(name() or UNNAMED, tally, seconds=time.perf_counter() - began)


def batch() -> None:
    """Count a batch of a loader."""
    tally = TALLY.get()
    if tally is not None:
        tally.batches += 1


def watched(connection: Any, binding: Binding) -> Any:
    """Return a connection to be lent: itself while nobody counts."""
    tally = TALLY.get()
    return connection if tally is None else _Watched(connection, binding, tally)


class _Watched:
    """A connection of the driver that tells a tally of what it fetches."""

    def __init__(self, connection: Any, binding: Binding, tally: Tally) -> None:
        self._connection = connection
        self._binding = binding
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        """Fetch, and tell."""
        began = time.perf_counter()
        rows = await self._connection.fetch(sql, *arguments)
        asked = Asked(sql, arguments, self._binding)
        self._tally.told(asked, rows=len(rows), seconds=time.perf_counter() - began)
        return rows
