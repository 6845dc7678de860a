"""Series of ended runs: their points as sealed blocks, and what is known of them without reading any."""

from functools import reduce
from typing import NamedTuple
from uuid import UUID

from maestro.db.tables import MetricBlock, MetricSeries
from maestro.points import CODEC, PointColumns, Summary, encode, pack_bins, summarise
from maestro.series_names import SeriesName
from ops.seeding.rows import Rows, key_at
from ops.series import columns_of


class Place(NamedTuple):
    """The run that a series belongs to, its project, and the key and context that it is of."""

    project_id: UUID
    run_id: UUID
    key_id: UUID
    name: SeriesName


def add_series(rows: Rows, place: Place, points: PointColumns) -> None:
    """Add a series with all its points."""
    key = key_at(int(points.timestamps_ms[0]))
    summary = reduce(Summary.merged, [_add_block(rows, key, block) for block in points.blocks()])
    rows.add(
        MetricSeries,
        id=key,
        project_id=place.project_id,
        run_id=place.run_id,
        key_id=place.key_id,
        context_hash=place.name.context_hash,
        context=dict(place.name.context),
        **columns_of(summary),
    )


def _add_block(rows: Rows, series: UUID, points: PointColumns) -> Summary:
    summary = summarise(points)
    header = {name: getattr(summary, name) for name in Summary.__slots__}
    rows.add(MetricBlock, series_id=series, **header, codec=CODEC, bins=pack_bins(points), data=encode(points))
    return summary
