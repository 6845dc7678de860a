"""A project written to an MLflow server: runs with their params, tags, points and files, and registered models."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from connectors.tracking.capability import TrackedRun, TrackingSource
from maestro.db.rows import Row
from maestro.db.tables.enums import RunStatus
from maestro.errors import NotFound
from maestro.ids import Kind, encode
from maestro.progress import Progress, untold
from ops.exports.models import export_models
from ops.exports.origin import Origin, Written
from ops.exports.points import histories_of

PAGE: Final = 50
_PROJECT: Final = "SELECT name FROM project WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL"
_EXPERIMENTS: Final = """
    SELECT id, name, path, description, tags FROM experiment
    WHERE organization_id = $1 AND project_id = $2 AND deleted_at IS NULL AND ($3::uuid IS NULL OR id = $3)
    ORDER BY path, name
"""
# What a run is a part of comes before it, having begun before.
_RUNS: Final = """
    SELECT id, name, external_id, status, tags, source, notes, started_at, ended_at, parent_id FROM run
    WHERE organization_id = $1 AND experiment_id = $2 AND deleted_at IS NULL AND id > $3 ORDER BY id LIMIT $4
"""
_PARAMS: Final = "SELECT run_id, key, text FROM param WHERE organization_id = $1 AND run_id = ANY($2)"
_TOTAL: Final = """
    SELECT count(*) AS n FROM run r JOIN experiment e ON e.id = r.experiment_id
    WHERE r.organization_id = $1 AND e.project_id = $2 AND ($3::uuid IS NULL OR e.id = $3) AND r.deleted_at IS NULL
        AND e.deleted_at IS NULL
"""
_FILES: Final = """
    SELECT e.path, e.sha256, a.name FROM artifact_version v
    JOIN artifact a ON a.id = v.artifact_id JOIN artifact_entry e ON e.version_id = v.id
    WHERE v.organization_id = $1 AND v.run_id = $2 AND v.state = 'COMMITTED' AND a.deleted_at IS NULL
        AND v.number = (SELECT max(n.number) FROM artifact_version n
            WHERE n.artifact_id = v.artifact_id AND n.run_id = $2 AND n.state = 'COMMITTED')
    ORDER BY a.name, e.path
"""
_FIRST: Final = UUID(int=0)
_STATUSES: Final = {RunStatus.LOST: "KILLED"}
"""MLflow knows no runs that nobody hears of any more."""


async def export_mlflow(origin: Origin, target: TrackingSource, *, progress: Progress = untold) -> Written:
    """Write what is wanted to a server, each thing with all that it has; what is there already is filled up.

    NotFound, Transient when the server does not answer any more.
    """
    db, place = origin.db, (origin.organization_id, origin.project_id)
    projects = await db.fetch_sql(_PROJECT, origin.project_id, origin.organization_id)
    experiments = await db.fetch_sql(_EXPERIMENTS, *place, origin.experiment_id)
    if not projects or (origin.experiment_id is not None and not experiments):
        raise NotFound("There is no such Project or Experiment.")
    (total,) = await db.fetch_sql(_TOTAL, *place, origin.experiment_id)
    report = Written()
    exporting = _Exporting(origin, target, report=report)
    for experiment in experiments:
        async for _ in exporting.experiment(f"{projects[0].name}{experiment.path.rstrip('/')}", experiment):
            progress("Exporting runs", report.runs + report.failed, total.n, unit="runs")
    if origin.with_models:
        progress("Exporting models", None, None)
        await export_models(origin, target, run_ids=exporting.ids, report=report)
    return report


class _Exporting:
    """An export that is under way; `ids` are those of runs on the server by ours, None for one that was refused."""

    def __init__(self, origin: Origin, target: TrackingSource, *, report: Written) -> None:
        self._origin, self._target, self._report = origin, target, report
        self.ids: dict[UUID, str | None] = {}

    async def experiment(self, folder: str, experiment: Row) -> AsyncIterator[None]:
        """Write an experiment, and yield after each of its runs."""
        tags = {key: str(value) for key, value in experiment.tags.items()}
        note = {"mlflow.note.content": experiment.description} if experiment.description else {}
        experiment_id = await self._target.ensure_experiment(f"{folder}/{experiment.name}", {**tags, **note})
        self._report.experiments += 1
        organization_id = self._origin.organization_id
        last = _FIRST
        while rows := await self._origin.db.fetch_sql(_RUNS, organization_id, experiment.id, last, PAGE):
            params: dict[UUID, dict[str, str]] = {row.id: {} for row in rows}
            for param in await self._origin.db.fetch_sql(_PARAMS, organization_id, list(params)):
                params[param.run_id][param.key] = param.text
            for row in rows:
                await self._run(self._tracked(row, params[row.id], experiment_id), row.id)
                yield
            last = rows[-1].id

    def _tracked(self, row: Row, params: dict[str, str], experiment_id: str) -> TrackedRun:
        parent = self.ids.get(row.parent_id)
        told = {
            "mlflow.note.content": row.notes,
            "mlflow.parentRunId": parent,
            "mlflow.source.git.commit": row.source.get("commit"),
            "mlflow.source.git.repoURL": row.source.get("repo"),
            "mlflow.source.name": row.source.get("entrypoint"),
        }
        return TrackedRun(
            id=encode(Kind.Run, row.id),
            experiment_id=experiment_id,
            name=row.name,
            status=_STATUSES.get(RunStatus(row.status), row.status),
            started_at=row.started_at,
            ended_at=row.ended_at,
            params=params,
            tags={**{key: str(value) for key, value in row.tags.items()}, **{k: v for k, v in told.items() if v}},
        )

    async def _run(self, run: TrackedRun, key: UUID) -> None:
        histories = await histories_of(self._origin.db, key, organization_id=self._origin.organization_id)
        self.ids[key] = None
        with self._report.noting("run", run.id):
            self.ids[key] = run_id = await self._target.put_run(run, histories)
            if self._origin.with_files:
                await self._files(run_id, key)
            self._report.runs += 1
            self._report.points += sum(len(one.steps) for one in histories)

    async def _files(self, run_id: str, key: UUID) -> None:
        rows: Sequence[Row] = await self._origin.db.fetch_sql(_FILES, self._origin.organization_id, key)
        if not rows:
            return
        there = {file.path: file.size async for page in self._target.files(run_id) for file in page}
        for row in rows:
            path = f"{row.name}/{row.path}"
            if path not in there:
                place = await self._origin.blobs.find(self._origin.organization_id, row.sha256)
                await self._target.put_file(run_id, path, place)
                self._report.files += 1
