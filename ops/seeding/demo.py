"""The recorded demo, loaded into an empty organisation: all of it or nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.local import LocalBlobs
from maestro.db.engine import Database
from maestro.db.tables import (
    ArtifactEntry,
    ArtifactVersion,
    Base,
    Experiment,
    MetricSeries,
    ModelVersion,
    Project,
    Run,
)
from maestro.errors import RecordingError
from ops.demo.recording import Recording
from ops.seeding.draft import Draft
from ops.seeding.emptiness import hold_projects, is_empty, not_empty
from ops.seeding.playground import add_playground
from ops.seeding.registry import add_artifacts, add_models
from ops.seeding.rows import Owner, Progress, milliseconds
from ops.seeding.tracking import add_projects, add_runs, add_uses

_AT_ONCE: Final = 16
"""So many files are written at the same time: each waits for the disk."""
_FILES: Final = "storing files"
_RUNS: Final = "packing runs"


@dataclass(frozen=True, slots=True)
class DemoStats:
    """How much of everything was loaded."""

    projects: int
    experiments: int
    runs: int
    series: int
    points: int
    artifact_versions: int
    files: int
    model_versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What to load, for whom, where its files go and when it shall seem to have ended, an hour before `now`."""

    recording: Recording
    owner: Owner
    blobs: LocalBlobs
    now: datetime


async def load_demo(db: Database, demo: Demo, progress: Progress) -> DemoStats:
    """Write a recording in one transaction; Conflict when the organisation is in use, RecordingError, Unavailable."""
    _check_blobs(demo.recording)
    draft = Draft(demo.recording, demo.owner, milliseconds(demo.now))
    total = len(demo.recording.runs) + len(demo.recording.blobs)
    async with db.transaction() as tx:
        await hold_projects(tx)
        if not await is_empty(tx, demo.owner.organization_id):
            raise not_empty()
        add_projects(draft)
        for done, _ in enumerate(add_runs(draft)):
            progress(done, total, _RUNS)
        add_artifacts(draft)
        add_models(draft)
        add_uses(draft)
        add_playground(draft, milliseconds(demo.now))
        await draft.rows.copy(tx)
        # Last, so that whatever else fails leaves no file behind.
        await _store_blobs(demo, lambda done: progress(len(demo.recording.runs) + done, total, _FILES))
    progress(total, total, "done")
    return _stats(draft)


def _check_blobs(recording: Recording) -> None:
    for sha256, content in recording.blobs.items():
        if hashlib.sha256(content).hexdigest() != sha256:
            raise RecordingError(f"the recording's blob {sha256} is damaged")


async def _store_blobs(demo: Demo, stored: Callable[[int], None]) -> None:
    blobs = list(demo.recording.blobs.items())
    for start in range(0, len(blobs), _AT_ONCE):
        stored(start)
        await asyncio.gather(
            *(
                demo.blobs.write(demo.owner.organization_id, _stream(content), limit=len(content), expected=sha256)
                for sha256, content in blobs[start : start + _AT_ONCE]
            )
        )


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _stats(draft: Draft) -> DemoStats:
    def count(table: type[Base]) -> int:
        return len(draft.rows.of(table.__tablename__))

    return DemoStats(
        projects=count(Project),
        experiments=count(Experiment),
        runs=count(Run),
        series=count(MetricSeries),
        points=sum(len(series.steps) for run in draft.recording.runs for series in run.series),
        artifact_versions=count(ArtifactVersion),
        files=count(ArtifactEntry),
        model_versions=count(ModelVersion),
    )
