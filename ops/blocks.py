"""Writes what changes among the stored points of many series: one statement a kind of change."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np

from maestro.db.engine import Transaction
from maestro.points import CODEC, PointColumns, Summary, encode, pack_bins, summarise
from maestro.threads import in_thread
from ops.layout import Change

MANY: Final = 64
"""So many blocks are packed in a thread."""
_HEADER: Final = Summary.__slots__
_DROP_BLOCKS: Final = """
    DELETE FROM metric_block b USING unnest($1::uuid[], $2::bigint[]) AS gone (id, step)
    WHERE b.series_id = gone.id AND b.step0 = gone.step
"""
_DROP_ROWS: Final = """
    DELETE FROM metric_hot h USING unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS gone (id, low, high)
    WHERE h.series_id = gone.id AND h.step BETWEEN gone.low AND gone.high
"""
_ADD_BLOCKS: Final = """
    INSERT INTO metric_block (series_id, organization_id, n, step0, step1, t_min, t_max, v_min, v_max, v_sum, v_first,
        v_last, nonfinite, step_min, step_max, bins, data, codec)
    SELECT made.*, $18 FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::bigint[],
        $14::bigint[], $15::bigint[], $16::bytea[], $17::bytea[]) AS made
"""
# Points name their series by its place: sixteen bytes for each of them would be half of what is sent.
_PUT_ROWS: Final = """
    INSERT INTO metric_hot (series_id, organization_id, step, t_ms, value)
    SELECT ($1::uuid[])[point.place], ($2::uuid[])[point.place], point.step, point.t_ms, point.value
    FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::float8[]) AS point (place, step, t_ms, value)
    ON CONFLICT (series_id, step) DO UPDATE SET t_ms = excluded.t_ms, value = excluded.value
"""


async def write(tx: Transaction, changes: Mapping[UUID, Change], organizations: Mapping[UUID, UUID]) -> None:
    """Make the changes of each series; `organizations` names whose each series is."""
    gone = [(series, step) for series, change in changes.items() for step in change.dropped_blocks]
    if gone:
        await tx.fetch_sql(_DROP_BLOCKS, *_columns(gone))
    moved = [(series, *steps) for series, change in changes.items() for steps in change.dropped_rows]
    if moved:
        await tx.fetch_sql(_DROP_ROWS, *_columns(moved))
    full = [(series, organizations[series], points) for series, change in changes.items() for points in change.blocks]
    if full:
        # Many would hold up whatever else this process does, at half a millisecond each.
        blocks = _packed(full) if len(full) < MANY else await in_thread(lambda _: _packed(full))
        await tx.fetch_sql(_ADD_BLOCKS, *_columns(blocks), CODEC)
    rows = {series: PointColumns.merged(change.rows) for series, change in changes.items() if change.rows}
    if rows:
        await _put_rows(tx, rows, organizations)


async def _put_rows(tx: Transaction, rows: Mapping[UUID, PointColumns], organizations: Mapping[UUID, UUID]) -> None:
    parts = list(rows.values())
    await tx.fetch_sql(
        _PUT_ROWS,
        list(rows),
        [organizations[series] for series in rows],
        np.repeat(np.arange(1, len(parts) + 1), [len(part) for part in parts]).tolist(),
        np.concatenate([part.steps for part in parts]).tolist(),
        np.concatenate([part.timestamps_ms for part in parts]).tolist(),
        np.concatenate([part.values for part in parts]).tolist(),
    )


def _packed(full: Iterable[tuple[UUID, UUID, PointColumns]]) -> list[tuple[Any, ...]]:
    return [_block(series, organization, points) for series, organization, points in full]


def _block(series: UUID, organization: UUID, points: PointColumns) -> tuple[Any, ...]:
    summary = summarise(points)
    return series, organization, *(getattr(summary, name) for name in _HEADER), pack_bins(points), encode(points)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
