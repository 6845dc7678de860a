"""The best run of an experiment: the first of its list when it is sorted by a metric."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dataloaders.base import Loader
from dataloaders.catalogue import Sort
from dataloaders.lists import Listing, PageRequest
from dataloaders.paging import Page, Window
from dataloaders.runs import RunsByExperiment
from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables.enums import MetricDirection
from maestro.errors import InvalidInput
from maestro.filters import Aggregate, Comparison, Operator, Space, Target
from maestro.series_names import SeriesName

DIRECTIONS = """
SELECT e.id, k.name, k.direction FROM experiment e JOIN metric_key k ON k.project_id = e.project_id
WHERE e.id = ANY($1) AND k.name = ANY($2) AND e.organization_id = $3
"""


@dataclass(frozen=True, slots=True)
class Best:
    """By what a run is the best: a value of a metric; the direction is the metric's own unless given."""

    metric: str
    aggregate: Aggregate = Aggregate.LAST
    direction: MetricDirection | None = None


class BestRunByExperiment(Loader[tuple[UUID, Best], Row | None]):
    """The run of an experiment with the best value of a metric; None when no run has one."""

    needs = Permission.EXPERIMENT_READ
    reads = RunsByExperiment.reads  # which has the keys of metrics and the experiments too

    async def fetch(self, keys: Sequence[tuple[UUID, Best]]) -> list[Row | Exception | None]:
        """Return each best run; InvalidInput when neither the metric nor the caller knows what is better."""
        directions = await self._directions(keys)
        asked = {key: direction for key in keys if (direction := directions.get(key))}
        sortable = {key: direction for key, direction in asked.items() if direction is not MetricDirection.NONE}
        lists = RunsByExperiment(self.db, self.viewer)
        pages = await lists.fetch([(key[0], _request(key[1], sortable[key])) for key in sortable])
        found = dict(zip(sortable, map(_first, pages), strict=True))
        undirected = {key: _undirected(key[1]) for key in asked.keys() - sortable.keys()}
        return [found.get(key) or undirected.get(key) for key in keys]

    async def _directions(self, keys: Sequence[tuple[UUID, Best]]) -> dict[tuple[UUID, Best], MetricDirection]:
        """Return the direction of each key, none where the metric is unknown in the project."""
        given = {key: key[1].direction for key in keys if key[1].direction is not None}
        open_ = [key for key in keys if key not in given]
        if not open_:
            return given
        names = {SeriesName.parse(best.metric).key for _, best in open_}
        rows = await self.db.fetch_sql(DIRECTIONS, [key for key, _ in open_], list(names), self.organization_id)
        known = {(row.id, row.name): MetricDirection(row.direction) for row in rows}
        own = {key: known.get((key[0], SeriesName.parse(key[1].metric).key)) for key in open_}
        return given | {key: direction for key, direction in own.items() if direction is not None}


def _request(best: Best, direction: MetricDirection) -> PageRequest:
    target = Target(Space.METRICS, best.metric, best.aggregate)
    # True of every finite value and of nothing else, so that the index on the values gives the order.
    has_value = Comparison(target, Operator.GE, -sys.float_info.max)
    order = Sort(target, is_descending=direction is MetricDirection.MAXIMIZE)
    return PageRequest(Listing(has_value, (order,)), Window(size=1))


def _first(page: Page | Exception) -> Row | Exception | None:
    if isinstance(page, Exception):
        return page
    return page.rows[0] if page.rows else None


def _undirected(best: Best) -> InvalidInput:
    return InvalidInput(
        f"The metric {best.metric[:80]!r} does not say which way it gets better.",
        field="direction",
        hint="Pass MINIMIZE or MAXIMIZE, or set the direction of the metric key.",
    )
