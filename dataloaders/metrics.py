"""Loaders of metric keys and of the series of runs."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, any_, bindparam, or_, select

from dataloaders.base import KEYS, ORGANIZATION, ById, Grouped, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import MetricKey, MetricSeries
from maestro.errors import InvalidInput, NotFound
from maestro.series_names import SeriesName
from maestro.storable import UNSTORABLE

MOST_KEYS: Final = 200
RunSeries = tuple[UUID, tuple[str, ...] | None]
"""A run and the names of the series that are asked for, None for all of them."""

_NAMES = bindparam("names", type_=ARRAY(Text))


def _series(*conditions: Any) -> Select[Any]:
    key = MetricKey.__table__.c
    return (
        select(*MetricSeries.__table__.c, key.name, key.unit, key.direction)
        .join(MetricKey, key.id == MetricSeries.key_id)
        .where(MetricSeries.organization_id == ORGANIZATION, *conditions)
        .order_by(MetricSeries.run_id, key.name, MetricSeries.context, MetricSeries.id)
    )


class MetricKeyById(ById):
    """Metric keys by their id."""

    needs = Permission.EXPERIMENT_READ
    table = MetricKey


class MetricKeysByProject(Grouped):
    """The metric keys of projects by name."""

    needs = Permission.EXPERIMENT_READ
    table = MetricKey
    key = "project_id"
    order = ("name",)


class MetricSeriesById(Loader[UUID, Row]):
    """Series by their id, with name, unit and direction of their key."""

    needs = Permission.EXPERIMENT_READ
    statement = Statement(_series(MetricSeries.id == any_(KEYS)))

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each series."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such MetricSeries.") for key in keys]


class SeriesByRun(Loader[RunSeries, list[Row]]):
    """The series of runs by name and context, with name, unit and direction of their key.

    A name is that of a key for the series without a context, or like `accuracy{split=val}` for one with it.
    """

    needs = Permission.EXPERIMENT_READ
    statement = Statement(
        _series(MetricSeries.run_id == any_(KEYS), or_(_NAMES.is_(None), MetricKey.name == any_(_NAMES)))
    )

    async def fetch(self, keys: Sequence[RunSeries]) -> list[list[Row] | Exception]:
        """Return the rows of each run, an empty list where there are none."""
        parsed = {names: names if names is None else set(map(SeriesName.parse, names)) for _, names in keys}
        found: dict[UUID, list[Row]] = defaultdict(list)
        for row in await self.rows(self.statement, keys=list({run for run, _ in keys}), names=_wanted(parsed)):
            found[row.run_id].append(row)
        return [
            [row for row in found[run] if (wanted := parsed[names]) is None or series_name(row) in wanted]
            for run, names in keys
        ]


def series_name(row: Row) -> SeriesName:
    """Return the name of a series that was read with its key."""
    return SeriesName.of(row.name, row.context)


def mean(row: Row) -> float | None:
    """Return the mean of a series' finite values; None while there is none, and when their sum has left the range."""
    finite = row.n - row.nonfinite
    return row.v_sum / finite if finite and math.isfinite(row.v_sum) else None


def series_names(keys: Sequence[str] | None) -> tuple[str, ...] | None:
    """Check the names that a client asks for: at most 200, each a text that can be stored."""
    if keys is None:
        return None
    if len(keys) > MOST_KEYS:
        raise InvalidInput(
            f"{len(keys)} keys; at most {MOST_KEYS} can be asked for at once.",
            field="keys",
            limit=MOST_KEYS,
            hint="Leave keys out for all of them.",
        )
    if any(map(UNSTORABLE.search, keys)):
        raise InvalidInput("A key holds a NUL or half a character.", field="keys", hint="Remove it.")
    return tuple(keys)


def _wanted(parsed: dict[tuple[str, ...] | None, set[SeriesName] | None]) -> list[str] | None:
    """Return the names of all keys that are asked for, None where somebody asks for all series."""
    if None in parsed:
        return None
    return sorted({name.key for names in parsed.values() for name in names or ()})
