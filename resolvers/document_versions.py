"""Old versions of clients: builds register a version each, and nobody needs thousands of them told apart."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from resolvers.writing import Writer

KEPT: Final = 20
"""So many versions of a client are told apart for a document, the latest registered."""

# An id by which an old version names the document stays known by the last row that has it.
_FORGET: Final = """
    DELETE FROM document_client c USING (
        SELECT document_id, version, dense_rank() OVER (PARTITION BY document_id ORDER BY max(created_at) DESC, version)
            AS place
        FROM document_client WHERE organization_id = $1 AND name = $2 AND document_id = ANY($3)
        GROUP BY document_id, version
    ) known
    WHERE known.place > $4 AND c.document_id = known.document_id AND c.name = $2 AND c.version = known.version
        AND EXISTS (
            SELECT FROM document_client newer WHERE newer.document_id = c.document_id AND newer.name = c.name
                AND newer.alias = c.alias AND newer.created_at > c.created_at
        )
"""
_ADD_UP: Final = """
    WITH gone AS (
        DELETE FROM document_usage u
        WHERE u.organization_id = $1 AND u.name = $2 AND u.document_id = ANY($3) AND u.version <> '' AND NOT EXISTS (
            SELECT FROM document_client c
            WHERE c.document_id = u.document_id AND c.name = u.name AND c.version = u.version
        )
        RETURNING *
    ), counts AS (
        SELECT document_id, array_agg(total ORDER BY place) AS latencies FROM (
            SELECT document_id, place, sum(count)::bigint AS total
            FROM gone, unnest(latencies) WITH ORDINALITY AS bucket (count, place) GROUP BY document_id, place
        ) totals GROUP BY document_id
    )
    INSERT INTO document_usage AS u (organization_id, document_id, name, version, calls, errors, last_used_at,
        latencies, cost_sum, cost_max)
    SELECT $1, g.document_id, $2, '', sum(g.calls), sum(g.errors), max(g.last_used_at), c.latencies, sum(g.cost_sum),
        max(g.cost_max)
    FROM gone g JOIN counts c ON c.document_id = g.document_id GROUP BY g.document_id, c.latencies
    ON CONFLICT (document_id, name, version) DO UPDATE SET
        calls = u.calls + excluded.calls,
        errors = u.errors + excluded.errors,
        last_used_at = greatest(u.last_used_at, excluded.last_used_at),
        latencies = ARRAY(
            SELECT coalesce(a, 0) + coalesce(b, 0)
            FROM unnest(u.latencies, excluded.latencies) WITH ORDINALITY AS both_counts (a, b, place) ORDER BY place
        ),
        cost_sum = u.cost_sum + excluded.cost_sum,
        cost_max = greatest(u.cost_max, excluded.cost_max)
"""


async def forget_old(writer: Writer, name: str, documents: Sequence[UUID]) -> None:
    """Forget versions of a client but the latest, and count their use together, without a version."""
    organization = writer.ctx.organization_id
    await writer.tx.fetch_sql(_FORGET, organization, name, list(documents), KEPT)
    await writer.tx.fetch_sql(_ADD_UP, organization, name, list(documents))
