"""Runs of a project written to an MLflow server, with their params, tags, points and files."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs
from connectors.tracking.capability import TrackedRun, TrackingSource
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import RunStatus
from maestro.errors import MaestroError, NotFound, Transient
from maestro.ids import Kind, encode
from maestro.progress import Progress, untold
from ops.exports.points import histories_of

PAGE: Final = 50
MOST_FAILURES: Final = 200
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is exported: a project, or one experiment of it; `db` shows its organisation and no other one."""

    db: Database
    organization_id: UUID
    project_id: UUID
    experiment_id: UUID | None
    blobs: LocalBlobs


@dataclass(slots=True)
class Written:
    """How much was written, and what was not."""

    experiments: int = 0
    runs: int = 0
    points: int = 0
    files: int = 0
    failed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)

    def fails(self, noun: str, name: str, error: MaestroError) -> None:
        """Take note of something that could not be written."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append({"noun": noun, "name": name, "code": error.code, "message": error.message})

    @property
    def document(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return asdict(self)


async def export_mlflow(
    origin: Origin, target: TrackingSource, *, with_files: bool = True, progress: Progress = untold
) -> Written:
    """Write runs to a server, each with all that it has; those that are there already are filled up.

    NotFound, Transient when the server does not answer any more.
    """
    db, place = origin.db, (origin.organization_id, origin.project_id)
    projects = await db.fetch_sql(_PROJECT, origin.project_id, origin.organization_id)
    experiments = await db.fetch_sql(_EXPERIMENTS, *place, origin.experiment_id)
    if not projects or (origin.experiment_id is not None and not experiments):
        raise NotFound("There is no such Project or Experiment.")
    (total,) = await db.fetch_sql(_TOTAL, *place, origin.experiment_id)
    report = Written()
    exporting = _Exporting(origin, target, with_files=with_files, report=report)
    for experiment in experiments:
        async for _ in exporting.experiment(f"{projects[0].name}{experiment.path.rstrip('/')}", experiment):
            progress("Exporting runs", report.runs + report.failed, total.n, unit="runs")
    return report


class _Exporting:
    """An export that is under way; `ids` are those of the server by ours."""

    def __init__(self, origin: Origin, target: TrackingSource, *, with_files: bool, report: Written) -> None:
        self._origin, self._target = origin, target
        self._with_files, self._report = with_files, report
        self._ids: dict[UUID, str] = {}

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
        parent = self._ids.get(row.parent_id)
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
        try:
            run_id = self._ids[key] = await self._target.put_run(run, histories)
            if self._with_files:
                await self._files(run_id, key)
        except MaestroError as error:
            if isinstance(error, Transient):
                raise
            self._report.fails("run", run.id, error)
        else:
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
