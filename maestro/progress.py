"""How far long work has come, as it tells whoever follows it."""

from collections.abc import Callable
from threading import Lock
from typing import Protocol


class Progress(Protocol):
    """Told by an operation as often as it likes: it costs nothing, and only what is newest is passed on.

    May be called from any thread. `phase` says for people what is being done, `completed` of `total` are in `unit`,
    like `bytes` or `tables`; what is not known is None.
    """

    def __call__(
        self, phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None
    ) -> None: ...


def untold(phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None) -> None:
    """Tell nobody."""


def counted(progress: Progress, phase: str, total: int | None, *, unit: str = "bytes") -> Callable[[int], None]:
    """Return what is told of each further part of some work, from any thread, and passes on their sum."""
    turn, completed = Lock(), 0

    def told(more: int) -> None:
        nonlocal completed
        with turn:
            completed += more
            progress(phase, completed, total, unit=unit)

    return told
