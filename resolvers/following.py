"""Following a run: its state after each change, and the points that its metrics gain."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from dataloaders.metrics import RunSeries, SeriesByRun
from dataloaders.points import MOST_POINTS, PointsBySeries, PointsPage, PointsRequest
from dataloaders.runs import RunById
from maestro.db.rows import Row
from maestro.events import topic
from maestro.ids import Kind
from maestro.points import PointColumns
from resolvers.context import Context
from resolvers.listening import Change, listening, look_again
from resolvers.patience import patiently
from resolvers.resuming import Progress

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
    async with listening(ctx, topic(Kind.Run, run_id)) as changes:
        yield await ctx.loaders[RunById].load(run_id)

        async def read() -> Row:
            await look_again(ctx)
            return await ctx.loaders[RunById].load(run_id)

        while True:
            await changes.next()
            yield await patiently(ctx, read)


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
    async with listening(ctx, topic(Kind.Run, run_id)) as changes:
        if after is None:
            run, rows = await _read(ctx, wanted)
            told.note_all(rows)
            yield News(run, [], told.cursor)
        else:
            async with aclosing(_missed(ctx, wanted, told)) as missed:
                async for news in missed:
                    yield news
        while True:
            run, gained = await patiently(ctx, partial(_changed, ctx, wanted, told, change=await changes.next()))
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
        await look_again(ctx)
        if not any(map(told.is_behind, behind)):
            return
    run, rows = await _read(ctx, wanted)
    gained = await _gained(ctx, [row for row in rows if told.is_behind(row)], told)
    yield News(run, gained, told.cursor)


async def _read(ctx: Context, wanted: RunSeries) -> tuple[Row, list[Row]]:
    run = await ctx.loaders[RunById].load(wanted[0])
    return run, await ctx.loaders[SeriesByRun].load(wanted)


async def _changed(ctx: Context, wanted: RunSeries, told: Progress, *, change: Change) -> tuple[Row, list[Appended]]:
    await look_again(ctx)
    run, rows = await _read(ctx, wanted)
    return run, await _gained(ctx, [row for row in rows if change.is_about(row)], told)


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
        is_rewritten = place is None or place.rewrites != row.rewrites or told.is_ahead(row)
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
