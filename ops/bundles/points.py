"""The points of all series of a project as one file of Parquet, however they are stored, and back."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from io import BufferedIOBase
from itertools import pairwise
from typing import IO, Any, Final
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from maestro.db.engine import Transaction
from maestro.db.points import read_blobs, read_headers, read_hot
from maestro.points import PointColumns, decode
from ops import blocks, layout
from ops.bundles.rows import OPTIONS

SERIES: Final = 500
"""Series that are looked at together."""
MOST_BLOCKS: Final = 256
"""Blocks that are in memory at a time, a million points."""
GROUP: Final = 2**20
"""Points of a group of the file."""
_SCHEMA: Final = pa.schema(
    [
        pa.field("series", pa.int64()),
        pa.field("step", pa.int64()),
        pa.field("time_ms", pa.int64()),
        pa.field("value", pa.float64()),
    ]
)


async def write_points(tx: Transaction, series: Sequence[UUID], file: BufferedIOBase) -> int:
    """Write the points of series, named by their places in the sequence, and return how many they are."""
    count = 0
    gathered: list[tuple[int, PointColumns]] = []
    with pq.ParquetWriter(file, _SCHEMA, **OPTIONS) as writer:
        async for place, points in _points(tx, series):
            gathered.append((place, points))
            count += len(points)
            # Groups are cut by the points alone: how they lie in blocks must not be seen.
            while sum(len(part) for _, part in gathered) >= GROUP:
                gathered = _write_group(writer, gathered)
        if gathered:
            _write_group(writer, gathered)
    return count


def _write_group(writer: Any, gathered: list[tuple[int, PointColumns]]) -> list[tuple[int, PointColumns]]:
    """Write one group, and return what is left for the next."""
    columns = _joined(gathered)
    writer.write_table(pa.table([one[:GROUP] for one in columns], schema=_SCHEMA), row_group_size=GROUP)
    written, left = 0, []
    for place, points in gathered:
        if written + len(points) > GROUP:
            left.append((place, points[max(GROUP - written, 0) :]))
        written += len(points)
    return left


def _joined(gathered: list[tuple[int, PointColumns]]) -> list[Any]:
    return [
        np.concatenate([np.full(len(points), place, np.int64) for place, points in gathered]),
        np.concatenate([points.steps for _, points in gathered]),
        np.concatenate([points.timestamps_ms for _, points in gathered]),
        np.concatenate([points.values for _, points in gathered]),
    ]


async def _points(tx: Transaction, series: Sequence[UUID]) -> AsyncIterator[tuple[int, PointColumns]]:
    """Yield the points of each series, by series and step, a part at a time."""
    for start in range(0, len(series), SERIES):
        some = series[start : start + SERIES]
        headers, hot = await read_headers(tx, some), await read_hot(tx, some)
        for place, key in enumerate(some, start):
            its, rows = headers.get(key, []), hot.get(key)
            is_behind = not its or rows is None or bool(rows.steps[0] > its[-1].step1)
            # Points that have come late lie among those of blocks, for a while.
            for part in _parts([one.step0 for one in its], MOST_BLOCKS if is_behind else len(its)):
                found = await read_blobs(tx, [(key, step) for step in part])
                blocks_of_part = [decode(*found[key, step, False]) for step in part]
                yield (
                    place,
                    PointColumns.merged(blocks_of_part if is_behind or rows is None else [*blocks_of_part, rows]),
                )
            if rows is not None and is_behind:
                yield place, rows


def _parts(steps: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(steps), max(most, 1)):
        yield steps[start : start + most]


async def read_points(tx: Transaction, series: Sequence[UUID], file: IO[bytes], *, organization_id: UUID) -> int:
    """Store the points of a file, and return how many they are."""
    parquet, count = pq.ParquetFile(file), 0
    for group in range(parquet.num_row_groups):
        table = parquet.read_row_group(group)
        places, steps, times, values = (table.column(name).to_numpy() for name in _SCHEMA.names)
        starts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
        changes = {
            series[int(places[low])]: layout.appended(
                PointColumns(steps[low:high], times[low:high], values[low:high]), seals=True
            )
            for low, high in pairwise(starts)
        }
        await blocks.write(tx, changes, defaultdict(lambda: organization_id))
        count += table.num_rows
    return count
