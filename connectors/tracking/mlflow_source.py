"""An MLflow server as a source of what was tracked, and as a place to track."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.tracking.capability import (
    PAGE,
    History,
    TrackedExperiment,
    TrackedFile,
    TrackedModel,
    TrackedRun,
    TrackedVersion,
)
from connectors.tracking.mlflow_calls import Calls, called
from connectors.tracking.mlflow_entities import experiment_of, milliseconds, run_of
from connectors.tracking.mlflow_files import Files
from connectors.tracking.mlflow_histories import Histories
from connectors.tracking.mlflow_library import tracking
from connectors.tracking.mlflow_models import Models
from connectors.tracking.mlflow_writing import Runs
from maestro.credentials import MlflowCredential
from maestro.errors import NotFound
from maestro.vendor_errors import NotSupported
from maestro.vendors import Mlflow


@asynccontextmanager
async def open_mlflow(config: Mlflow, credential: MlflowCredential | None) -> AsyncIterator["MlflowSource"]:
    """Open an MLflow server for a block; nothing is sent yet."""
    async with called(config.tracking_uri, credential) as calls:
        yield MlflowSource(calls, config.tracking_uri)


class MlflowSource:
    """An MLflow server."""

    def __init__(self, calls: Calls, uri: str) -> None:
        self._calls = calls
        self._uri = uri
        self._histories = Histories(calls)
        self._files = Files(calls)
        self._models = Models(calls)
        self._runs = Runs(calls, self._histories)

    def __str__(self) -> str:
        return self._uri

    async def identify(self) -> str:
        """Return the product and its version; Forbidden for a credential that is refused."""
        await self._calls.send(tracking.SearchExperiments(max_results=1), "experiments")
        try:
            return f"MLflow {await self._calls.text('/version', 'version')}"
        except (NotFound, NotSupported):
            return "MLflow"

    async def experiments(self, *, names: Sequence[str] | None = None) -> AsyncIterator[Sequence[TrackedExperiment]]:
        """Yield the experiments that are not deleted, page by page."""
        wanted = None if names is None else frozenset(names)
        asked = tracking.SearchExperiments(max_results=PAGE, view_type=tracking.ACTIVE_ONLY, order_by=["experiment_id"])
        async for told in self._pages(asked, "experiments"):
            found = [experiment_of(one) for one in told.experiments if wanted is None or one.name in wanted]
            if found:
                yield found

    async def runs(
        self, experiment_id: str, *, since: datetime | None = None, page: int = PAGE
    ) -> AsyncGenerator[Sequence[TrackedRun], None]:
        """Yield the runs of an experiment that are not deleted, the oldest first."""
        asked = tracking.SearchRuns(
            experiment_ids=[experiment_id],
            filter=None if since is None else f"attributes.start_time >= {milliseconds(since)}",
            run_view_type=tracking.ACTIVE_ONLY,
            max_results=page,
            order_by=["attributes.start_time ASC"],
        )
        async for told in self._pages(asked, f"runs of the experiment {experiment_id}"):
            found = [run_of(one) for one in told.runs]
            for run in found:
                self._files.note(run.id, run.artifact_uri)
            if found:
                yield found

    async def histories(self, run_id: str, keys: Sequence[str]) -> Sequence[History]:
        """Return all points of some metrics of a run, in the order of the keys; NotFound."""
        return await self._histories.of_run(run_id, keys)

    async def all_histories(self, runs: Sequence[TrackedRun]) -> Mapping[str, Sequence[History]]:
        """Return all points of all metrics of some runs, by the ids of the runs."""
        return await self._histories.of_runs(runs)

    def files(self, run_id: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a run, folder by folder."""
        return self._files.of_run(run_id)

    async def download(self, run_id: str, path: str, to: Path) -> int:
        """Write a file of a run to one of this machine, whole or not at all; return its size in bytes. NotFound."""
        return await self._files.download(run_id, path, to)

    def version_files(self, model: str, number: int) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a version of a model; NotFound, NotSupported for files that the proxy does not have."""
        return self._files.of_version(model, number)

    async def download_version_file(self, model: str, number: int, *, path: str, to: Path) -> int:
        """Write a file of a version of a model to one of this machine; return its size in bytes. NotFound."""
        return await self._files.download_of_version(model, number, path=path, to=to)

    def models(self) -> AsyncIterator[Sequence[TrackedModel]]:
        """Yield the registered models with all their versions."""
        return self._models.all()

    async def ensure_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of the experiment of a name, which is made where there is none; Conflict for a deleted one."""
        return await self._runs.ensure_experiment(name, tags)

    async def put_run(self, run: TrackedRun, histories: Sequence[History]) -> str:
        """Store a run with all that it has, and return its id; one that was stored from the same run is filled up."""
        return await self._runs.put_run(run, histories)

    async def put_file(self, run_id: str, path: str, file: Path) -> None:
        """Store a file among those of a run; NotSupported where the server does not keep them itself."""
        await self._files.put(run_id, path, file)

    async def ensure_model(self, model: TrackedModel, *, otherwise: str | None = None) -> TrackedModel:
        """Return the registered model that stands for one, made where there is none; Conflict."""
        return await self._models.ensure(model, otherwise=otherwise)

    async def put_version(self, model: TrackedModel, version: TrackedVersion) -> int:
        """Store a version of a model without its aliases, and return its number there; InvalidInput."""
        return await self._models.put_version(model, version)

    async def put_alias(self, model: TrackedModel, alias: str, number: int) -> None:
        """Let an alias of a model point to a version, by its number there."""
        await self._models.put_alias(model, alias, number)

    def source_files(self, source: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files below the source of a version; NotFound, NotSupported for what the proxy does not have."""
        return self._files.of_source(source)

    async def put_source_file(self, source: str, path: str, file: Path) -> None:
        """Store a file below the source of a version; NotSupported where the server does not keep them itself."""
        await self._files.put_under(source, path, file)

    async def _pages(self, asked: Any, what: str) -> AsyncIterator[Any]:
        while True:
            told = await self._calls.send(asked, what)
            yield told
            if not told.next_page_token:
                return
            asked.page_token = told.next_page_token
