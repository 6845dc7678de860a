"""Where points of a series lie: in blocks that never overlap, and as rows in the gaps between them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from maestro.points import BLOCK_POINTS, NO_POINTS, PointColumns, Summary, summarise

SEAL_POINTS: Final = 512
"""So many points are worth a block."""


class Stored(NamedTuple):
    """What is stored of a series: its blocks by their steps, and the rows in the gaps between them."""

    headers: Sequence[Any] = ()
    hot: PointColumns | None = None


@dataclass(slots=True)
class Change:
    """What has to be written for one series; blocks are dropped by their first step, rows by a range of steps.

    `rows` may take the place of stored ones.
    """

    dropped_blocks: list[int] = field(default_factory=list)
    dropped_rows: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[PointColumns] = field(default_factory=list)
    rows: list[PointColumns] = field(default_factory=list)


def appended(points: PointColumns, *, seals: bool = False) -> Change:
    """Place points that come after all that is stored; `seals` makes a block of however few."""
    is_block = seals or len(points) >= SEAL_POINTS
    return Change(blocks=list(points.blocks())) if is_block else Change(rows=[points])


def touched(points: PointColumns, headers: Sequence[Any]) -> list[int]:
    """Return the first steps of the blocks in whose range some point lies."""
    starts, stops = _within(points, headers)
    return [header.step0 for header, start, stop in zip(headers, starts, stops, strict=True) if start < stop]


def placed(points: PointColumns, stored: Stored, read: Mapping[int, PointColumns]) -> Change:
    """Place points anywhere: those within a block's range rewrite it, the others go to the gaps between blocks.

    `read` are the points of the touched blocks by their first step.
    """
    change = Change()
    rest = np.ones(len(points), bool)
    for header, start, stop in zip(stored.headers, *_within(points, stored.headers), strict=True):
        if start < stop:
            change.dropped_blocks.append(header.step0)
            change.blocks += PointColumns.merged([read[header.step0], points[start:stop]]).blocks()
            rest[start:stop] = False
    for gap in _between(points[rest], stored.headers):
        _fill(change, gap, stored.hot)
    return change


def _fill(change: Change, points: PointColumns, hot: PointColumns | None) -> None:
    if len(points) < SEAL_POINTS:
        change.rows.append(points)
        return
    low, high = int(points.steps[0]), int(points.steps[-1])
    among = None if hot is None else hot[(hot.steps >= low) & (hot.steps <= high)]
    if among is not None and len(among):
        # A block's range must hold no row beside it.
        change.dropped_rows.append((low, high))
        points = PointColumns.merged([among, points])
    change.blocks += points.blocks()


def _within(points: PointColumns, headers: Sequence[Any]) -> tuple[Any, Any]:
    """Return between which places of the points each block's range lies."""
    return (
        np.searchsorted(points.steps, [header.step0 for header in headers]),
        np.searchsorted(points.steps, [header.step1 for header in headers], side="right"),
    )


def _between(points: PointColumns, headers: Sequence[Any]) -> Iterator[PointColumns]:
    """Cut points that lie in no block's range where a block lies between them."""
    gaps = np.searchsorted([header.step0 for header in headers], points.steps)
    cuts = [0, *(np.flatnonzero(np.diff(gaps)) + 1).tolist(), len(points)]
    for start, stop in pairwise(cuts):
        if start < stop:
            yield points[start:stop]


Piece = Any
"""A block's header, or points that are rows."""


def packed(stored: Stored) -> list[list[Piece]]:
    """Return which blocks and rows to write as one block each: all rows, and neighbours that fit into one block."""
    parts = (
        [] if stored.hot is None else [part for gap in _between(stored.hot, stored.headers) for part in gap.blocks()]
    )
    groups: list[list[Piece]] = []
    room = 0
    for piece in sorted([*stored.headers, *parts], key=_start):
        room -= _size(piece)
        if room < 0:
            groups.append([])
            room = BLOCK_POINTS - _size(piece)
        groups[-1].append(piece)
    return [group for group in groups if len(group) > 1 or isinstance(group[0], PointColumns)]


def _start(piece: Piece) -> int:
    return int(piece.steps[0] if isinstance(piece, PointColumns) else piece.step0)


def _size(piece: Piece) -> int:
    return len(piece) if isinstance(piece, PointColumns) else int(piece.n)


def after(change: Change, stored: Stored) -> Summary:
    """Return the summary of a series with a change made."""
    kept = [_summary_of(header) for header in stored.headers if header.step0 not in change.dropped_blocks]
    rows = PointColumns.merged([part for part in (stored.hot, *change.rows) if part is not None] or [NO_POINTS])
    for low, high in change.dropped_rows:
        rows = rows[(rows.steps < low) | (rows.steps > high)]
    parts = [*change.blocks, rows] if len(rows) else change.blocks
    return reduce(Summary.merged, [*kept, *map(summarise, parts)])


def _summary_of(header: Any) -> Summary:
    return Summary(**{name: header[name] for name in Summary.__slots__})
