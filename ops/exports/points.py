"""All points of all series of a run, as histories of other systems, which know no contexts."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from connectors.tracking.capability import History
from maestro.db.engine import Database
from maestro.db.points import read_blobs, read_headers, read_hot
from maestro.points import PointColumns, decode

_SERIES: Final = """
    SELECT s.id, k.name, s.context FROM metric_series s JOIN metric_key k ON k.id = s.key_id
    WHERE s.run_id = $1 AND s.organization_id = $2 ORDER BY k.name, s.context_hash
"""


async def histories_of(db: Database, run_id: UUID, *, organization_id: UUID) -> Sequence[History]:
    """Return the histories of a run; a series with a context is called like `accuracy/split/val`."""
    async with db.snapshot() as tx:
        rows = await tx.fetch_sql(_SERIES, run_id, organization_id)
        keys = [row.id for row in rows]
        headers, hot = await read_headers(tx, keys), await read_hot(tx, keys)
        blobs = await read_blobs(tx, [(key, header.step0) for key, its in headers.items() for header in its])
    parts: dict[UUID, list[PointColumns]] = {key: [] for key in keys}
    for (key, _, _), (codec, data) in blobs.items():
        parts[key].append(decode(codec, data))
    for key, points in hot.items():
        parts[key].append(points)
    return [_history(_name(row.name, row.context), parts[row.id]) for row in rows if parts[row.id]]


def _name(key: str, context: dict[str, str]) -> str:
    return "/".join([key, *(part for pair in sorted(context.items()) for part in pair)])


def _history(key: str, parts: Sequence[PointColumns]) -> History:
    points = PointColumns.merged(parts)
    return History(key, points.steps, points.timestamps_ms, points.values)
