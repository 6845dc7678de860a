"""Runs of ours written to an MLflow server: what is there already is filled up, never doubled."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from connectors.tracking.capability import History, TrackedRun
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_entities import milliseconds, texts
from connectors.tracking.mlflow_histories import Histories
from connectors.tracking.mlflow_library import tracking
from maestro.errors import Conflict, NotFound

ORIGIN: Final = "maestro.run"
"""The tag by which a run is known that was stored before."""
MOST_METRICS: Final = 1000
MOST_PARAMS: Final = 100
MOST_TAGS: Final = 100
_REFUSED_IN_KEYS: Final = re.compile(r"[^\w\-. /:]", re.ASCII)
_DELETED: Final = "deleted"


def fitting(key: str) -> str:
    """Return a key as MLflow takes it: other characters than letters, digits and `_-. /:` become underscores."""
    return _REFUSED_IN_KEYS.sub("_", key)[:250]


class Runs:
    """Writes experiments and runs."""

    def __init__(self, calls: Calls, histories: Histories) -> None:
        self._calls = calls
        self._histories = histories

    async def ensure_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of the experiment of a name, which is made where there is none; Conflict for a deleted one."""
        asked = tracking.GetExperimentByName(experiment_name=name)
        try:
            found = (await self._calls.send(asked, f"experiment {name!r}")).experiment
        except NotFound:
            return await self._make_experiment(name, tags)
        if found.lifecycle_stage == _DELETED:
            raise Conflict(
                f"The experiment {name!r} is deleted on the MLflow server.",
                hint="Restore it there, or delete it for good.",
            )
        known = texts(found.tags)
        for key, value in tags.items():
            if known.get(key) != value:
                tag = tracking.SetExperimentTag(experiment_id=found.experiment_id, key=fitting(key), value=value)
                await self._calls.send(tag, f"tag of {name!r}")
        identifier: str = found.experiment_id
        return identifier

    async def _make_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        made = tracking.CreateExperiment(name=name)
        for key, value in tags.items():
            made.tags.add(key=fitting(key), value=value)
        try:
            identifier: str = (await self._calls.send(made, f"experiment {name!r}")).experiment_id
        except Conflict:
            # Made meanwhile, perhaps by ourselves in a call whose answer was lost.
            return await self.ensure_experiment(name, tags)
        return identifier

    async def put_run(self, run: TrackedRun, histories: Sequence[History]) -> str:
        """Store a run with all that it has, and return its id there."""
        known = await self._known(run)
        there = await self._make(run) if known is None else known
        run_id: str = there.info.run_id
        await self._fill_up(run_id, there, run)
        await self._add_points(run_id, there, histories)
        status = tracking.RunStatus.Value(run.status)
        ended = None if run.ended_at is None else milliseconds(run.ended_at)
        done = tracking.UpdateRun(run_id=run_id, run_name=run.name, status=status, end_time=ended)
        await self._calls.send(done, f"run {run.name!r}")
        return run_id

    async def _known(self, run: TrackedRun) -> Any | None:
        asked = tracking.SearchRuns(
            experiment_ids=[run.experiment_id], filter=f"tags.`{ORIGIN}` = '{run.id}'", max_results=1
        )
        found = (await self._calls.send(asked, f"run {run.name!r}")).runs
        return found[0] if found else None

    async def _make(self, run: TrackedRun) -> Any:
        made = tracking.CreateRun(
            experiment_id=run.experiment_id, run_name=run.name, start_time=_ms(run.started_at), user_id=run.user
        )
        made.tags.add(key=ORIGIN, value=run.id)
        # Not a second time: a run whose answer is lost would be there twice.
        return (await self._calls.send(made, f"run {run.name!r}", is_repeatable=False)).run

    async def _fill_up(self, run_id: str, there: Any, run: TrackedRun) -> None:
        params, tags = texts(there.data.params), texts(there.data.tags)
        # A param keeps its first value on the server.
        new_params = {key: value for name, value in run.params.items() if (key := fitting(name)) not in params}
        new_tags = {key: value for name, value in run.tags.items() if tags.get(key := fitting(name)) != value}
        # A run that was exported, and has come back by an import, has the tag of what it was exported from.
        new_tags.pop(ORIGIN, None)
        for part in _parts(list(new_params.items()), MOST_PARAMS):
            batch = tracking.LogBatch(run_id=run_id)
            for key, value in part:
                batch.params.add(key=key, value=value)
            await self._calls.send(batch, f"params of {run.name!r}")
        for part in _parts(list(new_tags.items()), MOST_TAGS):
            batch = tracking.LogBatch(run_id=run_id)
            for key, value in part:
                batch.tags.add(key=key, value=value)
            await self._calls.send(batch, f"tags of {run.name!r}")

    async def _add_points(self, run_id: str, there: Any, histories: Sequence[History]) -> None:
        """Add the points whose steps the server does not have yet."""
        stored = {one.key for one in there.data.metrics}
        wanted = {fitting(one.key): one for one in histories}
        both = [key for key in wanted if key in stored]
        known = await self._histories.of_run(run_id, both) if both else ()
        steps = {one.key: set(one.steps.tolist()) for one in known}
        new = [
            (key, step, at, value)
            for key, one in wanted.items()
            for step, at, value in zip(one.steps.tolist(), one.times_ms.tolist(), one.values.tolist(), strict=True)
            if step not in steps.get(key, ())
        ]
        for part in _parts(new, MOST_METRICS):
            batch = tracking.LogBatch(run_id=run_id)
            for key, step, at, value in part:
                batch.metrics.add(key=key, step=step, timestamp=at, value=value)
            await self._calls.send(batch, "points")


def _ms(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
