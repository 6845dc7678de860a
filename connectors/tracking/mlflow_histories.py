"""All points of metrics from an MLflow server, many runs at once where it can do that.

The server is asked for one metric of up to a hundred runs by a request, as its own pages do: that costs it a fifth to a
tenth of what the calls of one series cost. An answer holds at most 25,000 points; one that is full is asked for again
in halves, and a single series that long page by page.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeVar

import numpy as np

from connectors.tracking.capability import History, TrackedRun
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_library import tracking
from maestro.vendor_errors import NotSupported

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
            points += [(one.step, one.timestamp, one.value) for one in told.metrics]
            token = told.next_page_token
            if not token:
                return _history(key, points)


async def _together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all of them at the same time; when one fails, the others are given up."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _by_run(key: str, points: Iterable[dict[str, Any]]) -> list[tuple[str, History]]:
    return [
        (run_id, _history(key, [(one["step"], one["timestamp"], one["value"]) for one in its]))
        for run_id, its in groupby(points, _RUN)
    ]


def _history(key: str, points: Sequence[tuple[int, int, float]]) -> History:
    steps = np.fromiter((point[0] for point in points), np.int64, len(points))
    times = np.fromiter((point[1] for point in points), np.int64, len(points))
    values = np.fromiter((point[2] for point in points), np.float64, len(points))
    values = np.where(np.abs(values) == _LARGEST, np.copysign(np.inf, values), values)
    order = np.lexsort((times, steps))
    return History(key, steps[order], times[order], values[order])
