"""Runs in groups, with the aggregates of a metric over each."""

from enum import StrEnum
from typing import Annotated, Any

import strawberry

from dataloaders.aggregates import Grouping, GroupSource
from execution.declare import computed
from maestro.errors import InvalidInput
from maestro.filters import Aggregate
from resolvers import validation
from schema.enums import described
from schema.run_lists import metric_name
from schema.scalars import BigInt


class RunGroupField(StrEnum):
    """A column of a run."""

    STATUS = "status"
    KIND = "kind"


described(
    RunGroupField,
    "A field to group runs by.",
    {"STATUS": "Where they are in their life.", "KIND": "What they do."},
)


@strawberry.input(description="What to group runs by: exactly one of `field`, `param` and `tag`.")
class RunGroupBy:
    """What to group by."""

    field: RunGroupField | None = strawberry.field(default=None, description="A field.")
    param: str | None = strawberry.field(default=None, description="The key of a param; its text is the value.")
    tag: str | None = strawberry.field(default=None, description="The key of a tag.")


@strawberry.type(description="A metric over the runs of a group.")
class MetricAggregates:
    """The metric's part of a group's row."""

    row: strawberry.Private[Any]

    @computed("n", description="How many runs have a finite value.")
    def count(self) -> BigInt:
        """Return the count."""
        return BigInt(self.row.n)

    @computed("least", description="The least value; null when no run has one.")
    def min(self) -> float | None:
        """Return the least value."""
        least: float | None = self.row.least
        return least

    @computed("greatest", description="The greatest value; null when no run has one.")
    def max(self) -> float | None:
        """Return the greatest value."""
        greatest: float | None = self.row.greatest
        return greatest

    @computed("mean", description="The arithmetic mean of the values; null when no run has one.")
    def mean(self) -> float | None:
        """Return the mean."""
        mean: float | None = self.row.mean
        return mean


@strawberry.type(description="The runs that have the same value of what they are grouped by.")
class RunGroup:
    """A group's row."""

    row: strawberry.Private[Any]

    @computed("value", description="The value; null for the runs without the param or tag.")
    def value(self) -> str | None:
        """Return the value."""
        found: str | None = self.row.value
        return found

    @computed("run_count", description="How many runs the group has.")
    def run_count(self) -> BigInt:
        """Return the count."""
        return BigInt(self.row.run_count)

    @computed("n", "least", "greatest", "mean", description="The metric over the group; null when none was asked for.")
    def metric(self) -> MetricAggregates | None:
        """Return the metric's part."""
        return None if self.row.get("n") is None else MetricAggregates(row=self.row)


def grouping(
    group_by: Annotated[RunGroupBy, strawberry.argument(description="What to group by.")],
    metric: Annotated[
        str | None, strawberry.argument(description="A metric to aggregate, like `accuracy{split=val}`.")
    ] = None,
    aggregate: Annotated[
        Aggregate, strawberry.argument(description="Which of its values of each run; the last unless told.")
    ] = Aggregate.LAST,
) -> Grouping:
    """Declare and read how runs are grouped; InvalidInput unless it is by exactly one thing."""
    wanted = {source: key for source in GroupSource if (key := getattr(group_by, source.value)) is not None}
    if len(wanted) != 1:
        raise InvalidInput(
            f"groupBy names {' and '.join(wanted) or 'nothing'} to group by.",
            field="groupBy",
            hint="Give exactly one of field, param and tag.",
        )
    (source, key) = wanted.popitem()
    checked = validation.text(str(key), field=f"groupBy.{source}", limit=1000)
    return Grouping(source, checked, None if metric is None else metric_name(metric), aggregate)
