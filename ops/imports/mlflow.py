"""An MLflow server brought into a project: experiments, runs with all their points, files and registered models.

Each part is written in a transaction of its own and is known again by what the server calls it, so that an import may
be stopped at any point and begun anew: what is there and has not changed is not read once more, and nothing is doubled.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final
from uuid import UUID

from connectors.tracking.capability import History, TrackedExperiment, TrackedRun, TrackingSource
from maestro.errors import MaestroError, NotFound, QuotaExceeded, Transient
from maestro.progress import Progress, untold
from ops.imports import files
from ops.imports.experiments import place_experiment
from ops.imports.files import Sealing
from ops.imports.models import import_models
from ops.imports.pipes import ahead, together
from ops.imports.runs import Known, Read, known_runs, state_of, tie_parents, write_runs
from ops.imports.target import Report, Target, Wanted, require_alive
from ops.imports.texts import name_of

POINTS_AT_ONCE: Final = 400_000
"""About so many points are read and written together: they are held in memory."""
FIRST_RUNS: Final = 10
MOST_RUNS: Final = 100
FILES_AT_ONCE: Final = 4
"""So many runs have their files fetched at the same time."""
RUN: Final = "mlflow.run"


async def import_mlflow(
    source: TrackingSource, target: Target, wanted: Wanted, *, progress: Progress = untold
) -> Report:
    """Bring in what is wanted, and return how much that was and what could not be brought in.

    A run that cannot be read does not end it. Transient when the server does not answer any more, Forbidden, NotFound
    for an experiment that is named and is not there, Conflict for a project in the trash, QuotaExceeded: what has come
    until then stays.
    """
    report = Report()
    experiments = [one async for page in source.experiments(names=wanted.experiments) for one in page]
    missing = set(wanted.experiments or ()) - {one.name for one in experiments}
    if missing:
        raise NotFound(
            f"The MLflow server has no experiment {min(missing)!r}.", hint="Name those that the server shows."
        )
    importing = _Importing(source, target, wanted, report=report, progress=progress)
    for experiment in experiments:
        await importing.experiment(experiment)
    if wanted.with_models:
        progress("Importing models", None, None)
        await import_models(target, source, is_partial=wanted.experiments is not None, report=report)
    return report


class _Importing:
    """An import that is under way."""

    def __init__(
        self, source: TrackingSource, target: Target, wanted: Wanted, *, report: Report, progress: Progress
    ) -> None:
        self._source, self._target, self._wanted = source, target, wanted
        self._report, self._progress = report, progress
        self._at_once = FIRST_RUNS
        self._turns = asyncio.Semaphore(FILES_AT_ONCE)

    async def experiment(self, experiment: TrackedExperiment) -> None:
        """Bring in an experiment with its runs."""
        experiment_id = await place_experiment(self._target, str(self._source), experiment)
        self._report.experiments += 1
        async with aclosing(ahead(self._read(experiment))) as groups:
            async for known, unchanged, changed in groups:
                ids = {run.id: known.rows[run.id].id for run in unchanged}
                if changed:
                    ids |= await write_runs(self._target, experiment_id, changed, report=self._report)
                if self._wanted.with_files:
                    await self._files([*unchanged, *(run for run, _ in changed)], ids)
                self._report.runs_unchanged += len(unchanged)
                self._progress("Importing runs", self._report.runs, None, unit="runs")
        await tie_parents(self._target, experiment_id)

    async def _read(
        self, experiment: TrackedExperiment
    ) -> AsyncGenerator[tuple[Known, list[TrackedRun], list[Read]], None]:
        """Yield runs, some at a time: those that are here as they are there, and those that are not, with points."""
        async with aclosing(ahead(self._source.runs(experiment.id, since=self._wanted.since))) as pages:
            async for page in pages:
                start = 0
                while start < len(page):
                    some = page[start : start + self._at_once]
                    start += len(some)
                    known = await known_runs(self._target.db, self._target, [run.id for run in some])
                    wanted = [run for run in some if run.id not in known.trashed]
                    self._report.runs_in_trash += len(some) - len(wanted)
                    changed = [run for run in wanted if not _is_known(run, known)]
                    unchanged = [run for run in wanted if _is_known(run, known)]
                    yield known, unchanged, await self._with_points(changed)

    async def _with_points(self, runs: Sequence[TrackedRun]) -> list[Read]:
        if not runs:
            return []
        try:
            found = await self._source.all_histories(runs)
        except MaestroError as error:
            await require_alive(self._source, error)
            found = {run.id: its for run in runs if (its := await self._alone(run)) is not None}
        points = sum(len(history.steps) for its in found.values() for history in its)
        self._at_once = max(1, min(MOST_RUNS, POINTS_AT_ONCE * len(runs) // max(points, 1)))
        return [(run, found[run.id]) for run in runs if run.id in found]

    async def _alone(self, run: TrackedRun) -> Sequence[History] | None:
        """Return the points of one run; None, and a note of it, when they cannot be read."""
        try:
            return await self._source.histories(run.id, list(run.metrics)) if run.metrics else ()
        except MaestroError as error:
            await require_alive(self._source, error)
            self._report.fails("run", run.id, error)
            return None

    async def _files(self, runs: Sequence[TrackedRun], ids: Mapping[str, UUID]) -> None:
        here = [run for run in runs if run.id in ids]
        latest = await files.latest_of(self._target, [ids[run.id] for run in here])
        await together(self._files_of(run, ids[run.id], latest.get(ids[run.id])) for run in here)

    async def _files_of(self, run: TrackedRun, run_id: UUID, latest: Any) -> None:
        try:
            async with self._turns:
                listed = [file async for page in self._source.files(run.id) for file in page]
                if files.is_unchanged(listed, latest):
                    return
                async with files.fetched(self._target, listed, partial(self._source.download, run.id)) as places:
                    stored = await files.keep(self._target, places)
                await files.seal(
                    self._target,
                    Sealing(
                        name=f"{name_of(run.name, 'run')[:150]} {run.id}",
                        type="run",
                        tags={RUN: run.id},
                        run_id=run_id,
                        files=stored,
                        artifact_id=None if latest is None else latest.artifact_id,
                    ),
                )
        except QuotaExceeded:
            raise
        except MaestroError as error:
            if isinstance(error, Transient):
                await require_alive(self._source, error)
            self._report.fails("files of a run", run.id, error)
        else:
            self._report.files += len(stored)
            self._report.size_bytes += sum(file.size_bytes for file in stored)


def _is_known(run: TrackedRun, known: Known) -> bool:
    row = known.rows.get(run.id)
    return row is not None and row.state == state_of(run)
