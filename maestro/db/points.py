"""Stored points read back: headers of blocks, blobs, and the rows that are not in a block yet."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np

from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.points import PointColumns

Place = tuple[UUID, int]
"""A block: its series and its first step."""

_HEADERS: Final = """
    SELECT series_id, organization_id, step0, step1, n, t_min, t_max, v_min, v_max, step_min, step_max, v_sum, v_first,
           v_last, nonfinite
    FROM metric_block WHERE series_id = ANY($1) ORDER BY series_id, step0
"""
_HOT: Final = """
    SELECT series_id, array_agg(step ORDER BY step) AS steps, array_agg(t_ms ORDER BY step) AS times,
           array_agg(value ORDER BY step) AS values
    FROM metric_hot WHERE series_id = ANY($1) GROUP BY series_id
"""
_BLOBS: Final = """
    SELECT series_id, step0, codec, CASE WHEN wanted.is_bins THEN bins ELSE data END AS blob, wanted.is_bins
    FROM unnest($1::uuid[], $2::bigint[], $3::bool[]) AS wanted (id, step, is_bins)
    JOIN metric_block ON series_id = wanted.id AND step0 = wanted.step
"""


async def read_headers(tx: Transaction, series: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Return the blocks of each series by their steps, without the blobs."""
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.fetch_sql(_HEADERS, series):
        found[row.series_id].append(row)
    return found


async def read_hot(tx: Transaction, series: Sequence[UUID]) -> dict[UUID, PointColumns]:
    """Return the points that are in no block, of those series that have some."""
    return {row.series_id: columns_of(row) for row in await tx.fetch_sql(_HOT, series)}


async def read_blobs(
    tx: Transaction, data: Iterable[Place], bins: Iterable[Place] = ()
) -> dict[tuple[UUID, int, bool], tuple[int, bytes]]:
    """Return codec and bytes of blocks by series, first step and whether they are the bins; no statement for none."""
    wanted = [(*place, False) for place in data] + [(*place, True) for place in bins]
    if not wanted:
        return {}
    rows = await tx.fetch_sql(_BLOBS, *map(list, zip(*wanted, strict=True)))
    return {(row.series_id, row.step0, row.is_bins): (row.codec, row.blob) for row in rows}


def columns_of(row: Any) -> PointColumns:
    """Return the points of a row that holds them as the arrays `steps`, `times` and `values`."""
    return PointColumns(
        np.array(row.steps, np.int64), np.array(row.times, np.int64), np.array(row["values"], np.float64)
    )
