"""Runs in the schema."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from dataloaders.artifacts import ProducedByRun, UsedByRun
from dataloaders.experiments import ExperimentById
from dataloaders.metrics import SeriesByRun, series_names
from dataloaders.params import ParamsByRun
from dataloaders.projects import ProjectById
from dataloaders.runs import RunById, Runs, RunsByParent
from execution.declare import column, computed, many, one, page
from maestro.db.tables.enums import RunKind, RunStatus
from maestro.ids import Kind
from resolvers import validation
from schema.connections import Connection
from schema.nodes import Owned, Trashable, by_id
from schema.params import Param
from schema.run_lists import run_page
from schema.scalars import BigInt
from schema.tags import Tag, tags_of

if TYPE_CHECKING:
    from schema.artifact_versions import ArtifactVersion
    from schema.experiments import Experiment
    from schema.metrics import MetricSeries
    from schema.projects import Project

VersionReference = Annotated["ArtifactVersion", strawberry.lazy("schema.artifact_versions")]
SeriesReference = Annotated["MetricSeries", strawberry.lazy("schema.metrics")]
RunReference = Annotated["Run", strawberry.lazy("schema.runs")]


def param_keys(
    prefix: Annotated[str, strawberry.argument(description="Only keys that begin with this, like `model.`.")] = "",
) -> str:
    """Declare and read which params of a run are wanted."""
    return validation.text(prefix, field="prefix", limit=1000)


def series_keys(
    keys: Annotated[
        list[str] | None,
        strawberry.argument(description="Only these, like `accuracy` or `accuracy{split=val}`; at most 200."),
    ] = None,
) -> tuple[str, ...] | None:
    """Declare and read which metrics of a run are wanted."""
    return series_names(keys)


@strawberry.type(description="The code that a run ran.")
class RunSource:
    """What the process said about its code."""

    repo: str | None = strawberry.field(description="Where the code is kept, as an address.")
    commit: str | None = strawberry.field(description="The commit that was checked out.")
    dirty: bool | None = strawberry.field(description="Whether files differed from the commit.")
    entrypoint: str | None = strawberry.field(description="What was started: a file, a module or a command.")


@strawberry.type(description="One execution: a training, an evaluation, a step of a pipeline.")
class Run(Owned, Trashable, kind=Kind.Run):
    """A run's row."""

    number: int = column("Counts the runs of the project from 1.")
    name: str = column("Its name; need not be unique.")
    external_id: str | None = column("Its id in the system that started it, unique in the project.")
    status: RunStatus = column("Where it is in its life.")
    status_reason: str | None = column("Why it has its status, if somebody said.")
    config: JSON = column("Its whole configuration, as it was given.")
    environment: JSON = column("Where it runs: versions, machine, accelerators.")
    notes: str = column("What people wrote about it, in Markdown.")
    started_at: datetime | None = column("When it started; null while it is scheduled.")
    ended_at: datetime | None = column("When it ended; null until then.")
    heartbeat_at: datetime | None = column("When its process last told that it lives.")
    stop_requested_at: datetime | None = column("When somebody asked it to stop; its process should end soon after.")

    project: Annotated["Project", strawberry.lazy("schema.projects")] = one(
        ProjectById, key="project_id", description="The project that it belongs to."
    )
    experiment: Annotated["Experiment", strawberry.lazy("schema.experiments")] = one(
        ExperimentById, key="experiment_id", description="The experiment that it belongs to."
    )
    parent: RunReference | None = one(RunById, key="parent_id", description="The run that it is a part of.")
    children: Connection[RunReference] = page(RunsByParent, arguments=run_page, description="The runs that are parts.")
    params: list[Param] = many(ParamsByRun, arguments=param_keys, description="Its inputs, sorted by key.")
    metric_summaries: list[SeriesReference] = many(
        SeriesByRun, arguments=series_keys, description="What its metrics have come to, sorted by key and context."
    )
    series: list[SeriesReference] = many(
        SeriesByRun, arguments=series_keys, description="Its metrics with their histories, sorted by key and context."
    )
    inputs: list[VersionReference] = many(UsedByRun, description="The artifact versions that it read.")
    outputs: list[VersionReference] = many(ProducedByRun, description="The artifact versions that it wrote.")

    @computed("kind", name="kind", description="What it does.")
    def run_kind(self) -> RunKind:
        """Return the kind; every node has an attribute `kind` that says what it is a node of."""
        return RunKind(self.row.kind)

    @computed("tags", description="Its tags, sorted by key.")
    def tags(self) -> list[Tag]:
        """Return the tags."""
        return tags_of(self.row)

    @computed("source", description="The code that it ran; null when nobody said.")
    def source(self) -> RunSource | None:
        """Return what is known of the code."""
        known = self.row.source
        if not known:
            return None
        return RunSource(
            repo=known.get("repo"),
            commit=known.get("commit"),
            dirty=known.get("dirty"),
            entrypoint=known.get("entrypoint"),
        )

    @computed("started_at", "ended_at", description="From its start to its end, in milliseconds; null until then.")
    def duration_ms(self) -> BigInt | None:
        """Return the duration."""
        if self.row.started_at is None or self.row.ended_at is None:
            return None
        return BigInt(round((self.row.ended_at - self.row.started_at).total_seconds() * 1000))


@strawberry.type
class RunQueries:
    """Root fields."""

    run: Run | None = one(RunById, key=None, arguments=by_id(Kind.Run), description="A run by its id.")
    runs: Connection[Run] = page(Runs, key=None, arguments=run_page, description="The organisation's runs.")
