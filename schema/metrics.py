"""Metrics in the schema: keys, series with their summaries, and their points in buckets or as they were logged."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.metrics
from dataloaders.metrics import MetricKeyById, MetricSeriesById, mean, series_name
from dataloaders.points import DEFAULT_POINTS, PointsBySeries, PointsPage, PointsRequest
from dataloaders.projects import ProjectById
from dataloaders.runs import RunById
from dataloaders.samples import DEFAULT_BUCKETS, SampledBySeries, SampleRequest, XAxis
from execution.declare import column, computed, one
from execution.policy import cached
from maestro.access import Permission
from maestro.db.tables.enums import MetricDirection
from maestro.ids import Kind, uuid_of
from maestro.points import Sampled
from schema.connections import given
from schema.guards import mutation
from schema.nodes import Node, RowBacked, by_id
from schema.scalars import BigInt, FloatColumn, IntColumn

if TYPE_CHECKING:
    from schema.projects import Project
    from schema.runs import Run


@strawberry.type(description="A metric's name in a project, with what its values mean.")
class MetricKey(Node, kind=Kind.MetricKey):
    """A metric key's row."""

    name: str = column("Its name, unique in the project.")
    unit: str | None = column("The unit of its values, like `s` or `%`.")
    direction: MetricDirection = column("Which way it gets better.")
    project: Annotated["Project", strawberry.lazy("schema.projects")] = one(
        ProjectById, key="project_id", description="The project that it belongs to."
    )


@strawberry.type(description="A pair of the context that tells series of one key apart.")
class ContextPair:
    """A name with its value."""

    key: str = strawberry.field(description="The name, like `split`.")
    value: str = strawberry.field(description="The value, like `val`.")


@strawberry.type(
    description="Points gathered into buckets that divide the x axis evenly: one item a bucket that has points. "
    "No extreme is lost, and the same question always has the same answer."
)
class SampledSeries(RowBacked):
    """Buckets of a series."""

    row: strawberry.Private[Sampled]
    x: FloatColumn = column("The x of the bucket's first point, in units of the axis.")
    min: FloatColumn = column("The least finite value; null where there is none.")
    max: FloatColumn = column("The greatest finite value; null where there is none.")
    mean: FloatColumn = column("The mean of the finite values; null where there is none.")
    first: FloatColumn = column("The value at the first x; null where it is not finite.")
    last: FloatColumn = column("The value at the last x; null where it is not finite.")
    count: IntColumn = column("How many points there are.")
    nonfinite: IntColumn = column("How many of them are not finite.", name="nonFinite")
    exact: bool = column("Whether every number is about the points of its bucket alone.")
    coverage: float = column("Which share of the points was counted: 1 unless stored points cannot be read.")


@strawberry.type(description="Points as they were logged, as columns of equal length, by their steps.")
class MetricPoints(RowBacked):
    """A page of points."""

    row: strawberry.Private[PointsPage]
    has_next_page: bool = column("Whether points follow this page.")
    end_cursor: str | None = column("Points at the last point of this page, for `after`; null on an empty page.")

    @computed("points", description="The steps.")
    def step(self) -> IntColumn:
        """Return the steps."""
        return IntColumn(self.row.points.steps)

    @computed("points", description="When they were logged, in milliseconds since 1970.")
    def time(self) -> IntColumn:
        """Return the timestamps."""
        return IntColumn(self.row.points.timestamps_ms)

    @computed("points", description="The values; null where one is not finite.")
    def value(self) -> FloatColumn:
        """Return the values."""
        return FloatColumn(self.row.points.values)


def sample_request(
    buckets: Annotated[
        int, strawberry.argument(description="The most buckets: 1 to 10,000; 500 unless told.")
    ] = DEFAULT_BUCKETS,
    low: Annotated[
        float | None, strawberry.argument(name="from", description="Where to begin, in units of the axis.")
    ] = None,
    high: Annotated[
        float | None, strawberry.argument(name="to", description="Where to end, in units of the axis; included.")
    ] = None,
    x_axis: Annotated[XAxis, strawberry.argument(description="What x is; the step unless told.")] = XAxis.STEP,
) -> SampleRequest:
    """Declare and read how a series is sampled."""
    return SampleRequest(buckets, low, high, x_axis)


def points_request(
    first: Annotated[
        int, strawberry.argument(description="How many points: 1,000 unless told, at most 10,000.")
    ] = DEFAULT_POINTS,
    after: Annotated[
        str | None, strawberry.argument(description="The `endCursor` after which to go on, of the same series.")
    ] = None,
) -> PointsRequest:
    """Declare and read which points are wanted."""
    return PointsRequest(first, after)


@strawberry.type(description="One metric of one run in one context: what it came to, and its history.")
class MetricSeries(Node, kind=Kind.MetricSeries):
    """A series' row, joined with its key."""

    unit: str | None = column("The unit of its values, like `s` or `%`.")
    direction: MetricDirection = column("Which way it gets better.")
    n: BigInt = column("How many points it has.", name="count")
    nonfinite: BigInt = column("How many of them are NaN or infinite.", name="nonFiniteCount")
    step_first: BigInt = column("Its first step.", name="firstStep")
    step_last: BigInt = column("Its last step.", name="lastStep")
    v_last: float | None = column("The value at the last step; null when that is not finite.", name="last")
    last_mark: str | None = column(
        "What the value at the last step is when it is not finite: NaN, Infinity or -Infinity.", name="lastNonFinite"
    )
    v_min: float | None = column("The least finite value; null while there is none.", name="min")
    v_max: float | None = column("The greatest finite value; null while there is none.", name="max")
    step_min: BigInt | None = column("The first step with the least value.", name="argminStep")
    step_max: BigInt | None = column("The first step with the greatest value.", name="argmaxStep")
    key: MetricKey = one(MetricKeyById, key="key_id", description="Its key.")
    run: Annotated["Run", strawberry.lazy("schema.runs")] = one(RunById, key="run_id", description="Its run.")
    sampled: SampledSeries = one(
        SampledBySeries,
        key="id",
        arguments=sample_request,
        cached=cached(ttl=60),
        description="Its history in at most so many buckets.",
    )
    points: MetricPoints = one(
        PointsBySeries, key="id", arguments=points_request, description="Its points as they were logged, by steps."
    )

    @computed("name", "context", description="Its name: the key's, with the context in braces if there is any.")
    def name(self) -> str:
        """Return the name by which `series(keys)` finds it."""
        return str(series_name(self.row))

    @computed("context", description="What tells it apart from the other series of its key; sorted by key.")
    def context(self) -> list[ContextPair]:
        """Return the pairs."""
        return [ContextPair(key=key, value=value) for key, value in sorted(self.row.context.items())]

    @computed("n", "nonfinite", "v_sum", description="The mean of the finite values; null while there is none.")
    def mean(self) -> float | None:
        """Return the mean."""
        return mean(self.row)


@strawberry.input(description="Changes of a metric key; what is left out stays as it is.")
class UpdateMetricKeyInput:
    """What can be changed."""

    unit: str | None = strawberry.field(
        default=UNSET, description="The unit of its values: at most 50 characters; null takes it away."
    )
    direction: MetricDirection | None = strawberry.field(default=UNSET, description="Which way it gets better.")


@strawberry.type
class MetricQueries:
    """Root fields."""

    metric_key: MetricKey | None = one(
        MetricKeyById, key=None, arguments=by_id(Kind.MetricKey), description="A metric key by its id."
    )
    metric_series: MetricSeries | None = one(
        MetricSeriesById, key=None, arguments=by_id(Kind.MetricSeries), description="A metric series by its id."
    )


@strawberry.type
class MetricMutations:
    """Root fields."""

    @mutation(Permission.EXPERIMENT_WRITE, description="Change what the values of a metric mean.")
    async def update_metric_key(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of a MetricKey.")],
        input: Annotated[UpdateMetricKeyInput, strawberry.argument(description="The changes.")],
    ) -> MetricKey:
        """Update."""
        row = await resolvers.metrics.update_key(info.context, uuid_of(Kind.MetricKey, id), given(input))
        return MetricKey(row=row)
