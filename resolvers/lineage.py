"""Use cases of lineage: the arrows between objects, drawn by whoever makes or uses one of them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.tables.enums import LineageKind
from maestro.ids import Kind
from resolvers.writing import Writer

Place = tuple[Kind, UUID]

_DRAW: Final = """
INSERT INTO lineage_edge (id, organization_id, from_type, from_id, to_type, to_id, kind, run_id)
SELECT origin.edge_id, $1, origin.type, origin.id, $2, $3, $4, $5
FROM unnest($6::uuid[], $7::text[], $8::uuid[]) AS origin(edge_id, type, id)
ON CONFLICT (from_id, to_id, kind) DO NOTHING
"""


async def link(writer: Writer, *, origin: Place, target: Place, kind: LineageKind, run_id: UUID | None = None) -> None:
    """Draw an arrow from where something came from to where it went; drawing it again changes nothing.

    Both objects belong to the viewer's organisation: whoever links them has read them there.
    """
    await _draw(writer, [origin], target=target, kind=kind, run_id=run_id)


async def inherit(writer: Writer, *, run_id: UUID, target: Place) -> None:
    """Say of what a run made that it was trained on everything that the run has used so far."""
    used = await writer.tx.fetch_sql(
        "SELECT from_type, from_id FROM lineage_edge WHERE organization_id = $1 AND to_id = $2 AND kind = $3",
        writer.ctx.organization_id,
        run_id,
        LineageKind.USED,
    )
    origins = [(Kind[row.from_type], row.from_id) for row in used]
    await _draw(writer, origins, target=target, kind=LineageKind.TRAINED_ON, run_id=run_id)


async def _draw(
    writer: Writer, origins: Sequence[Place], *, target: Place, kind: LineageKind, run_id: UUID | None
) -> None:
    await writer.tx.fetch_sql(
        _DRAW,
        writer.ctx.organization_id,
        target[0].name,
        target[1],
        kind,
        run_id,
        [uuid7() for _ in origins],
        [origin.name for origin, _ in origins],
        [key for _, key in origins],
    )
