"""The recording session that all training scripts share: projects, experiments, runs and models in order of making."""

from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from ops.demo.recording import (
    DEFAULT,
    Experiment,
    JsonValue,
    MetricKey,
    Project,
    Recording,
    RegisteredModel,
    RunKind,
    save_recording,
)
from ops.demo.train.artifacts import ArtifactStore, now_ms
from ops.demo.train.data import Dataset
from ops.demo.train.metrics import METRICS
from ops.demo.train.registry import ModelRecorder
from ops.demo.train.runs import RunRecorder


@dataclass
class ExperimentRecorder:
    """An experiment that runs are started in; `entrypoint` is the script that all of them share."""

    row: Experiment
    entrypoint: str
    store: ArtifactStore
    runs: list[RunRecorder]
    count: int = 0

    def run(
        self,
        name: str,
        params: dict[str, JsonValue],
        *,
        kind: RunKind = "TRAINING",
        inputs: tuple[str, ...] = (),
        parent: RunRecorder | None = None,
    ) -> RunRecorder:
        """Register the next run; it starts when its `with` block is entered."""
        self.count += 1
        run = RunRecorder(self.row, self.count, name, params, self.entrypoint, self.store)
        run.kind, run.inputs, run.parent = kind, inputs, parent.id if parent else None
        self.runs.append(run)
        return run


@dataclass
class Session:
    """Everything recorded so far; `recording()` closes the session."""

    projects: list[Project] = field(default_factory=list)
    experiments: list[ExperimentRecorder] = field(default_factory=list)
    runs: list[RunRecorder] = field(default_factory=list)
    models: list[ModelRecorder] = field(default_factory=list)
    store: ArtifactStore = field(default_factory=ArtifactStore)

    def project(self, slug: str, name: str, description: str) -> str:
        self.projects.append(Project(slug, name, slug, description))
        return slug

    def experiment(self, project: str, slug: str, **about: str) -> ExperimentRecorder:
        """Open an experiment; `about` gives its path, name, description and entrypoint."""
        entrypoint = about.pop("entrypoint")
        tags = {"dataset": slug.partition("-")[0]}
        row = Experiment(id=slug, project=project, tags=tags, created_ms=now_ms(), **about)
        experiment = ExperimentRecorder(row, entrypoint, self.store, self.runs)
        self.experiments.append(experiment)
        return experiment

    def model(self, project: str, name: str, *, data: Dataset, metric: str, description: str) -> ModelRecorder:
        """Register a model for a data set, of which a version is better when its validation metric is higher."""
        about = RegisteredModel(
            id=f"{project}/{name}",
            project=project,
            name=name,
            description=description,
            task="classification" if data.classes else "regression",
            framework="scikit-learn",
            tags={"dataset": data.name},
            created_ms=now_ms(),
            versions=(),
            aliases=(),
        )
        self.models.append(ModelRecorder(about, data, metric))
        return self.models[-1]

    def recording(self) -> Recording:
        """End the session and answer what was recorded, in times relative to this moment."""
        end_ms = now_ms()
        recording = Recording(
            projects=tuple(self.projects),
            metric_keys=tuple(self._metric_keys()),
            experiments=tuple(experiment.row for experiment in self.experiments),
            runs=tuple(run.row() for run in self.runs),
            artifacts=tuple(self.store.artifacts.values()),
            models=tuple(model.row() for model in self.models),
            blobs=self.store.blobs,
        )
        return cast(Recording, _relative(recording, end_ms))

    def write(self, path: Path | None) -> Path:
        """Write the recording to a file, by default over the one that the demo loads; answers where it is."""
        target = path or DEFAULT
        save_recording(self.recording(), target)
        return target

    def _metric_keys(self) -> list[MetricKey]:
        used = {(run.experiment.project, track.key) for run in self.runs for track in run.tracks.values()}
        return [MetricKey(project, key, *METRICS[key]) for project, key in sorted(used)]


def _relative(value: Any, end_ms: int) -> Any:
    """Rebuild rows with every `*_ms` field counted from the end."""
    if isinstance(value, tuple):
        return tuple(_relative(one, end_ms) for one in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {}
    for one in fields(value):
        held = getattr(value, one.name)
        is_time = one.name.endswith("_ms") and held is not None
        changes[one.name] = held - end_ms if is_time else _relative(held, end_ms)
    return replace(value, **changes)
