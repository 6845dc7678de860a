"""A run while it happens: scripts log to it inside a `with` block, whose end decides how the run ended."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import sklearn

from ops.demo.recording import Artifact, ArtifactVersion, Experiment, JsonValue, Run, RunKind, RunStatus, Series, Source
from ops.demo.train.artifacts import ArtifactStore, now_ms

ENVIRONMENT = {
    "python": platform.python_version(),
    "numpy": np.__version__,
    "scikit-learn": sklearn.__version__,
    "threads": "1",
}


class Diverged(ArithmeticError):
    """Training left the range of floating-point numbers: the run ends as FAILED."""


class OverBudget(RuntimeError):
    """A budget ran out before training was done: the run ends as KILLED."""


@dataclass(slots=True)
class Track:
    """A series that grows; `add` stamps each point with the wall clock."""

    key: str
    context: dict[str, str]
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.times.append(now_ms())

    def series(self) -> Series:
        steps, times = np.array(self.steps, dtype=np.int64), np.array(self.times, dtype=np.int64)
        return Series(self.key, self.context, steps, np.array(self.values, dtype=np.float64), times)


@dataclass
class RunRecorder:
    """A run that is being recorded; the attributes from `tags` on are set by the script as it learns of them."""

    experiment: Experiment
    number: int
    name: str
    params: dict[str, JsonValue]
    entrypoint: str
    store: ArtifactStore
    kind: RunKind = "TRAINING"
    inputs: tuple[str, ...] = ()
    parent: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    config: dict[str, JsonValue] = field(default_factory=dict)
    notes: str | None = None
    status: RunStatus = "FINISHED"
    status_reason: str | None = None
    started_ms: int = 0
    ended_ms: int = 0
    stop_requested_ms: int | None = None
    tracks: dict[tuple[str, ...], Track] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.experiment.id}/{self.number}"

    def __enter__(self) -> Self:
        self.started_ms = now_ms()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        self.ended_ms = now_ms()
        match error:
            case Diverged():
                self.status, self.status_reason = "FAILED", str(error)
            case OverBudget():
                self.status, self.status_reason = "KILLED", str(error)
                self.stop_requested_ms = max(time for track in self.tracks.values() for time in track.times)
            case _:
                return False
        return True

    def track(self, key: str, **context: str) -> Track:
        """Answer the series of a metric in a context, made when it is new."""
        return self.tracks.setdefault((key, *context, *context.values()), Track(key, context))

    def log(self, step: int, values: Mapping[str, float], **context: str) -> None:
        for key, value in values.items():
            self.track(key, **context).add(step, value)

    def configure(self, model: Any) -> None:
        """Keep an estimator's class and all its settings as the run's config."""
        settings = {key: value for key, value in model.get_params().items() if not callable(value)}
        self.config = {"estimator": type(model).__name__, "settings": settings}

    def save(self, name: str, kind: str, files: Mapping[str, bytes], *, description: str) -> ArtifactVersion:
        """Keep files as a new version of the project's artifact of that name."""
        artifact = Artifact(f"{self.experiment.project}/{name}", self.experiment.project, name, kind, ())
        return self.store.add(artifact, files, produced_by=self.id, description=description)

    def row(self) -> Run:
        return Run(
            id=self.id,
            experiment=self.experiment.id,
            number=self.number,
            name=self.name,
            kind=self.kind,
            status=self.status,
            status_reason=self.status_reason,
            parent=self.parent,
            tags=self.tags,
            params=self.params,
            config=self.config,
            environment=ENVIRONMENT,
            source=Source(self.entrypoint),
            inputs=self.inputs,
            notes=self.notes,
            started_ms=self.started_ms,
            ended_ms=self.ended_ms,
            stop_requested_ms=self.stop_requested_ms,
            series=tuple(track.series() for track in self.tracks.values()),
        )
