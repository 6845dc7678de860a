"""Compaction: packs points that lie as rows into blocks, and small neighbouring blocks into larger ones.

Each run is a transaction of its own, under the lock that ingestion takes too: whenever it is stopped, what is stored is
the same points, more or less packed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final
from uuid import UUID

from maestro.db.engine import Database, Transaction
from maestro.db.points import Place, read_blobs, read_headers, read_hot
from maestro.db.rows import Row
from maestro.db.tables.enums import RunStatus
from maestro.points import BLOCK_POINTS, DamagedBlock, PointColumns, UnknownCodec, decode
from maestro.progress import Progress, untold
from maestro.telemetry import ingest as families
from ops import blocks, layout

logger = logging.getLogger(__name__)

MOST_SERIES: Final = 200
"""So many series are packed in one transaction, which keeps it short and small."""

_ENDED: Final = [status.value for status in RunStatus if status.is_terminal]
# Small blocks are looked for only where they come from: in runs that log, or did until an hour ago.
_DUE: Final = """
    WITH hot AS (
        SELECT series_id, count(*) AS n FROM metric_hot GROUP BY series_id
    ), recent AS (
        SELECT id FROM run WHERE status <> ALL($1) OR ended_at > now() - interval '1 hour'
    ), small AS (
        SELECT b.series_id FROM recent JOIN metric_series s ON s.run_id = recent.id
        JOIN metric_block b ON b.series_id = s.id AND b.n <= $2
        GROUP BY b.series_id HAVING count(*) > 1
    )
    SELECT r.id, r.organization_id, array_agg(s.id ORDER BY s.id) AS series
    FROM metric_series s JOIN run r ON r.id = s.run_id LEFT JOIN hot ON hot.series_id = s.id
    WHERE s.id IN (SELECT series_id FROM hot UNION SELECT series_id FROM small)
        AND (hot.n >= $3 OR r.status = ANY($1) OR s.id IN (SELECT series_id FROM small))
    GROUP BY r.id ORDER BY r.id
"""
_LOCK: Final = "SELECT id FROM run WHERE id = $1 FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a round of compaction has done: in how many series, and how many blocks of how many points it wrote."""

    series: int = 0
    blocks: int = 0
    points: int = 0

    def __add__(self, other: "Compacted") -> "Compacted":
        return Compacted(self.series + other.series, self.blocks + other.blocks, self.points + other.points)


async def compact(db: Database, *, progress: Progress = untold) -> Compacted:
    """Pack what is due, over all organisations: series with 512 rows or more, those of ended runs, small blocks.

    Safe beside ingestion and beside another compaction, and may be stopped at any point.
    """
    done = Compacted()
    runs = await db.fetch_sql(_DUE, _ENDED, BLOCK_POINTS // 2, layout.SEAL_POINTS)
    for number, run in enumerate(runs):
        progress("Packing points", number, len(runs), unit="runs")
        for start in range(0, len(run.series), MOST_SERIES):
            try:
                done += await _pack_together(db, run, run.series[start : start + MOST_SERIES])
            except (DamagedBlock, UnknownCodec) as error:
                logger.warning("Points of run %s stay unpacked: %s", run.id, error)
    families.COMPACTIONS.add()
    families.COMPACTED.add((), done.points)
    return done


async def _pack_together(db: Database, run: Row, series: Sequence[UUID]) -> Compacted:
    async with db.transaction() as tx:
        await tx.fetch_sql(_LOCK, run.id)
        return await _pack(tx, series, run.organization_id)


async def _pack(tx: Transaction, series: Sequence[UUID], organization: UUID) -> Compacted:
    """Pack series of one run, which is locked."""
    headers, hot = await read_headers(tx, series), await read_hot(tx, series)
    packs = {key: layout.packed(layout.Stored(headers.get(key, ()), hot.get(key))) for key in series}
    places = [
        (key, piece.step0)
        for key, groups in packs.items()
        for piece in chain.from_iterable(groups)
        if not isinstance(piece, PointColumns)
    ]
    blobs = await read_blobs(tx, places)
    read = {(key, step0): decode(codec, data) for (key, step0, _), (codec, data) in blobs.items()}
    changes = {key: _change(key, groups, read) for key, groups in packs.items() if groups}
    await blocks.write(tx, changes, dict.fromkeys(changes, organization))
    made = [block for change in changes.values() for block in change.blocks]
    return Compacted(len(changes), len(made), sum(map(len, made)))


def _change(series: UUID, groups: list[list[layout.Piece]], read: Mapping[Place, PointColumns]) -> layout.Change:
    change = layout.Change()
    for group in groups:
        parts = []
        for piece in group:
            if isinstance(piece, PointColumns):
                change.dropped_rows.append((int(piece.steps[0]), int(piece.steps[-1])))
                parts.append(piece)
            else:
                change.dropped_blocks.append(piece.step0)
                parts.append(read[series, piece.step0])
        change.blocks.append(PointColumns.merged(parts))
    return change
