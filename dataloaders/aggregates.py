"""Groups of an experiment's runs by a param, a tag or a field, with the aggregates of a metric over each group."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Double, Numeric, and_, cast, func, select, true
from sqlalchemy.sql.selectable import FromClause

from dataloaders.base import KEYS, Loader
from dataloaders.conditions import AGGREGATES
from maestro.access import Permission
from maestro.cache import tags_of
from maestro.db.rows import Row
from maestro.db.tables import MetricKey, MetricSeries, Param, Run
from maestro.filters import Aggregate
from maestro.series_names import SeriesName

MOST_GROUPS: Final = 1000

_RUN = Run.__table__


class GroupSource(StrEnum):
    """Where the value lies that runs are grouped by."""

    FIELD = "field"
    PARAM = "param"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Grouping:
    """What to group by, a field's column or the key of a param or tag, and the metric to aggregate."""

    source: GroupSource
    key: str
    metric: str | None = None
    aggregate: Aggregate = Aggregate.LAST


class RunGroups(Loader[tuple[UUID, Grouping], list[Row]]):
    """The groups of an experiment's runs, the largest 1,000 first; those without the param or tag have a null value.

    A row has `value`, `run_count`, and of the metric `n`, `least`, `greatest` and `mean`, null without one.
    """

    needs = Permission.EXPERIMENT_READ
    reads = tags_of(Run, Param, MetricKey, MetricSeries)

    async def fetch(self, keys: Sequence[tuple[UUID, Grouping]]) -> list[list[Row] | Exception]:
        """Return the groups of each experiment, one statement for all experiments grouped alike."""
        experiments: dict[Grouping, list[UUID]] = defaultdict(list)
        for experiment_id, grouping in dict.fromkeys(keys):
            experiments[grouping].append(experiment_id)
        found: dict[tuple[UUID, Grouping], list[Row]] = defaultdict(list)
        for grouping, wanted in experiments.items():
            for row in await self.db.fetch(self._query(grouping), keys=wanted):
                found[row["_scope"], grouping].append(row)
        return [found[key] for key in keys]

    def _query(self, grouping: Grouping) -> Any:
        wanted = func.unnest(KEYS).table_valued("key", name="wanted").render_derived()
        source, value = _grouped(grouping)
        source, metric = _measured(source, grouping)
        groups = (
            select(value.label("value"), func.count().label("run_count"), *metric)
            .select_from(source)
            .where(
                _RUN.c.experiment_id == wanted.c.key,
                _RUN.c.organization_id == self.organization_id,
                _RUN.c.deleted_at.is_(None),
            )
            .group_by("value")
            .order_by(func.count().desc(), "value")
            .limit(MOST_GROUPS)
            .lateral("groups")
        )
        return select(wanted.c.key.label("_scope"), *groups.c).select_from(wanted.join(groups, true()))


def _grouped(grouping: Grouping) -> tuple[FromClause, Any]:
    """Return the runs with what they are grouped by, and the value of it."""
    match grouping.source:
        case GroupSource.FIELD:
            return _RUN, _RUN.c[grouping.key]
        case GroupSource.TAG:
            return _RUN, _RUN.c.tags[grouping.key].astext
        case GroupSource.PARAM:
            param = Param.__table__
            same = and_(param.c.run_id == _RUN.c.id, param.c.key == grouping.key)
            return _RUN.outerjoin(param, same), param.c.text


def _measured(source: FromClause, grouping: Grouping) -> tuple[FromClause, list[Any]]:
    """Return the runs with the metric's values, and the aggregates of them."""
    if grouping.metric is None:
        return source, []
    name = SeriesName.parse(grouping.metric)
    key, series = MetricKey.__table__, MetricSeries.__table__
    source = source.outerjoin(key, and_(key.c.project_id == _RUN.c.project_id, key.c.name == name.key)).outerjoin(
        series,
        and_(series.c.run_id == _RUN.c.id, series.c.key_id == key.c.id, series.c.context_hash == name.context_hash),
    )
    value = series.c[AGGREGATES[grouping.aggregate]]
    # A sum of floats can leave their range where their mean cannot.
    mean = cast(func.avg(cast(value, Numeric)), Double)
    return source, [
        func.count(value).label("n"),
        func.min(value).label("least"),
        func.max(value).label("greatest"),
        mean.label("mean"),
    ]
