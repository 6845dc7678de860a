"""The recording of the demo's training runs: what it holds, how it is read and how it is written.

The runs were really trained, by `python -m ops.demo.record`, with scikit-learn on its bundled data sets. Reading the
recording needs neither scikit-learn nor matplotlib: `load_recording()` answers plain rows that a loader can copy.

Times are integers, milliseconds relative to the end of the recording, hence never positive: a loader adds the moment
at which the recording shall seem to have ended. Objects name one another by the recording's own string ids, such as
`digits-mlp-learning-rate/12` for a run and `handwritten-digits/digits:1` for an artifact version.
Metric values keep six significant digits; NaN and the infinities are kept as they came.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from maestro.errors import RecordingError
from ops.demo.container import pack, unpack

DEFAULT = Path(__file__).parent / "data" / "demo.recording"

JsonValue: TypeAlias = Any  # a recursive alias would have to be spelled out at every use
RunStatus: TypeAlias = Literal["FINISHED", "FAILED", "KILLED"]
RunKind: TypeAlias = Literal["TRAINING", "EVALUATION", "INFERENCE", "DATA_PREP", "TUNING", "OTHER"]
Direction: TypeAlias = Literal["MINIMIZE", "MAXIMIZE", "NONE"]
Lifecycle: TypeAlias = Literal["DRAFT", "READY", "DEPRECATED"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project; its id is its slug."""

    id: str
    name: str
    slug: str
    description: str


@dataclass(frozen=True, slots=True)
class MetricKey:
    """What a metric's name means within one project."""

    project: str
    name: str
    unit: str | None
    direction: Direction


@dataclass(frozen=True, slots=True)
class Experiment:
    """A set of comparable runs; `path` is its virtual folder, without a leading slash."""

    id: str
    project: str
    name: str
    path: str
    description: str
    tags: dict[str, str]
    created_ms: int


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one run in one context; three arrays of equal length, at least one point, steps ascending."""

    key: str
    context: dict[str, str]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    timestamps_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Source:
    """The code that ran; the three git fields are unknown to a recording and therefore null."""

    entrypoint: str
    repo: str | None = None
    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution that has ended; `number` counts from 1 within the experiment, in order of start.

    `params` holds JSON values, whose types (int, float, string, bool, null, list or object) are meant. `inputs` names
    artifact versions; what the run produced is found through `ArtifactVersion.produced_by`. `parent` always precedes
    its children in `Recording.runs`.
    """

    id: str
    experiment: str
    number: int
    name: str
    kind: RunKind
    status: RunStatus
    status_reason: str | None
    parent: str | None
    tags: dict[str, str]
    params: dict[str, JsonValue]
    config: dict[str, JsonValue]
    environment: dict[str, str]
    source: Source
    inputs: tuple[str, ...]
    notes: str | None
    started_ms: int
    ended_ms: int
    stop_requested_ms: int | None
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class ArtifactEntry:
    """One file of an artifact version; its bytes are `Recording.blob(sha256)`."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """One committed version; `number` counts from 1 within the artifact."""

    id: str
    number: int
    description: str
    produced_by: str
    created_ms: int
    entries: tuple[ArtifactEntry, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A named line of versions in a project; `type` is one of dataset, model, report."""

    id: str
    project: str
    name: str
    type: str
    versions: tuple[ArtifactVersion, ...]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model; `signature` is `{"inputs": [...], "outputs": [...]}`, `card` is Markdown."""

    number: int
    description: str
    lifecycle: Lifecycle
    source_run: str
    artifact_version: str
    metrics: dict[str, float]
    signature: dict[str, JsonValue]
    card: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One setting of an alias: from then on it named this version."""

    version: int
    set_ms: int


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """A movable name; `history` runs from the first move to the last, which is where the alias stands."""

    name: str
    protected: bool
    version: int
    set_ms: int
    history: tuple[AliasMove, ...]


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model with its versions, oldest first, and its aliases."""

    id: str
    project: str
    name: str
    description: str
    task: str
    framework: str
    tags: dict[str, str]
    created_ms: int
    versions: tuple[ModelVersion, ...]
    aliases: tuple[ModelAlias, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything recorded, parents before children; `blobs` maps the hex sha256 of a file to its bytes."""

    projects: tuple[Project, ...]
    metric_keys: tuple[MetricKey, ...]
    experiments: tuple[Experiment, ...]
    runs: tuple[Run, ...]
    artifacts: tuple[Artifact, ...]
    models: tuple[RegisteredModel, ...]
    blobs: Mapping[str, bytes]

    def blob(self, sha256: str) -> bytes:
        """Answer the bytes of a file, or raise RecordingError when the recording has no such file."""
        try:
            return self.blobs[sha256]
        except KeyError:
            raise RecordingError(f"the recording has no blob {sha256}") from None


def load_recording(path: Path = DEFAULT) -> Recording:
    """Read a recording whole; RecordingError tells of a missing, foreign, damaged or differently versioned file."""
    members = unpack(path)
    try:
        content = orjson.loads(members["content.json"])
        lines = iter(members["points.txt"].decode("ascii").splitlines())
        return Recording(
            projects=tuple(Project(**row) for row in content["projects"]),
            metric_keys=tuple(MetricKey(**row) for row in content["metric_keys"]),
            experiments=tuple(Experiment(**row) for row in content["experiments"]),
            runs=tuple(_run(row, lines) for row in content["runs"]),
            artifacts=tuple(_artifact(row) for row in content["artifacts"]),
            models=tuple(_model(row) for row in content["models"]),
            blobs={name.removeprefix("blobs/"): data for name, data in members.items() if name.startswith("blobs/")},
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise RecordingError(f"{path.name} does not have the content its format promises: {error!r}") from error


def save_recording(recording: Recording, path: Path = DEFAULT) -> None:
    """Write a recording; what `load_recording` reads back is the same up to six digits of a metric value."""
    series = [series for run in recording.runs for series in run.series]
    content = {f.name: getattr(recording, f.name) for f in fields(recording) if f.name != "blobs"}
    members = {
        "content.json": orjson.dumps(content, default=_row, option=orjson.OPT_PASSTHROUGH_DATACLASS),
        "points.txt": "\n".join(line for one in series for line in _lines(one)).encode("ascii"),
    }
    pack(members | {f"blobs/{digest}": recording.blobs[digest] for digest in sorted(recording.blobs)}, path)


def _row(value: Any) -> dict[str, Any]:
    if isinstance(value, Series):
        return {"key": value.key, "context": value.context}
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _lines(series: Series) -> Iterator[str]:
    """Three lines a series, in the order of the runs: differences of steps, differences of times, values."""
    for column in (series.steps, series.timestamps_ms):
        yield " ".join(map(str, np.diff(column, prepend=0).tolist()))
    yield " ".join(f"{value:.6g}" for value in series.values.tolist())


def _series(row: dict[str, Any], lines: Iterator[str]) -> Series:
    steps, times, values = (next(lines).split() for _ in range(3))
    return Series(
        **row,
        steps=np.cumsum(np.array(steps, dtype=np.int64)),
        values=np.array(values, dtype=np.float64),
        timestamps_ms=np.cumsum(np.array(times, dtype=np.int64)),
    )


def _run(row: dict[str, Any], lines: Iterator[str]) -> Run:
    series = tuple(_series(one, lines) for one in row.pop("series"))
    return Run(**row | {"source": Source(**row["source"]), "inputs": tuple(row["inputs"]), "series": series})


def _artifact(row: dict[str, Any]) -> Artifact:
    versions = (
        ArtifactVersion(**version | {"entries": tuple(ArtifactEntry(**entry) for entry in version["entries"])})
        for version in row["versions"]
    )
    return Artifact(**row | {"versions": tuple(versions)})


def _model(row: dict[str, Any]) -> RegisteredModel:
    aliases = (
        ModelAlias(**alias | {"history": tuple(AliasMove(**move) for move in alias["history"])})
        for alias in row["aliases"]
    )
    versions = (ModelVersion(**version) for version in row["versions"])
    return RegisteredModel(**row | {"versions": tuple(versions), "aliases": tuple(aliases)})
