"""Loaders of comparisons: the params and metrics of several runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dataloaders.base import Loader
from dataloaders.metrics import RunSeries, SeriesByRun, series_name
from dataloaders.params import ParamsByRun
from dataloaders.runs import RunById
from maestro.access import Permission
from maestro.db.rows import Row

RunIds = tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs, in the order in which they were asked for."""

    ids: RunIds
    runs: list[Row]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What several runs have under one key, one row or None a run; `first` is the first row that is there."""

    first: Row
    rows: list[Row | None]


class ComparisonByIds(Loader[RunIds, Comparison]):
    """Runs to compare; NotFound when one of them does not exist."""

    needs = Permission.EXPERIMENT_READ
    reads = RunById.reads

    async def fetch(self, keys: Sequence[RunIds]) -> list[Comparison | Exception]:
        """Return the runs of each comparison."""
        wanted = list(dict.fromkeys(key for ids in keys for key in ids))
        found = dict(zip(wanted, await RunById(self.db, self.viewer).fetch(wanted), strict=True))
        return [_comparison(ids, [found[key] for key in ids]) for ids in keys]


class ParamsCompared(Loader[RunIds, list[SideBySide]]):
    """The params of several runs by their keys, sorted by key."""

    needs = Permission.EXPERIMENT_READ
    reads = ParamsByRun.reads

    async def fetch(self, keys: Sequence[RunIds]) -> list[list[SideBySide] | Exception]:
        """Return the params of each comparison."""
        wanted = [(key, "") for key in dict.fromkeys(key for ids in keys for key in ids)]
        answers = await ParamsByRun(self.db, self.viewer).fetch(wanted)
        params = {key: rows for (key, _), rows in zip(wanted, answers, strict=True) if not isinstance(rows, Exception)}
        return [_side_by_side(ids, {key: {row.key: row for row in params[key]} for key in ids}) for ids in keys]


class MetricsCompared(Loader[RunIds, list[SideBySide]]):
    """The metric series of several runs by key and context, sorted by both."""

    needs = Permission.EXPERIMENT_READ
    reads = SeriesByRun.reads

    async def fetch(self, keys: Sequence[RunIds]) -> list[list[SideBySide] | Exception]:
        """Return the series of each comparison."""
        wanted: list[RunSeries] = [(key, None) for key in dict.fromkeys(key for ids in keys for key in ids)]
        answers = await SeriesByRun(self.db, self.viewer).fetch(wanted)
        series = {key: rows for (key, _), rows in zip(wanted, answers, strict=True) if not isinstance(rows, Exception)}
        named = {key: {_place(row): row for row in rows} for key, rows in series.items()}
        return [_side_by_side(ids, named) for ids in keys]


def _comparison(ids: RunIds, found: list[Row | Exception]) -> Comparison | Exception:
    problem = next((row for row in found if isinstance(row, Exception)), None)
    return problem or Comparison(ids, [row for row in found if not isinstance(row, Exception)])


def _place(row: Row) -> tuple[str, tuple[tuple[str, str], ...]]:
    name = series_name(row)
    return name.key, name.context


def _side_by_side(ids: RunIds, found: Mapping[UUID, Mapping[Any, Row]]) -> list[SideBySide]:
    columns = [found.get(key, {}) for key in ids]
    keys = sorted({key for column in columns for key in column})
    rows = [[column.get(key) for column in columns] for key in keys]
    return [SideBySide(next(row for row in each if row is not None), each) for each in rows]
