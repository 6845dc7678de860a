"""Series of ended runs: their points as sealed blocks, and what is known of them without reading any."""

import math
from functools import reduce
from typing import NamedTuple
from uuid import UUID

from maestro.db.tables import MetricBlock, MetricSeries
from maestro.points import CODEC, PointColumns, Summary, encode, pack_bins, summarise
from maestro.series_names import SeriesName
from ops.seeding.rows import Rows, key_at


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
    is_finite = math.isfinite(summary.v_last)
    rows.add(
        MetricSeries,
        id=key,
        project_id=place.project_id,
        run_id=place.run_id,
        key_id=place.key_id,
        context_hash=place.name.context_hash,
        context=dict(place.name.context),
        n=summary.n,
        nonfinite=summary.nonfinite,
        step_first=summary.step0,
        step_last=summary.step1,
        v_last=summary.v_last if is_finite else None,
        last_mark=None if is_finite else _mark(summary.v_last),
        v_min=summary.v_min,
        v_max=summary.v_max,
        step_min=summary.step_min,
        step_max=summary.step_max,
        v_sum=summary.v_sum,
    )


def _add_block(rows: Rows, series: UUID, points: PointColumns) -> Summary:
    summary = summarise(points)
    header = {name: getattr(summary, name) for name in Summary.__slots__}
    rows.add(MetricBlock, series_id=series, **header, codec=CODEC, bins=pack_bins(points), data=encode(points))
    return summary


def _mark(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
