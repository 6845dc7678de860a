"""Loader of points gathered into buckets, as a chart shows them."""

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from dataloaders.base import Loader
from maestro.access import Permission
from maestro.cache import tags_of
from maestro.db.engine import Transaction
from maestro.db.points import Place, read_blobs, read_headers, read_hot
from maestro.db.rows import Row
from maestro.db.tables import MetricSeries, Run
from maestro.errors import InvalidInput
from maestro.points import (
    Axis,
    Cells,
    DamagedBlock,
    Level,
    PointColumns,
    ReadPlan,
    Sampled,
    UnknownCodec,
    decode,
    plan_read,
    sample,
    unpack_bins,
)

logger = logging.getLogger(__name__)

DEFAULT_BUCKETS: Final = 500
MOST_BUCKETS: Final = 10_000
_FARTHEST: Final = 2**62
_CELL_COLUMNS: Final = ("n", "v_min", "v_max", "v_sum", "v_first", "v_last", "nonfinite")

Blobs = Mapping[tuple[UUID, int, bool], tuple[int, bytes]]


class XAxis(StrEnum):
    """What a chart's x is."""

    STEP = "STEP"
    TIME = "TIME"
    RELATIVE_TIME = "RELATIVE_TIME"

    @property
    def axis(self) -> Axis:
        """What points are placed by."""
        return Axis.STEP if self is XAxis.STEP else Axis.TIME


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """How many buckets, over which part of which axis; the whole series where a bound is None."""

    buckets: int = DEFAULT_BUCKETS
    low: float | None = None
    high: float | None = None
    x_axis: XAxis = XAxis.STEP

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= MOST_BUCKETS:
            raise InvalidInput(
                f"{self.buckets} buckets; 1 to {MOST_BUCKETS:,} are possible.", field="buckets", limit=MOST_BUCKETS
            )
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidInput(f"from is {self.low}, to is {self.high}: nothing is between them.", field="from")


class SampledBySeries(Loader[tuple[UUID, SampleRequest], Sampled]):
    """Series gathered into buckets: at most four statements, whatever the number of series."""

    needs = Permission.EXPERIMENT_READ
    reads = tags_of(MetricSeries, Run)

    async def fetch(self, keys: Sequence[tuple[UUID, SampleRequest]]) -> list[Sampled | Exception]:
        """Return the buckets of each series; none for one of another organisation."""
        async with self.db.snapshot() as tx:
            readings = await self._readings(tx, keys)
            data = {place for reading in readings for place in reading.wanted_data}
            bins = {place for reading in readings for place in reading.wanted_bins}
            blobs = await read_blobs(tx, data, bins)
        return [reading.sampled(blobs) for reading in readings]

    async def _readings(self, tx: Transaction, keys: Sequence[tuple[UUID, SampleRequest]]) -> list["_Reading"]:
        starts = await tx.fetch_sql(_STARTS, list({series for series, _ in keys}), self.organization_id)
        origins = {row.id: row.start_ms for row in starts}
        headers, hot = await read_headers(tx, list(origins)), await read_hot(tx, list(origins))
        return [
            _Reading(
                request=request,
                headers=headers.get(series, []),
                hot=hot.get(series),
                origin=origins.get(series, 0) if request.x_axis is XAxis.RELATIVE_TIME else 0,
            )
            for series, request in keys
        ]


_STARTS: Final = """
    SELECT s.id, (extract(epoch FROM coalesce(r.started_at, r.created_at)) * 1000)::bigint AS start_ms
    FROM metric_series s JOIN run r ON r.id = s.run_id WHERE s.id = ANY($1) AND s.organization_id = $2
"""


@dataclass(kw_only=True)
class _Reading:
    """One request for one series: what has to be read for it, and the answer made from that."""

    request: SampleRequest
    headers: list[Row]
    hot: PointColumns | None
    origin: int

    @property
    def axis(self) -> Axis:
        return self.request.x_axis.axis

    @cached_property
    def blocks(self) -> Cells:
        ends = ("step0", "step1") if self.axis is Axis.STEP else ("t_min", "t_max")
        return Cells.of_rows([[row[name] for name in (*ends, *_CELL_COLUMNS)] for row in self.headers])

    @cached_property
    def recent(self) -> Cells:
        return Cells.of_rows([]) if self.hot is None else Cells.of_points(self.hot, self.axis)

    @cached_property
    def between(self) -> tuple[int, int]:
        known = Cells.joined([self.blocks, self.recent])
        low, high = self.request.low, self.request.high
        first = int(known.x0.min()) if len(known) else 0
        last = int(known.x1.max()) if len(known) else 0
        return (
            first if low is None else _whole(math.ceil(low), self.origin),
            last if high is None else _whole(math.floor(high), self.origin),
        )

    @cached_property
    def plan(self) -> ReadPlan:
        cells = self.blocks
        return plan_read(cells.x0, cells.x1, cells.n, between=self.between, buckets=self.request.buckets)

    @property
    def wanted_data(self) -> list[Place]:
        return self._places(self.plan.cut) + (self._places(self.plan.whole) if self.plan.level is Level.POINTS else [])

    @property
    def wanted_bins(self) -> list[Place]:
        return self._places(self.plan.whole) if self.plan.level is Level.BINS else []

    def _places(self, chosen: Any) -> list[Place]:
        return [(self.headers[i].series_id, self.headers[i].step0) for i in chosen]

    def sampled(self, blobs: Blobs) -> Sampled:
        data, lost_data = _cells([(p, *blobs[*p, False]) for p in self.wanted_data], is_bins=False, axis=self.axis)
        bins, lost_bins = _cells([(p, *blobs[*p, True]) for p in self.wanted_bins], is_bins=True, axis=self.axis)
        whole = [self.blocks[self.plan.whole]] if self.plan.level is Level.BLOCKS else []
        lost = lost_data | lost_bins
        missing = sum(row.n for row in self.headers if (row.series_id, row.step0) in lost)
        cells = Cells.joined([self.recent, *whole, *data, *bins])
        found = sample(cells, self.request.buckets, between=self.between, missing=missing)
        return replace(found, x=found.x - self.origin)


def _cells(blobs: list[tuple[Place, int, bytes]], *, is_bins: bool, axis: Axis) -> tuple[list[Cells], set[Place]]:
    """Return the cells of blocks, and which blocks cannot be read."""
    if is_bins:
        # Bins are small: reading those of all blocks at once is what makes a long series quick.
        with suppress(DamagedBlock, UnknownCodec):
            return [unpack_bins([(codec, blob) for _, codec, blob in blobs], axis)], set()
    cells, lost = [], set()
    for place, codec, blob in blobs:
        try:
            cells.append(unpack_bins([(codec, blob)], axis) if is_bins else Cells.of_points(decode(codec, blob), axis))
        except (DamagedBlock, UnknownCodec) as error:
            logger.warning("The block of series %s from step %d is left out of a chart: %s", *place, error)
            lost.add(place)
    return cells, lost


def _whole(bound: int, origin: int) -> int:
    """Return a bound as an integer that numpy can hold."""
    return max(-_FARTHEST, min(_FARTHEST, bound + origin))
