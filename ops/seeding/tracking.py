"""Projects, experiments and runs of the demo, with the params and the points of the runs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from operator import attrgetter
from uuid import UUID

from maestro.db.tables import ArtifactVersion, Experiment, MetricKey, Param, Project, Run
from maestro.db.tables.enums import LineageKind
from maestro.ids import Kind
from maestro.params import typed
from maestro.points import PointColumns
from maestro.series_names import SeriesName
from ops.demo import recording
from ops.seeding.draft import Draft
from ops.seeding.rows import moment
from ops.seeding.series import Place, add_series


def add_projects(draft: Draft) -> None:
    """Add the projects, each as old as its first experiment, with their metric keys and experiments."""
    experiments = sorted(draft.recording.experiments, key=attrgetter("created_ms"))
    begun = {one.project: draft.during(one.id, one.created_ms) for one in reversed(experiments)}
    runs = Counter(draft.experiments[run.experiment].project for run in draft.recording.runs)
    for project in draft.recording.projects:
        draft.add(
            Project,
            project.id,
            begun[project.id],
            name=project.name,
            slug=project.slug,
            description=project.description,
            last_run_number=runs[project.id],
        )
    for key in draft.recording.metric_keys:
        draft.rows.add(
            MetricKey,
            id=draft.name(MetricKey, f"{key.project}/{key.name}", begun[key.project]),
            project_id=draft.key(Project, key.project),
            name=key.name,
            unit=key.unit,
            direction=key.direction,
        )
    for experiment in experiments:
        draft.add(
            Experiment,
            experiment.id,
            draft.during(experiment.id, experiment.created_ms),
            project_id=draft.key(Project, experiment.project),
            name=experiment.name,
            path=f"/{experiment.path}",
            description=experiment.description,
            tags=experiment.tags,
        )


def add_runs(draft: Draft) -> Iterator[recording.Run]:
    """Add the runs, numbered in their projects by their start, one a step: their points take a while."""
    numbers: Counter[str] = Counter()
    for run in sorted(draft.recording.runs, key=attrgetter("started_ms")):
        project = draft.experiments[run.experiment].project
        numbers[project] += 1
        _add_run(draft, run, numbers[project])
        yield run


def add_uses(draft: Draft) -> None:
    """Draw the arrows from the artifact versions to the runs that read them."""
    for run in draft.recording.runs:
        reader = Kind.Run, draft.key(Run, run.id)
        at_ms = draft.during(run.experiment, run.started_ms)
        for used in run.inputs:
            read = Kind.ArtifactVersion, draft.key(ArtifactVersion, used)
            draft.link(LineageKind.USED, read, reader, run_id=reader[1], at_ms=at_ms)


def _add_run(draft: Draft, run: recording.Run, number: int) -> None:
    def when(at_ms: int) -> int:
        return draft.during(run.experiment, at_ms)

    project_id = draft.key(Project, draft.experiments[run.experiment].project)
    key = draft.add(
        Run,
        run.id,
        when(run.started_ms),
        changed_ms=when(run.ended_ms),
        project_id=project_id,
        experiment_id=draft.key(Experiment, run.experiment),
        parent_id=None if run.parent is None else draft.key(Run, run.parent),
        number=number,
        name=run.name,
        status=run.status,
        status_reason=run.status_reason,
        kind=run.kind,
        tags=run.tags,
        config=run.config,
        source={name: value for name, value in asdict(run.source).items() if value is not None},
        environment=run.environment,
        notes=run.notes or "",
        started_at=moment(when(run.started_ms)),
        ended_at=moment(when(run.ended_ms)),
        heartbeat_at=moment(when(run.ended_ms)),
        stop_requested_at=None if run.stop_requested_ms is None else moment(when(run.stop_requested_ms)),
    )
    for name, value in run.params.items():
        draft.rows.add(Param, run_id=key, project_id=project_id, key=name, **typed(value)._asdict())
    _add_points(draft, run, key)


def _add_points(draft: Draft, run: recording.Run, run_id: UUID) -> None:
    project = draft.experiments[run.experiment].project
    project_id = draft.key(Project, project)
    moved_by = draft.during(run.experiment, 0)
    for series in run.series:
        name = SeriesName.of(series.key, series.context)
        place = Place(project_id, run_id, draft.key(MetricKey, f"{project}/{series.key}"), name)
        points = PointColumns(series.steps, series.timestamps_ms + moved_by, series.values)
        add_series(draft.rows, place, points)
