"""Points on their way: a cheap queue that a training appends to, and batches with a column for each series."""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

Context = tuple[tuple[str, str], ...]
MOST_POINTS: Final = 10_000
"""Half of what the server takes at once, and some 500 KB."""
MOST_SERIES: Final = 500
"""Half of what the server takes at once: one call more cannot be too many."""


class Logged(NamedTuple):
    """What one call has logged."""

    values: Mapping[str, float]
    step: int
    at_ms: int
    context: Context


class Columns:
    """Gathers points into the metrics of a batch."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, Context], tuple[list[int], list[float | str], list[int]]] = {}
        self.points = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added."""
        return self.points >= MOST_POINTS or len(self._series) >= MOST_SERIES

    def add(self, logged: Logged) -> None:
        """Add points."""
        for key, value in logged.values.items():
            steps, values, times = self._series.setdefault((key, logged.context), ([], [], []))
            steps.append(logged.step)
            values.append(value if math.isfinite(value) else _named(value))
            times.append(logged.at_ms)
        self.points += len(logged.values)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of a batch."""
        return list(self._written())

    def _written(self) -> Iterator[dict[str, Any]]:
        for (key, context), (steps, values, times) in self._series.items():
            metric: dict[str, Any] = {"key": key, "steps": steps, "values": values, "timestampsMs": times}
            if context:
                metric["context"] = [{"key": name, "value": value} for name, value in context]
            yield metric


def _named(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def gathered(waiting: deque[Logged]) -> list[dict[str, Any]]:
    """Take the oldest points out of a queue, as the metrics of one batch; others may append to it meanwhile."""
    columns = Columns()
    while waiting and not columns.is_full:
        columns.add(waiting.popleft())
    return columns.metrics()
