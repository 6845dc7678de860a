"""What a tracking server can do: one protocol a verb, whole in their contracts.

Times are datetimes of UTC, values floats (NaN and infinities included). Errors are those of
`connectors/stores/capability.py`, with ConnectorFailed in the place of StoreFailed.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class TrackedExperiment:
    """An experiment of the server."""

    id: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    is_deleted: bool = False
    artifact_location: str | None = None


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run with its params, its tags and the last value of each of its metrics."""

    id: str
    experiment_id: str
    name: str
    status: str
    """SCHEDULED, RUNNING, FINISHED, FAILED or KILLED."""
    started_at: datetime | None
    ended_at: datetime | None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    user: str | None = None
    is_deleted: bool = False
    artifact_uri: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """All points of one metric of a run, as columns of one length, in the order of the steps, then of the times."""

    key: str
    steps: "NDArray[np.int64]"
    times_ms: "NDArray[np.int64]"
    values: "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class TrackedFile:
    """A file among a run's artifacts, by its path below their root."""

    path: str
    size: int | None


@dataclass(frozen=True, slots=True)
class TrackedVersion:
    """A version of a registered model, with the aliases that point to it."""

    number: int
    run_id: str | None
    source: str | None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    created_at: datetime | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """A registered model with its versions, the oldest first."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[TrackedVersion, ...] = ()
    id: str = ""
    """By this it is known when it is written again, whatever it is called then; by its name where it has none."""


class Identify(Protocol):
    """The cheapest thing that needs the credentials."""

    async def identify(self) -> str:
        """Return what answers: product and version."""
        ...


class Read(Protocol):
    """Read what was tracked."""

    def experiments(self, *, names: Sequence[str] | None = None) -> AsyncIterator[Sequence[TrackedExperiment]]:
        """Yield experiments, some at a time, deleted ones left out."""
        ...

    def runs(
        self, experiment_id: str, *, since: datetime | None = None, page: int = PAGE
    ) -> AsyncGenerator[Sequence[TrackedRun], None]:
        """Yield the runs of an experiment, the oldest first, some at a time, deleted ones left out.

        `since` leaves out those that have started before.
        """
        ...

    async def histories(self, run_id: str, keys: Sequence[str]) -> Sequence[History]:
        """Return all points of some metrics of a run, in the order of the keys; NotFound."""
        ...

    async def all_histories(self, runs: Sequence[TrackedRun]) -> Mapping[str, Sequence[History]]:
        """Return all points of all metrics of some runs, by the ids of the runs; much quicker than one by one."""
        ...

    def files(self, run_id: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a run, of all folders, some at a time."""
        ...

    async def download(self, run_id: str, path: str, to: Path) -> int:
        """Write a file of a run to one of this machine, whole or not at all; return its size in bytes. NotFound."""
        ...

    def version_files(self, model: str, number: int) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a version of a model, of all folders, some at a time; NotFound, NotSupported."""
        ...

    async def download_version_file(self, model: str, number: int, *, path: str, to: Path) -> int:
        """Write a file of a version to one of this machine, as `download` does; NotFound, NotSupported."""
        ...

    def models(self) -> AsyncIterator[Sequence[TrackedModel]]:
        """Yield the registered models with all their versions, some at a time."""
        ...


class Write(Protocol):
    """Track."""

    async def ensure_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of the experiment of a name, which is made where there is none."""
        ...

    async def put_run(self, run: TrackedRun, histories: Sequence[History]) -> str:
        """Store a run with all that it has, and return its id; one that was stored from the same run is filled up.

        `run.experiment_id` is that of an experiment of the server; by `run.id` it is known when it comes again.
        """
        ...

    async def put_file(self, run_id: str, path: str, file: Path) -> None:
        """Store a file among a run's artifacts."""
        ...

    async def ensure_model(self, model: TrackedModel, *, otherwise: str | None = None) -> TrackedModel:
        """Return the registered model that stands for one, as it is there with its versions; made where there is none.

        Description and tags are filled up, versions of `model` are not written. Another one's model is left alone:
        then the new one is called `otherwise`; Conflict where that is used too.
        """
        ...

    async def put_version(self, model: TrackedModel, version: TrackedVersion) -> int:
        """Store a version of a model as `ensure_model` returned it, without its aliases; return its number there.

        A version that was stored before under the same number is filled up. InvalidInput for one that has no source.
        """
        ...

    async def put_alias(self, model: TrackedModel, alias: str, number: int) -> None:
        """Let an alias of a model point to a version, by its number there."""
        ...

    def source_files(self, source: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files below the source of a version, of all folders, some at a time; NotFound, NotSupported."""
        ...

    async def put_source_file(self, source: str, path: str, file: Path) -> None:
        """Store a file below the source of a version; NotFound, NotSupported."""
        ...


class TrackingSource(Identify, Read, Write, Protocol):
    """A tracking server with all of it; `str` of it names the place, and holds no secret."""
