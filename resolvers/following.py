"""Following a run: its state after each change, and the points that its metrics gain."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from dataloaders.metrics import RunSeries, SeriesByRun, series_name
from dataloaders.points import MOST_POINTS, PointsBySeries, PointsPage, PointsRequest
from dataloaders.runs import RunById
from maestro.db.rows import Row
from maestro.events import Event, topic
from maestro.ids import Kind
from maestro.points import PointColumns
from resolvers.context import Context
from resolvers.resuming import Progress

PAUSE_S: Final = 0.1
"""A run that logs a hundred times a second is told of ten times a second."""
MOST_SENT: Final = 2_000
"""Of more new points than these, those that show the extremes are sent."""
MOST_ROUNDS: Final = 50
"""So many events of as many points of each series tell in full what was missed; then only the extremes are sent."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Points that a series has gained; `is_gap` when not all were sent, or others than these have changed too."""

    series: Row
    points: PointColumns
    is_gap: bool


class News(NamedTuple):
    """A run as it is, what its series have gained, and the cursor after that."""

    run: Row
    gained: list[Appended]
    cursor: str


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
    ctx: Context, run_id: UUID, names: tuple[str, ...] | None, *, after: str | None = None
) -> AsyncGenerator[News, None]:
    """Yield what the series of a run have gained since the last time, for some series or all.

    The first item has no points: it tells that all that is logged from then on will be told. After the cursor of an
    earlier item, what has been logged since comes first instead. NotFound, also as soon as the viewer may not see the
    run any more, Unauthenticated when nobody is signed in, InvalidInput for a cursor that is none.
    """
    wanted = (run_id, names)
    told = Progress.begun(ctx, wanted)
    if after is not None:
        told.resume(after)
    async with _listening(ctx, run_id) as changes:
        if after is None:
            run, rows = await _read(ctx, wanted)
            told.note_all(rows)
            yield News(run, [], told.cursor)
        else:
            async with aclosing(_missed(ctx, wanted, told)) as missed:
                async for news in missed:
                    yield news
        while True:
            change = await changes.next()
            await _look_again(ctx)
            run, rows = await _read(ctx, wanted)
            gained = await _gained(ctx, [row for row in rows if change.is_about(row)], told)
            if gained:
                yield News(run, gained, told.cursor)


async def _missed(ctx: Context, wanted: RunSeries, told: Progress) -> AsyncGenerator[News, None]:
    """Yield what has changed since a cursor: at least one item, and as many as it takes to leave nothing out."""
    for _ in range(MOST_ROUNDS):
        run, rows = await _read(ctx, wanted)
        behind = [row for row in rows if told.is_behind(row)]
        gained = await _gained(ctx, behind, told, in_full=True)
        told.is_partial = False
        yield News(run, gained, told.cursor)
        await _look_again(ctx)
        if not any(map(told.is_behind, behind)):
            return
    run, rows = await _read(ctx, wanted)
    gained = await _gained(ctx, [row for row in rows if told.is_behind(row)], told)
    yield News(run, gained, told.cursor)


async def _read(ctx: Context, wanted: RunSeries) -> tuple[Row, list[Row]]:
    run = await ctx.loaders[RunById].load(wanted[0])
    return run, await ctx.loaders[SeriesByRun].load(wanted)


@dataclass(slots=True)
class _Change:
    """What several events have said together."""

    names: set[str] = field(default_factory=set)
    is_gap: bool = False

    def add(self, event: Event) -> None:
        self.names.update(event.details.get("keys", ()))
        self.is_gap |= event.is_gap

    def is_about(self, series: Row) -> bool:
        return self.is_gap or str(series_name(series)) in self.names


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


async def _gained(ctx: Context, rows: Sequence[Row], told: Progress, *, in_full: bool = False) -> list[Appended]:
    """Return what is to be told of series, and note it: a page of each in full, or all of it thinned."""
    loader, places = ctx.loaders[PointsBySeries], [told.of(row) for row in rows]
    after = [row.step_last if place is None else place.step for row, place in zip(rows, places, strict=True)]
    requests = [PointsRequest(MOST_SENT if in_full else MOST_POINTS, after_step=step) for step in after]
    pages: list[PointsPage] = await asyncio.gather(
        *(loader.load((row.id, request)) for row, request in zip(rows, requests, strict=True))
    )
    found = []
    for row, place, page in zip(rows, places, pages, strict=True):
        shown = page.points if in_full else _thinned(page.points)
        is_rewritten = place is None or place.rewrites != row.rewrites
        is_gap = is_rewritten or len(shown) < len(page.points) or (page.has_next_page and not in_full)
        if len(shown) or is_gap:
            found.append(Appended(row, shown, is_gap))
        last = page.points.steps[-1:].tolist()
        # What was logged after the series was read may be in the page already.
        told.note(row, *last if in_full and page.has_next_page else [max([row.step_last, *last])])
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
