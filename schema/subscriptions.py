"""Subscriptions: what a client is told without asking again."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.following
import resolvers.job_following
from dataloaders.metrics import series_names
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from resolvers.following import Appended
from schema.guards import subscription
from schema.jobs import Job, JobEvent, JobId
from schema.metrics import MetricSeries
from schema.runs import Run
from schema.scalars import FloatColumn, IntColumn


@strawberry.type(description="Points that a series has gained, as columns of equal length, by their steps.")
class AppendedPoints:
    """The news of one series."""

    series: MetricSeries = strawberry.field(description="The series as it is now.")
    steps: IntColumn = strawberry.field(description="The steps.")
    values: FloatColumn = strawberry.field(description="The values; null where one is not finite.")
    timestamps_ms: IntColumn = strawberry.field(description="When they were measured, in milliseconds since 1970.")
    is_gap: bool = strawberry.field(
        description="Whether more has changed than is sent here: of more than 2,000 points the extremes are sent, and "
        "points may have been logged among earlier ones. Ask for `sampled` again to see all."
    )


@strawberry.type(description="What the metrics of a run have gained since the last event.")
class MetricAppended:
    """The news of one run."""

    run: Run = strawberry.field(description="The run as it is now.")
    series: list[AppendedPoints] = strawberry.field(description="The series that have changed.")
    cursor: str = strawberry.field(
        description="How far this event goes: `after` it, a new subscription goes on, at any server and at any time."
    )


@strawberry.type(description="A job as it is, and what has happened to it since the last event.")
class JobUpdate:
    """The news of one job."""

    job: Job = strawberry.field(description="The job as it is now.")
    events: list[JobEvent] = strawberry.field(
        description="What has happened to it since, in the order in which it happened; at most 500, then more follow."
    )
    cursor: str = strawberry.field(
        description="How far this event goes: `after` it, a new subscription goes on, at any server and at any time."
    )


@strawberry.type(description="Everything that can be followed.")
class Subscription:
    """The root of subscriptions."""

    @subscription(
        Permission.EXPERIMENT_READ,
        description="A run: first as it is now, then after each change; changes within a "
        "tenth of a second come as one. Nothing has to be resumed: the first event is the present state.",
        tells_state=True,
    )
    async def run_updated(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of a Run.")],
    ) -> AsyncIterator[Run]:
        """Follow a run."""
        async with aclosing(resolvers.following.run_updates(info.context, uuid_of(Kind.Run, id))) as rows:
            async for row in rows:
                yield Run(row=row)

    @subscription(
        Permission.EXPERIMENT_READ,
        description="The points that a run's metrics gain. The first event has no series: it tells that nothing is "
        "missed from then on, so what was logged before can be queried now. With `after`, what was missed since comes "
        "first instead, in as many events as it takes.",
    )
    async def metric_appended(
        self,
        info: Info[Any, Any],
        run_id: Annotated[strawberry.ID, strawberry.argument(description="The id of a Run.")],
        keys: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Only these series, like `loss` or `accuracy{split=val}`; at most 200. All unless told."
            ),
        ] = None,
        after: Annotated[
            str | None,
            strawberry.argument(description="The `cursor` of the last event that has come, of the same run and keys."),
        ] = None,
    ) -> AsyncIterator[MetricAppended]:
        """Follow metrics."""
        run, names = uuid_of(Kind.Run, run_id, field="runId"), series_names(keys)
        async with aclosing(resolvers.following.points_appended(info.context, run, names, after=after)) as news:
            async for one in news:
                series = [_appended(gained) for gained in one.gained]
                yield MetricAppended(run=Run(row=one.run), series=series, cursor=one.cursor)

    @subscription(
        Permission.JOB_READ,
        description="A job: first as it is now with what has happened to it so far, or since `after`; then after each "
        "change, those within a tenth of a second as one. It is over once the job has ended.",
    )
    async def job_updated(
        self,
        info: Info[Any, Any],
        id: JobId,
        after: Annotated[
            str | None,
            strawberry.argument(description="The `cursor` of the last event that has come, of the same job."),
        ] = None,
    ) -> AsyncIterator[JobUpdate]:
        """Follow a job."""
        key = uuid_of(Kind.Job, id)
        async with aclosing(resolvers.job_following.job_updates(info.context, key, after=after)) as news:
            async for one in news:
                events = [JobEvent(row=row) for row in one.events]
                yield JobUpdate(job=Job(row=one.job), events=events, cursor=one.cursor)


def _appended(gained: Appended) -> AppendedPoints:
    points = gained.points
    return AppendedPoints(
        series=MetricSeries(row=gained.series),
        steps=IntColumn(points.steps),
        values=FloatColumn(points.values),
        timestamps_ms=IntColumn(points.timestamps_ms),
        is_gap=gained.is_gap,
    )
