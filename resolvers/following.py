"""Following a run: its state after each change, and the points that its metrics gain."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final
from uuid import UUID

import numpy as np

from dataloaders.metrics import SeriesByRun, series_name
from dataloaders.points import MOST_POINTS, PointsBySeries, PointsPage, PointsRequest
from dataloaders.runs import RunById
from maestro.db.rows import Row
from maestro.events import Event, topic
from maestro.ids import Kind
from maestro.points import PointColumns
from resolvers.context import Context

PAUSE_S: Final = 0.1
"""A run that logs a hundred times a second is told of ten times a second."""
MOST_SENT: Final = 2_000
"""Of more new points than these, those that show the extremes are sent."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Points that a series has gained; `is_gap` when not all were sent, or others than these have changed too."""

    series: Row
    points: PointColumns
    is_gap: bool


async def run_updates(ctx: Context, run_id: UUID) -> AsyncGenerator[Row, None]:
    """Yield the run as it is now, then after each change; changes close to each other are told as one.

    NotFound, also as soon as the viewer may not see the run any more, and Unauthenticated when nobody is signed in.
    """
    async with _listening(ctx, run_id) as changes:
        yield await ctx.loaders[RunById].load(run_id)
        while True:
            await changes.next()
            await _look_again(ctx)
            yield await ctx.loaders[RunById].load(run_id)


async def points_appended(
    ctx: Context, run_id: UUID, names: tuple[str, ...] | None
) -> AsyncGenerator[tuple[Row, list[Appended]], None]:
    """Yield the run with what its series have gained since the last time, for some series or all.

    NotFound, also as soon as the viewer may not see the run any more, and Unauthenticated when nobody is signed in.
    The first item has no points: it tells that all that is logged from then on will be told.
    """
    async with _listening(ctx, run_id) as changes:
        run = await ctx.loaders[RunById].load(run_id)
        seen = {row.id: row.step_last for row in await ctx.loaders[SeriesByRun].load((run_id, names))}
        yield run, []
        while True:
            change = await changes.next()
            await _look_again(ctx)
            rows = [row for row in await ctx.loaders[SeriesByRun].load((run_id, names)) if change.is_about(row)]
            gained = await _gained(ctx, rows, seen=seen, change=change)
            if gained:
                yield await ctx.loaders[RunById].load(run_id), gained


@dataclass(slots=True)
class _Change:
    """What several events have said together."""

    names: set[str] = field(default_factory=set)
    rewritten: set[str] = field(default_factory=set)
    is_gap: bool = False

    def add(self, event: Event) -> None:
        self.names.update(event.details.get("keys", ()))
        self.rewritten.update(event.details.get("rewritten", ()))
        self.is_gap |= event.is_gap

    def is_about(self, series: Row) -> bool:
        return self.is_gap or str(series_name(series)) in self.names

    def rewrote(self, series: Row) -> bool:
        return self.is_gap or str(series_name(series)) in self.rewritten


class _Changes:
    """What is heard of a run, kept until somebody takes it, however slow they are."""

    def __init__(self) -> None:
        self._change = _Change()
        self._arrived = asyncio.Event()

    async def collect(self, heard: AsyncIterator[Event]) -> None:
        async for event in heard:
            self._change.add(event)
            self._arrived.set()

    async def next(self) -> _Change:
        """Return what has been heard since the last time, at the earliest after a pause."""
        await self._arrived.wait()
        await asyncio.sleep(PAUSE_S)
        self._arrived.clear()
        change, self._change = self._change, _Change()
        return change


async def _look_again(ctx: Context) -> None:
    """Let the next reads see what is there now, and no more than the viewer may see by now. Unauthenticated."""
    await ctx.still_permitted()
    ctx.loaders.clear()


@asynccontextmanager
async def _listening(ctx: Context, run_id: UUID) -> AsyncIterator[_Changes]:
    changes = _Changes()
    async with ctx.runtime.events.subscribed(topic(Kind.Run, run_id)) as heard:
        task = asyncio.create_task(changes.collect(heard), name="following")
        try:
            yield changes
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _gained(ctx: Context, rows: Sequence[Row], *, seen: dict[UUID, int], change: _Change) -> list[Appended]:
    loader = ctx.loaders[PointsBySeries]
    requests = [PointsRequest(MOST_POINTS, after_step=seen.get(row.id, -1)) for row in rows]
    pages: list[PointsPage] = await asyncio.gather(
        *(loader.load((row.id, request)) for row, request in zip(rows, requests, strict=True))
    )
    found = []
    for row, page in zip(rows, pages, strict=True):
        shown = _thinned(page.points)
        is_gap = len(shown) < len(page.points) or page.has_next_page or change.rewrote(row)
        if len(shown) or is_gap:
            found.append(Appended(row, shown, is_gap))
            # What was logged after the series was read may be in the page already.
            seen[row.id] = max([row.step_last, *page.points.steps[-1:].tolist()])
    return found


def _thinned(points: PointColumns) -> PointColumns:
    """Return at most 2,000 of the points: the last one, and the extremes of equal parts."""
    if len(points) <= MOST_SENT:
        return points
    edges = np.linspace(0, len(points), MOST_SENT // 2, dtype=np.int64).tolist()
    values, finite = points.values, np.isfinite(points.values)
    least, greatest = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    chosen = np.zeros(len(points), bool)
    for start, stop in pairwise(edges):
        chosen[start + int(least[start:stop].argmin())] = True
        chosen[start + int(greatest[start:stop].argmax())] = True
    chosen[-1] = True
    return points[chosen]
