"""Runs of a source as runs of a project: some of them in one transaction, with their params and points."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from connectors.tracking.capability import History, TrackedRun
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import RunStatus
from maestro.events import Event, publish, topic
from maestro.ids import Kind
from maestro.series_names import SeriesName
from ops import series
from ops.imports.experiments import SYSTEM
from ops.imports.points import points_of
from ops.imports.target import Report, Target
from ops.imports.texts import key_of, name_of, params_of, storable, tags_of
from ops.restores.scoped.checking import Growth, quota_conflicts

_NOTE: Final = "mlflow.note.content"
_PARENT: Final = "mlflow.parentRunId"
_CODE: Final = {
    "repo": "mlflow.source.git.repoURL",
    "commit": "mlflow.source.git.commit",
    "entrypoint": "mlflow.source.name",
}
_KNOWN: Final = """
    SELECT id, organization_id, project_id, external_id, source -> 'import' ->> 'state' AS state, deleted_at FROM run
    WHERE organization_id = $1 AND project_id = $2 AND external_id = ANY($3)
    ORDER BY deleted_at IS NULL, id
"""
_ROWS: Final = """
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[], $8::text[],
        $9::timestamptz[], $10::timestamptz[])
    AS given (id, external_id, name, status, tags, source, environment, notes, started_at, ended_at)
"""
_MAKE: Final = f"""
    INSERT INTO run (id, external_id, name, status, tags, source, environment, notes, started_at, ended_at,
        organization_id, project_id, experiment_id, created_by_id, number, created_at, heartbeat_at)
    SELECT given.*, $11, $12, $13, $14, $15 + row_number() OVER (ORDER BY given.started_at, given.id),
        coalesce(given.started_at, now()), CASE given.status WHEN 'RUNNING' THEN now() END
    {_ROWS}
"""
_CHANGE: Final = f"""
    UPDATE run r SET name = given.name, status = given.status, tags = r.tags || given.tags,
        source = r.source || given.source, environment = r.environment || given.environment,
        notes = CASE given.notes WHEN '' THEN r.notes ELSE given.notes END, started_at = given.started_at,
        ended_at = given.ended_at, heartbeat_at = CASE given.status WHEN 'RUNNING' THEN now() ELSE r.heartbeat_at END,
        version = r.version + 1, updated_at = now()
    {_ROWS}
    WHERE r.id = given.id AND r.organization_id = $11
"""  # noqa: S608 -- put together from constants
_COUNT: Final = """
    UPDATE project SET last_run_number = last_run_number + $3 WHERE id = $1 AND organization_id = $2
"""
_PARAMS: Final = """
    INSERT INTO param (run_id, organization_id, project_id, key, type, text, number)
    SELECT given.run_id, $5, $6, given.key, given.type, given.text, given.number
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $7::float8[]) AS given (run_id, key, type, text, number)
    ON CONFLICT (run_id, key) DO UPDATE SET type = excluded.type, text = excluded.text, number = excluded.number
"""
_TIE: Final = """
    UPDATE run child SET parent_id = parent.id FROM run parent
    WHERE child.organization_id = $1 AND child.project_id = $2 AND child.experiment_id = $3 AND child.parent_id IS NULL
        AND child.deleted_at IS NULL AND parent.organization_id = $1 AND parent.project_id = $2
        AND parent.deleted_at IS NULL AND parent.external_id = child.source -> 'import' ->> 'parent'
        AND parent.id <> child.id
    RETURNING child.id
"""


Read = tuple[TrackedRun, Sequence[History]]
"""A run with the points of its metrics."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a project has of some runs of a source: rows of those in use, and ids of those that were deleted here."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    trashed: frozenset[str] = frozenset()


def state_of(run: TrackedRun) -> str:
    """Identify all that a source tells of a run without its histories: the same when nothing has happened to it."""
    metrics = {key: repr(value) for key, value in run.metrics.items()}
    told = [run.name, run.status, run.started_at, run.ended_at, dict(run.params), dict(run.tags), metrics, run.user]
    content = orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


async def known_runs(db: Any, target: Target, ids: Sequence[str]) -> Known:
    """Return what the project has of some runs, by their ids in the source."""
    rows = await db.fetch_sql(_KNOWN, target.organization_id, target.project_id, list(ids))
    # Those in use come last: one that was deleted may have been brought in again under its id.
    last = {row.external_id: row for row in rows}
    return Known(
        {key: row for key, row in last.items() if row.deleted_at is None},
        frozenset(key for key, row in last.items() if row.deleted_at is not None),
    )


async def write_runs(target: Target, experiment_id: UUID, runs: Sequence[Read], *, report: Report) -> dict[str, UUID]:
    """Store runs with all that they have, all of them or none, and return their ids by those in the source.

    NotFound, Conflict for the project, QuotaExceeded.
    """
    async with target.db.transaction() as tx:
        project = await target.hold(tx)
        known = await known_runs(tx, target, [run.id for run, _ in runs])
        wanted = [(run, its) for run, its in runs if run.id not in known.trashed]
        new = [run for run, _ in wanted if run.id not in known.rows]
        old = [run for run, _ in wanted if run.id in known.rows]
        ids = {run.id: known.rows[run.id].id if run.id in known.rows else _new_id(run) for run, _ in wanted}
        place = experiment_id, project.last_run_number
        await _make(tx, target, place=place, rows=[_row(ids[run.id], run) for run in new])
        if old:
            rows = sorted((_row(ids[run.id], run) for run in old), key=lambda row: row[0])
            await tx.fetch_sql(_CHANGE, *_columns(rows), target.organization_id)
        await _put_params(tx, target, ids=ids, runs=[run for run, _ in wanted])
        stored, left_out = await _put_points(tx, target, ids=ids, runs=wanted)
        await publish(tx, [Event(topic(Kind.Run, ids[run.id]), {"change": "fields"}) for run in old])
    report.runs_created += len(new)
    report.runs_updated += len(old)
    report.runs_in_trash += len(runs) - len(wanted)
    report.points += stored
    report.points_left_out += left_out
    return ids


async def tie_parents(target: Target, experiment_id: UUID) -> None:
    """Put the runs of an experiment below those that they are parts of, as far as these are there."""
    async with target.db.transaction() as tx:
        await target.hold(tx)
        await tx.fetch_sql(_TIE, target.organization_id, target.project_id, experiment_id)


async def _make(tx: Transaction, target: Target, *, place: tuple[UUID, int], rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    experiment_id, number = place
    for conflict in await quota_conflicts(tx, target.organization_id, Growth(len(rows), 0)):
        raise conflict
    await tx.fetch_sql(_COUNT, target.project_id, target.organization_id, len(rows))
    owner = target.organization_id, target.project_id, experiment_id, target.actor_id
    await tx.fetch_sql(_MAKE, *_columns(rows), *owner, number)


def _new_id(run: TrackedRun) -> UUID:
    """Make an id as old as the run, so that lists sort it among the others."""
    if run.started_at is None:
        return uuid7()
    return uuid7(nanoseconds=int(run.started_at.timestamp() * 1000) * 1_000_000)


def _row(key: UUID, run: TrackedRun) -> tuple[Any, ...]:
    tags, others = tags_of(run.tags, besides=SYSTEM)
    code = {name: storable(run.tags[tag], 1000) for name, tag in _CODE.items() if run.tags.get(tag)}
    origin = {"from": "MLFLOW", "state": state_of(run), "parent": run.tags.get(_PARENT)}
    told = {
        "runId": run.id,
        "experimentId": run.experiment_id,
        "user": storable(run.user or "", 1000),
        "artifactUri": storable(run.artifact_uri or "", 1000),
        "tags": others,
    }
    return (
        key,
        run.id,
        name_of(run.name, run.id),
        RunStatus(run.status).value,
        tags,
        {**code, "import": origin},
        {"mlflow": told},
        storable(run.tags.get(_NOTE, "")),
        run.started_at,
        run.ended_at,
    )


async def _put_params(tx: Transaction, target: Target, *, ids: Mapping[str, UUID], runs: Sequence[TrackedRun]) -> None:
    rows = [(ids[run.id], key, *typed) for run in runs for key, typed in params_of(run.params).items()]
    if rows:
        run_ids, keys, types, texts, numbers = _columns(rows)
        place = target.organization_id, target.project_id
        await tx.fetch_sql(_PARAMS, run_ids, keys, types, texts, *place, numbers)


async def _put_points(
    tx: Transaction, target: Target, *, ids: Mapping[str, UUID], runs: Sequence[Read]
) -> tuple[int, int]:
    """Store points, and return how many were stored and how many left out."""
    incoming, left_out = [], 0
    for run, histories in runs:
        place = _Place(ids[run.id], target.organization_id, target.project_id)
        for history in histories:
            points, missing = points_of(history)
            left_out += missing
            if len(points):
                incoming.append(series.Incoming(place, SeriesName(key_of(history.key)), points))
    if incoming:
        await series.store(tx, incoming, is_complete=True)
    return sum(len(one.points) for one in incoming), left_out


@dataclass(frozen=True, slots=True)
class _Place:
    """What is read of a run to whose series points go."""

    id: UUID
    organization_id: UUID
    project_id: UUID


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
