"""One project of a generated organisation as rows: the same for the same plan, but for the random part of its ids."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from maestro.db.tables import Experiment, MetricKey, Param, Project, Run
from maestro.params import typed
from maestro.points import PointColumns
from maestro.series_names import SeriesName
from ops.seeding.rows import Rows, key_at, moment
from ops.seeding.series import Place, add_series
from ops.seeding.synthetic import LOSS, METRICS, Training, trainings

SEED: Final = 20
SMALL, LARGE, MANY = 100, 500, 200
"""Projects have 100 runs until there are 200 projects, and then grow to 500 runs before there are more."""

_SPAN_MS: Final = timedelta(days=180) // timedelta(milliseconds=1)
_DOMAINS: Final = (
    "Parcel", "Harvest", "Traffic", "Turbine", "Loan", "Retina", "Basket", "Satellite", "Voice", "Invoice",
    "Battery", "Forest", "Ticket", "Engine", "River", "Catalogue", "Sensor", "Queue", "Shelf", "Weather",
)  # fmt: skip
_TASKS: Final = (
    "classification", "detection", "segmentation", "forecasting", "ranking", "matching", "clustering", "anomalies",
    "tagging", "scoring",
)  # fmt: skip
_EXPERIMENTS: Final = (
    ("Baseline", "/"),
    ("Learning rate", "/sweeps"),
    ("Regularisation", "/sweeps"),
    ("Architecture", "/models"),
    ("Augmentation", "/data"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is generated: how many runs, for whom, by whom, and when the last of them has ended."""

    runs: int
    organization_id: UUID
    user_ids: tuple[UUID, ...]
    end_ms: int

    @property
    def projects(self) -> int:
        return min(-(-self.runs // SMALL), max(MANY, -(-self.runs // LARGE)))

    def size(self, project: int) -> int:
        """Return the number of runs of a project."""
        return self.runs // self.projects + (project < self.runs % self.projects)


def title(project: int) -> str:
    """Return the name of a project; no two have the same."""
    domain = _DOMAINS[project % len(_DOMAINS)]
    task = _TASKS[project // len(_DOMAINS) % len(_TASKS)]
    series = project // (len(_DOMAINS) * len(_TASKS))
    return f"{domain} {task} {series + 1}" if series else f"{domain} {task}"


def slug(project: int) -> str:
    """Return the slug of a project."""
    return title(project).lower().replace(" ", "-")


def make_project(plan: Plan, project: int) -> Rows:
    """Make the rows of a project with all that is in it."""
    rng = np.random.default_rng([SEED, project])
    rows = Rows(plan.organization_id)
    begun = plan.end_ms - _SPAN_MS
    made = {"created_at": moment(begun), "updated_at": moment(begun)}
    project_id = key_at(begun)
    author = _author(rng, plan)
    description = f"{title(project)} with {plan.size(project):,} generated runs."
    rows.add(
        Project,
        id=project_id,
        name=title(project),
        slug=slug(project),
        description=description,
        created_by_id=author,
        last_run_number=plan.size(project),
        **made,
    )
    keys = {name: key_at(begun) for name in METRICS}
    for name, (unit, direction) in METRICS.items():
        rows.add(MetricKey, id=keys[name], project_id=project_id, name=name, unit=unit, direction=direction)
    experiments = [key_at(begun) for _ in _EXPERIMENTS]
    for key, (name, path) in zip(experiments, _EXPERIMENTS, strict=True):
        rows.add(Experiment, id=key, project_id=project_id, name=name, path=path, created_by_id=author, **made)
    found = trainings(rng, plan.size(project))
    for number, (training, start_ms) in enumerate(zip(found, _starts(rng, plan, found), strict=True), 1):
        run = _Run(
            rows=rows,
            project_id=project_id,
            experiment_id=experiments[number % len(experiments)],
            user_id=_author(rng, plan),
            number=number,
            start_ms=start_ms,
            source=_source(rng, project),
        )
        run.add(training, keys)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    rows: Rows
    project_id: UUID
    experiment_id: UUID
    user_id: UUID
    number: int
    start_ms: int
    source: dict[str, Any]

    def add(self, training: Training, keys: dict[str, UUID]) -> None:
        """Add a run with its params and its points."""
        key, end_ms = key_at(self.start_ms), self.start_ms + _duration(training)
        self.rows.add(
            Run,
            id=key,
            created_at=moment(self.start_ms),
            created_by_id=self.user_id,
            updated_at=moment(end_ms),
            project_id=self.project_id,
            experiment_id=self.experiment_id,
            number=self.number,
            name=f"{training.params['model']} {training.params['optimizer']} {self.number}",
            status=training.status,
            status_reason=training.status_reason,
            kind=training.kind,
            tags=training.tags,
            source=self.source,
            environment={"python": "3.12.4", "device": "gpu"},
            started_at=moment(self.start_ms),
            ended_at=moment(end_ms),
            heartbeat_at=moment(end_ms),
        )
        for name, value in training.params.items():
            self.rows.add(Param, run_id=key, project_id=self.project_id, key=name, **typed(value)._asdict())
        self._add_points(key, training, keys)

    def _add_points(self, run_id: UUID, training: Training, keys: dict[str, UUID]) -> None:
        epochs = np.arange(len(training.losses))
        times = self.start_ms + (epochs + 1) * training.epoch_ms
        logged = {LOSS: PointColumns(epochs, times, training.losses)} | {
            name: PointColumns(epochs[-1:], times[-1:], np.array([value])) for name, value in training.finals.items()
        }
        for name, points in logged.items():
            add_series(self.rows, Place(self.project_id, run_id, keys[name], SeriesName(name)), points)


def _starts(rng: np.random.Generator, plan: Plan, found: list[Training]) -> list[int]:
    """Spread the runs over the time there is, none of which ends after it."""
    room = _SPAN_MS - max(map(_duration, found))
    begun: list[int] = np.sort(plan.end_ms - _SPAN_MS + rng.integers(room, size=len(found))).tolist()
    return begun


def _duration(training: Training) -> int:
    return len(training.losses) * training.epoch_ms


def _author(rng: np.random.Generator, plan: Plan) -> UUID:
    return plan.user_ids[rng.integers(len(plan.user_ids))]


def _source(rng: np.random.Generator, project: int) -> dict[str, Any]:
    return {
        "repo": f"https://git.example.com/{slug(project)}.git",
        "commit": rng.bytes(20).hex(),
        "dirty": bool(rng.integers(10) == 0),
        "entrypoint": "train.py",
    }
