"""Experiments in the schema."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from dataloaders.aggregates import RunGroups
from dataloaders.best_runs import Best, BestRunByExperiment
from dataloaders.experiments import EXPERIMENTS, ExperimentById, Experiments, MetricKeysByExperiment
from dataloaders.projects import ProjectById
from dataloaders.runs import RunsByExperiment
from execution.declare import column, computed, many, one, page
from execution.policy import cached
from maestro.db.tables.enums import MetricDirection
from maestro.filters import Aggregate
from maestro.ids import Kind
from schema.aggregates import RunGroup, grouping
from schema.connections import Connection
from schema.filtering import (
    DateTimeCondition,
    IdCondition,
    StringCondition,
    TagCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.list_arguments import list_arguments
from schema.nodes import Owned, Trashable, by_id
from schema.run_lists import metric_name, run_page
from schema.runs import Run
from schema.tags import Tag, tags_of

if TYPE_CHECKING:
    from schema.metrics import MetricKey
    from schema.projects import Project


def best(
    metric: Annotated[str, strawberry.argument(description="The metric, like `accuracy{split=val}`.")],
    aggregate: Annotated[
        Aggregate, strawberry.argument(description="Which of its values; the last unless told.")
    ] = Aggregate.LAST,
    direction: Annotated[
        MetricDirection | None,
        strawberry.argument(description="Which way it gets better; as its key says unless told."),
    ] = None,
) -> Best:
    """Declare and read by what a run is the best."""
    return Best(metric_name(metric), aggregate, direction)


@strawberry.type(description="Runs that can be compared: the same question asked again and again.")
class Experiment(Owned, Trashable, kind=Kind.Experiment):
    """An experiment's row."""

    name: str = column("Its name, unique in its folder of the project.")
    path: str = column("The folder that it is in, like `/vision/ablations`.")
    description: str = column("What it is about, in Markdown.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] = one(
        ProjectById, key="project_id", description="The project that it belongs to."
    )
    runs: Connection[Run] = page(RunsByExperiment, arguments=run_page, description="Its runs.")
    best_run: Run | None = one(
        BestRunByExperiment,
        key="id",
        arguments=best,
        cached=cached(ttl=300),
        description="The run with the best value of a metric; null when no run has a finite one.",
    )
    aggregates: list[RunGroup] = many(
        RunGroups,
        arguments=grouping,
        cached=cached(ttl=300),
        description="Its runs in groups, the largest 1,000 first.",
    )
    metric_keys: list[Annotated["MetricKey", strawberry.lazy("schema.metrics")]] = many(
        MetricKeysByExperiment,
        cached=cached(ttl=300),
        description="The metrics that its runs have logged, sorted by name.",
    )

    @computed("tags", description="Its tags, sorted by key.")
    def tags(self) -> list[Tag]:
        """Return the tags."""
        return tags_of(self.row)


@filter_input("Which experiments; all members that are given must hold.")
class ExperimentFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    path: StringCondition | None = condition('By folder; `like: "/vision/%"` is all below it.')
    description: StringCondition | None = condition("By description.")
    project: IdCondition | None = condition("By project.")
    created_by: IdCondition | None = condition("By who created it.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    tag: TagCondition | None = condition("By a tag; several go into `and`.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


experiment_page = list_arguments(
    EXPERIMENTS, ExperimentFilter, sort_input("ExperimentSort", EXPERIMENTS), noun="experiments"
)


@strawberry.type
class ExperimentQueries:
    """Root fields."""

    experiment: Experiment | None = one(
        ExperimentById, key=None, arguments=by_id(Kind.Experiment), description="An experiment by its id."
    )
    experiments: Connection[Experiment] = page(
        Experiments, key=None, arguments=experiment_page, description="The organisation's experiments."
    )
