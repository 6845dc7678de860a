"""Loader of lineage: what an object came from and what came from it, some steps far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from dataloaders.base import Loader, Loaders
from dataloaders.nodes import load_nodes
from maestro.access import Permission
from maestro.cache import CacheTag, tags_of
from maestro.db.rows import Row
from maestro.db.tables import ArtifactVersion, LineageEdge, ModelVersion, Run
from maestro.errors import Forbidden, NotFound
from maestro.ids import Kind

MOST_NODES: Final = 500
MOST_EDGES: Final = 5000

ARROWS: Final = tags_of(LineageEdge, Run, ArtifactVersion, ModelVersion)
"""An arrow is seen where both of its ends are."""
JOINED: Final = {Kind.Run, Kind.ArtifactVersion, Kind.ModelVersion}

Place = tuple[Kind, UUID]


class LineageDirection(StrEnum):
    """Where to look from the start."""

    UPSTREAM = "UPSTREAM"
    DOWNSTREAM = "DOWNSTREAM"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class Walk:
    """A question: from where, in which direction, and how many steps far."""

    start: Place
    direction: LineageDirection
    depth: int

    @property
    def ways(self) -> list[bool]:
        """Return whether each walk of the question goes upstream."""
        return {
            LineageDirection.UPSTREAM: [True],
            LineageDirection.DOWNSTREAM: [False],
            LineageDirection.BOTH: [True, False],
        }[self.direction]

    @property
    def most_visits(self) -> int:
        """Return how many visits either end the walk or have met more nodes than a graph shows.

        A walk visits a node at most once in each direction and at each distance.
        """
        return (MOST_NODES + 1) * (self.depth + 1) * len(self.ways)


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes that were reached and may be read, nearest first, and the arrows among them."""

    nodes: list[tuple[Kind, Row]]
    edges: list[Row]
    is_truncated: bool


class Lineage(Loader[Walk, Graph]):
    """Lineage graphs: one statement for the walk, one for its edges and one for each kind of node."""

    needs = Permission.EXPERIMENT_READ

    # The recursion works breadth first and stops at the LIMIT, so what is cut off is what lies farthest.
    _REACHED = """
        WITH RECURSIVE walk(type, id, is_upstream, distance) AS (
            SELECT $2::text, $3::uuid, way, 0 FROM unnest($4::boolean[]) AS way
            UNION
            SELECT next.type, next.id, walk.is_upstream, walk.distance + 1
            FROM walk CROSS JOIN LATERAL (
                SELECT from_type AS type, from_id AS id FROM lineage_edge
                WHERE walk.is_upstream AND to_id = walk.id AND organization_id = $1
                UNION ALL
                SELECT to_type, to_id FROM lineage_edge
                WHERE NOT walk.is_upstream AND from_id = walk.id AND organization_id = $1
            ) AS next
            WHERE walk.distance < $5
        ), visits AS (SELECT * FROM walk LIMIT $6)
        SELECT type, id FROM visits GROUP BY type, id ORDER BY min(distance), id LIMIT $7"""
    _AMONG = (
        "SELECT id, from_type, from_id, to_type, to_id, kind, run_id, at FROM lineage_edge "
        "WHERE organization_id = $1 AND from_id = ANY($2) AND to_id = ANY($2) ORDER BY at, id LIMIT $3"
    )

    def tags(self, key: Walk) -> tuple[CacheTag, ...] | None:
        """Return the tags of a graph; of a walk that begins elsewhere than at what arrows join nothing is kept."""
        return ARROWS if key.start[0] in JOINED else None

    async def fetch(self, keys: Sequence[Walk]) -> list[Graph | Exception]:
        """Return the graph of each question; NotFound where nothing stands at its start, Forbidden if it is hidden."""
        return [await self._graph(walk) for walk in keys]

    async def _graph(self, walk: Walk) -> Graph | NotFound | Forbidden:
        reached = await self._reached(walk)
        places = reached[:MOST_NODES]
        rows = await load_nodes(Loaders(self.db, self.viewer), places)
        if rows[0] is None:
            return NotFound(f"There is no such {walk.start[0].name}.")
        if isinstance(rows[0], Forbidden):
            return rows[0]
        nodes = [(kind, row) for (kind, _), row in zip(places, rows, strict=True) if isinstance(row, Row)]
        edges = await self._among(row.id for _, row in nodes)
        return Graph(nodes, edges[:MOST_EDGES], len(reached) > MOST_NODES or len(edges) > MOST_EDGES)

    async def _reached(self, walk: Walk) -> list[Place]:
        kind, key = walk.start
        rows = await self.db.fetch_sql(
            self._REACHED,
            self.organization_id,
            kind.name,
            key,
            walk.ways,
            walk.depth,
            walk.most_visits,
            MOST_NODES + 1,
        )
        return [(Kind[row.type], row.id) for row in rows]

    async def _among(self, ids: Iterable[UUID]) -> list[Row]:
        return await self.db.fetch_sql(self._AMONG, self.organization_id, list(ids), MOST_EDGES + 1)
