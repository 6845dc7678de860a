"""Loader of points as they were logged, page by page."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from dataloaders.base import Loader
from dataloaders.paging import Position, binding, decode_cursor, encode_cursor, no_cursor
from maestro.access import Permission
from maestro.cache import tags_of
from maestro.db.points import columns_of
from maestro.db.tables import MetricSeries
from maestro.errors import InvalidInput
from maestro.points import NO_POINTS, PointColumns, decode
from maestro.storable import LARGEST_INTEGER

DEFAULT_POINTS: Final = 1_000
MOST_POINTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class PointsRequest:
    """How many points, and after which cursor or step."""

    first: int = DEFAULT_POINTS
    after: str | None = None
    after_step: int = -1

    def __post_init__(self) -> None:
        if not 0 <= self.first <= MOST_POINTS:
            raise InvalidInput(
                f"first is {self.first}; a page has 0 to {MOST_POINTS:,} points.",
                field="first",
                limit=MOST_POINTS,
                hint="Ask for less and follow endCursor, or ask for sampled.",
            )


@dataclass(frozen=True, slots=True)
class PointsPage:
    """Points by their steps; `end_cursor` points at the last of them."""

    points: PointColumns
    has_next_page: bool
    end_cursor: str | None


# Of the blocks from the first wanted step on, as many as hold the page and one point more, whatever the first one holds
# of what has been read already.
_BLOCKS: Final = """
    SELECT asked.place, found.codec, found.data
    FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::int[]) AS asked (place, id, after, wanted)
    CROSS JOIN LATERAL (
        SELECT codec, data, sum(n) OVER (ORDER BY step0) - n - first_value(n) OVER (ORDER BY step0) AS before
        FROM metric_block WHERE series_id = asked.id AND organization_id = $5 AND step1 > asked.after
    ) AS found WHERE found.before <= asked.wanted
"""
_HOT: Final = """
    SELECT asked.place, array_agg(step) AS steps, array_agg(t_ms) AS times, array_agg(value) AS values
    FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::int[]) AS asked (place, id, after, wanted)
    CROSS JOIN LATERAL (
        SELECT step, t_ms, value FROM metric_hot
        WHERE series_id = asked.id AND organization_id = $5 AND step > asked.after ORDER BY step LIMIT asked.wanted + 1
    ) AS found GROUP BY asked.place
"""


class PointsBySeries(Loader[tuple[UUID, PointsRequest], PointsPage]):
    """Pages of points: two statements, whatever the number of series."""

    needs = Permission.EXPERIMENT_READ
    reads = tags_of(MetricSeries)

    async def fetch(self, keys: Sequence[tuple[UUID, PointsRequest]]) -> list[PointsPage | Exception]:
        """Return the page of each request; InvalidInput for a cursor of another series."""
        starts = [self._step_after(series, request) for series, request in keys]
        asked = [
            (i, series, start, request.first)
            for i, ((series, request), start) in enumerate(zip(keys, starts, strict=True))
            if isinstance(start, int)
        ]
        arguments = [list(column) for column in zip(*asked, strict=True)] or [[], [], [], []]
        async with self.db.snapshot() as tx:
            blocks = await tx.fetch_sql(_BLOCKS, *arguments, self.organization_id)
            hot = await tx.fetch_sql(_HOT, *arguments, self.organization_id)
        parts: dict[int, list[PointColumns]] = defaultdict(list)
        for row in blocks:
            parts[row.place].append(decode(row.codec, row.data))
        for row in hot:
            parts[row.place].append(columns_of(row))
        return [
            start if isinstance(start, InvalidInput) else self._page(series, _after(start, parts[i]), request.first)
            for i, ((series, request), start) in enumerate(zip(keys, starts, strict=True))
        ]

    def _page(self, series: UUID, points: PointColumns, first: int) -> PointsPage:
        shown = points[:first]
        last = Position((int(shown.steps[-1]),), series) if len(shown) else None
        cursor = None if last is None else encode_cursor(self._bound_to(series), last)
        return PointsPage(shown, len(points) > first, cursor)

    def _step_after(self, series: UUID, request: PointsRequest) -> int | InvalidInput:
        if request.after is None:
            return request.after_step
        try:
            values = decode_cursor(self._bound_to(series), request.after, field="after").values
        except InvalidInput as error:
            return error
        match values:
            case (int(step),) if abs(step) <= LARGEST_INTEGER:
                return step
            case _:
                return no_cursor("after")

    def _bound_to(self, series: UUID) -> bytes:
        return binding(self.organization_id, type(self).__name__, series)


def _after(step: int, parts: list[PointColumns]) -> PointColumns:
    points = PointColumns.merged([NO_POINTS, *parts])
    return points[points.steps > step]
