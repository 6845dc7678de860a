"""Runs side by side."""

from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from dataloaders.comparisons import ComparisonByIds, MetricsCompared, ParamsCompared
from execution.declare import many, one
from execution.policy import cached
from maestro.db.tables.enums import MetricDirection
from maestro.errors import InvalidInput
from maestro.ids import Kind, uuid_of
from schema.metrics import ContextPair
from schema.params import Param
from schema.runs import Run

MOST_RUNS: Final = 50


@strawberry.type(description="A param of several runs side by side.")
class ComparedParam:
    """A key with the rows of each run."""

    row: strawberry.Private[Any]

    @strawberry.field(description="The key.")
    def key(self) -> str:
        """Return the key."""
        key: str = self.row.first.key
        return key

    @strawberry.field(description="The param of each run, in the order of the runs; null where a run has none.")
    def values(self) -> list[Param | None]:
        """Return the params."""
        return [None if row is None else Param(row=row) for row in self.row.rows]

    @strawberry.field(description="Whether the runs differ in it; one that lacks it differs from those that have it.")
    def differs(self) -> bool:
        """Compare type and text."""
        return len({row and (row.type, row.text) for row in self.row.rows}) > 1


@strawberry.type(
    description="A metric of several runs side by side. Its columns are in the order of the runs, with nulls for runs "
    "that lack it or have no finite value."
)
class ComparedMetric:
    """A series name with the rows of each run."""

    row: strawberry.Private[Any]

    @strawberry.field(description="The metric's key.")
    def key(self) -> str:
        """Return the key."""
        name: str = self.row.first.name
        return name

    @strawberry.field(description="What tells it from other series of its key; empty for most.")
    def context(self) -> list[ContextPair]:
        """Return the context."""
        return [ContextPair(key=key, value=value) for key, value in sorted(self.row.first.context.items())]

    @strawberry.field(description="Which way it gets better.")
    def direction(self) -> MetricDirection:
        """Return the direction."""
        return MetricDirection(self.row.first.direction)

    @strawberry.field(description="The value at the last step, of each run.")
    def last(self) -> list[float | None]:
        """Return the column."""
        return self._column("v_last")

    @strawberry.field(description="The least value of each run.")
    def min(self) -> list[float | None]:
        """Return the column."""
        return self._column("v_min")

    @strawberry.field(description="The greatest value of each run.")
    def max(self) -> list[float | None]:
        """Return the column."""
        return self._column("v_max")

    def _column(self, name: str) -> list[float | None]:
        return [None if row is None else row[name] for row in self.row.rows]


@strawberry.type(description="Several runs side by side, key by key.")
class RunComparison:
    """A comparison; its row is `dataloaders.comparisons.Comparison`."""

    row: strawberry.Private[Any]
    params: list[ComparedParam] = many(
        ParamsCompared,
        key="ids",
        cached=cached(ttl=300),
        description="Every param that one of the runs has, sorted by key.",
    )
    metrics: list[ComparedMetric] = many(
        MetricsCompared,
        key="ids",
        cached=cached(ttl=300),
        description="Every metric that one of the runs has, sorted by key and context.",
    )

    @strawberry.field(description="The runs, in the order in which they were asked for.")
    def runs(self) -> list[Run]:
        """Return the runs."""
        return [Run(row=row) for row in self.row.runs]


def compared(
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="The runs, each once: 1 to 50, of any project.")
    ],
) -> tuple[UUID, ...]:
    """Declare and read the runs to compare."""
    found = tuple(uuid_of(Kind.Run, one_id, field="ids") for one_id in ids)
    if not 1 <= len(found) <= MOST_RUNS:
        raise InvalidInput(f"{len(found)} runs; 1 to {MOST_RUNS} can be compared.", field="ids", limit=MOST_RUNS)
    if len(set(found)) < len(found):
        raise InvalidInput("A run is named twice.", field="ids", hint="Name each run once.")
    return found


@strawberry.type
class ComparisonQueries:
    """Root fields."""

    compare_runs: RunComparison = one(
        ComparisonByIds, key=None, arguments=compared, description="Params and metrics of several runs side by side."
    )
