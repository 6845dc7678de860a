"""All points of metrics from an MLflow server, many runs at once where it can do that.

The server is asked for one metric of up to a hundred runs by a request, as its own pages do: that costs it a fifth to a
tenth of what the calls of one series cost. An answer holds at most 25,000 points; one that is full is asked for again
in halves, and a single series that long page by page.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from connectors.tracking.capability import History, TrackedRun
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_library import tracking
from maestro.vendor_errors import NotSupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

BULK: Final = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
MOST_POINTS: Final = 25_000
"""Points of an answer, whatever is asked for."""
MOST_RUNS: Final = 100
AT_ONCE: Final = 4
"""Requests on their way at the same time."""
_LARGEST: Final = sys.float_info.max
"""What servers that keep points in SQL make of infinity, by the sign."""
_RUN: Final = itemgetter("run_id")
_COLUMNS: Final = (("step", np.int64), ("timestamp", np.int64), ("value", np.float64))


class Histories:
    """Reads points; it remembers how many runs fit into an answer, and whether the server knows the quick call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._runs_at_once = MOST_RUNS
        self._is_quick = True

    async def of_runs(self, runs: Sequence[TrackedRun]) -> Mapping[str, Sequence[History]]:
        """Return all points of all metrics of some runs, by the runs' ids."""
        holders: dict[str, list[str]] = defaultdict(list)
        for run in runs:
            for key in run.metrics:
                holders[key].append(run.id)
        found: dict[str, list[History]] = {run.id: [] for run in runs}
        for some in await _together(self._of_key(key, ids) for key, ids in holders.items()):
            for run_id, history in some:
                found[run_id].append(history)
        return found

    async def of_run(self, run_id: str, keys: Sequence[str]) -> Sequence[History]:
        """Return all points of some metrics of one run, in the order of the keys; NotFound."""
        found = await _together(self._paged(run_id, key) for key in keys)
        if not any(len(one.steps) for one in found):
            # The server tells no points of a run that it does not have.
            await self._calls.send(tracking.GetRun(run_id=run_id), f"run {run_id}")
        return found

    async def _of_key(self, key: str, run_ids: Sequence[str]) -> list[tuple[str, History]]:
        found: list[tuple[str, History]] = []
        waiting = list(run_ids)
        while waiting:
            some = waiting[: self._runs_at_once]
            points = await self._bulk(key, some) if self._is_quick else None
            if points is None:
                found += [(run_id, await self._paged(run_id, key)) for run_id in some]
            elif len(points) < MOST_POINTS:
                found += _by_run(key, points)
            elif len(some) == 1:
                found.append((some[0], await self._paged(some[0], key)))
            else:
                self._runs_at_once = max(1, min(self._runs_at_once, len(some) // 2))
                continue
            del waiting[: len(some)]
        return found

    async def _bulk(self, key: str, run_ids: Sequence[str]) -> list[dict[str, Any]] | None:
        """Return points of one metric of some runs; None where the server does not know the call."""
        params = {"run_id": list(run_ids), "metric_key": key, "max_results": MOST_POINTS}
        try:
            async with self._turns:
                told = await self._calls.get(BULK, f"the points of {key!r}", params)
        except NotSupported:
            self._is_quick = False
            return None
        points: list[dict[str, Any]] = told["metrics"]
        return points

    async def _paged(self, run_id: str, key: str) -> History:
        what, points, token = f"the points of {key!r} of the run {run_id}", [], ""
        while True:
            asked = tracking.GetMetricHistory(
                run_id=run_id, metric_key=key, max_results=MOST_POINTS, page_token=token or None
            )
            async with self._turns:
                told = await self._calls.send(asked, what)
            points += told.metrics
            token = told.next_page_token
            if not token:
                (history,) = _histories(key, [len(points)], _columns(points, attrgetter))
                return history


async def _together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all of them at the same time; when one fails, the others are given up."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _by_run(key: str, points: Sequence[dict[str, Any]]) -> list[tuple[str, History]]:
    """Return the histories of an answer, which tells the points of one run after those of another."""
    runs = [(run_id, sum(1 for _ in its)) for run_id, its in groupby(map(_RUN, points))]
    found = _histories(key, [count for _, count in runs], _columns(points, itemgetter))
    return [(run_id, history) for (run_id, _), history in zip(runs, found, strict=True)]


def _columns(points: Sequence[Any], getter: Callable[[str], Callable[[Any], Any]]) -> "list[NDArray[Any]]":
    return [np.fromiter(map(getter(name), points), kind, len(points)) for name, kind in _COLUMNS]


def _histories(key: str, counts: Sequence[int], columns: "Sequence[NDArray[Any]]") -> list[History]:
    """Put the points of several runs in order, which stand one run after another: so many of each.

    All at once, because most series are so short that one by one the calls would cost more than the work.
    """
    steps, times, values = columns
    values = np.where(np.abs(values) == _LARGEST, np.copysign(np.inf, values), values)
    lengths = np.array(counts, np.int64)
    order = np.lexsort((times, steps, np.repeat(np.arange(len(lengths)), lengths)))
    steps, times, values = steps[order], times[order], values[order]
    parts = [slice(end - count, end) for end, count in zip(np.cumsum(lengths).tolist(), counts, strict=True)]
    return [History(key, steps[part], times[part], values[part]) for part in parts]
