"""Stores points of many series in an open transaction, in a number of statements that depends on neither.

The caller holds a lock on the rows of the runs, so that nobody else writes to their series meanwhile.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Transaction
from maestro.db.points import read_blobs, read_headers, read_hot
from maestro.db.rows import Row
from maestro.points import PointColumns, Summary, decode, summarise
from maestro.series_names import SeriesName
from ops import blocks, layout

_FIND: Final = """
    SELECT s.*, wanted.place - 1 AS place
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
        WITH ORDINALITY AS wanted (run_id, project_id, name, context_hash, place)
    JOIN metric_key k ON k.project_id = wanted.project_id AND k.name = wanted.name
    JOIN metric_series s ON s.run_id = wanted.run_id AND s.key_id = k.id AND s.context_hash = wanted.context_hash
"""
# In the order of the names, so that two transactions which make the same keys cannot wait for each other.
_MAKE_KEYS: Final = """
    INSERT INTO metric_key (id, organization_id, project_id, name)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS made (id, organization_id, project_id, name)
    ORDER BY project_id, name
    ON CONFLICT (project_id, name) DO NOTHING
"""
_FIND_KEYS: Final = """
    SELECT k.id, k.project_id, k.name FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, name)
    JOIN metric_key k ON k.project_id = wanted.project_id AND k.name = wanted.name
"""
_SAVE: Final = """
    INSERT INTO metric_series (id, organization_id, project_id, run_id, key_id, context_hash, context, n, nonfinite,
        step_first, step_last, v_last, last_mark, v_min, v_max, step_min, step_max, v_sum, rewrites)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::jsonb[],
        $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::float8[], $13::text[], $14::float8[],
        $15::float8[], $16::bigint[], $17::bigint[], $18::float8[], $19::bigint[])
    ON CONFLICT (id) DO UPDATE SET n = excluded.n, nonfinite = excluded.nonfinite, step_first = excluded.step_first,
        step_last = excluded.step_last, v_last = excluded.v_last, last_mark = excluded.last_mark,
        v_min = excluded.v_min, v_max = excluded.v_max, step_min = excluded.step_min, step_max = excluded.step_max,
        v_sum = excluded.v_sum, rewrites = metric_series.rewrites + excluded.rewrites
"""


class Incoming(NamedTuple):
    """Points that have come for one series of a run; of the run, `id`, `organization_id` and `project_id` are read."""

    run: Any
    name: SeriesName
    points: PointColumns


@dataclass(slots=True)
class _Series:
    """A series that gets points; `known` is its row, None for a new one."""

    run: Any
    name: SeriesName
    points: PointColumns
    known: Row | None
    id: UUID

    @property
    def is_late(self) -> bool:
        """Whether points come that are not after all the stored ones."""
        return self.known is not None and bool(self.points.steps[0] <= self.known.step_last)

    @property
    def key(self) -> tuple[UUID, str]:
        return self.run.project_id, self.name.key


async def store(tx: Transaction, incoming: Iterable[Incoming], *, is_complete: bool = False) -> None:
    """Store points in the order in which they are given: of equal steps of a series, the last one stays.

    `is_complete` says that hardly more will come: the points of new series then go into blocks at once.
    """
    series = await _series(tx, incoming)
    late = {one.id: one for one in series if one.is_late}
    changes = {one.id: layout.appended(one.points, seals=is_complete) for one in series if one.id not in late}
    summaries = {one.id: _extended(one.known, summarise(one.points)) for one in series if one.id not in late}
    if late:
        placed, summarised = await _place(tx, late)
        changes |= placed
        summaries |= summarised
    # First the series: whoever sees some projects only may add points to a series that is seen.
    await _save(tx, series, summaries)
    await blocks.write(tx, changes, {one.id: one.run.organization_id for one in series})


async def _series(tx: Transaction, incoming: Iterable[Incoming]) -> list[_Series]:
    parts: dict[tuple[UUID, SeriesName], list[Incoming]] = defaultdict(list)
    for each in incoming:
        parts[each.run.id, each.name].append(each)
    firsts = [given[0] for given in parts.values()]
    wanted = [(one.run.id, one.run.project_id, one.name.key, one.name.context_hash) for one in firsts]
    known = {row.place: row for row in await tx.fetch_sql(_FIND, *map(list, zip(*wanted, strict=True)))}
    return [
        _Series(
            run=given[0].run,
            name=given[0].name,
            points=PointColumns.merged([each.points for each in given]),
            known=known.get(i),
            id=known[i].id if i in known else uuid7(),
        )
        for i, given in enumerate(parts.values())
    ]


async def _place(
    tx: Transaction, late: Mapping[UUID, _Series]
) -> tuple[dict[UUID, layout.Change], dict[UUID, Summary]]:
    """Return how late points change what is stored, and the summaries of their series then."""
    headers, hot = await read_headers(tx, list(late)), await read_hot(tx, list(late))
    stored = {key: layout.Stored(headers.get(key, ()), hot.get(key)) for key in late}
    places = [(key, step0) for key, one in late.items() for step0 in layout.touched(one.points, stored[key].headers)]
    read: dict[UUID, dict[int, PointColumns]] = defaultdict(dict)
    for (key, step0, _), (codec, data) in (await read_blobs(tx, places)).items():
        read[key][step0] = decode(codec, data)
    changes = {key: layout.placed(one.points, stored[key], read[key]) for key, one in late.items()}
    return changes, {key: layout.after(change, stored[key]) for key, change in changes.items()}


def _extended(known: Row | None, later: Summary) -> Summary:
    """Return the summary of a series with points added at its end; its row tells all of it that is ever asked for."""
    if known is None:
        return later
    earlier = Summary(
        n=known.n,
        step0=known.step_first,
        step1=known.step_last,
        t_min=later.t_min,
        t_max=later.t_max,
        v_min=known.v_min,
        v_max=known.v_max,
        v_sum=known.v_sum,
        v_first=math.nan,
        v_last=math.nan,
        nonfinite=known.nonfinite,
        step_min=known.step_min,
        step_max=known.step_max,
    )
    return earlier.merged(later)


async def _save(tx: Transaction, series: Sequence[_Series], summaries: Mapping[UUID, Summary]) -> None:
    keys = await _keys(tx, [one for one in series if one.known is None])
    # In the order of their ids, as everybody who locks several of them does.
    rows = [
        _row(one, one.known.key_id if one.known is not None else keys[one.key], summaries[one.id])
        for one in sorted(series, key=lambda one: one.id)
    ]
    await tx.fetch_sql(_SAVE, *map(list, zip(*rows, strict=True)))


async def _keys(tx: Transaction, new: Sequence[_Series]) -> dict[tuple[UUID, str], UUID]:
    """Return the ids of keys by project and name, making those that are new."""
    wanted = {one.key: one.run.organization_id for one in new}
    if not wanted:
        return {}
    made = [(uuid7(), organization, *key) for key, organization in wanted.items()]
    await tx.fetch_sql(_MAKE_KEYS, *map(list, zip(*made, strict=True)))
    rows = await tx.fetch_sql(_FIND_KEYS, *map(list, zip(*wanted, strict=True)))
    return {(row.project_id, row.name): row.id for row in rows}


def _row(one: _Series, key: UUID, summary: Summary) -> tuple[Any, ...]:
    return (
        one.id,
        one.run.organization_id,
        one.run.project_id,
        one.run.id,
        key,
        one.name.context_hash,
        dict(one.name.context),
        *columns_of(summary).values(),
        int(one.is_late),
    )


def columns_of(summary: Summary) -> dict[str, Any]:
    """Return what the row of a series tells of its points, in the order of the table's columns."""
    last = summary.v_last
    is_finite = math.isfinite(last)
    return {
        "n": summary.n,
        "nonfinite": summary.nonfinite,
        "step_first": summary.step0,
        "step_last": summary.step1,
        "v_last": last if is_finite else None,
        "last_mark": None if is_finite else _mark(last),
        "v_min": summary.v_min,
        "v_max": summary.v_max,
        "step_min": summary.step_min,
        "step_max": summary.step_max,
        "v_sum": summary.v_sum,
    }


def _mark(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
