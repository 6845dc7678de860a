"""Logging in the schema: one mutation for params, tags and points."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.ingest
from dataloaders.runs import LoggedRunById
from execution.declare import column, one
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from resolvers.group_writing import Accepted
from schema.connections import given
from schema.guards import mutation
from schema.nodes import RowBacked
from schema.params import ParamInput
from schema.runs import Run
from schema.scalars import BigInt, FloatColumn, IntColumn
from schema.tags import TagInput, keyed


@strawberry.input(description="A pair of the context that tells series of one key apart.")
class ContextPairInput:
    """A name with its value."""

    key: str = strawberry.field(description="The name, like `split`: 1 to 250 characters, no braces, comma, equals.")
    value: str = strawberry.field(description="The value, like `val`: at most 250 characters, no braces, comma.")


@strawberry.input(description="Points of one metric as columns of equal length.")
class MetricInput:
    """Points of one series."""

    key: str = strawberry.field(description="The metric's name: 1 to 250 characters, no braces.")
    context: list[ContextPairInput] | None = strawberry.field(
        default=UNSET, description="What tells series of this key apart; at most 20 pairs."
    )
    steps: IntColumn = strawberry.field(
        description="The steps, from 0 to 2^53 - 1, in any order; of equal steps the last one given stays."
    )
    values: FloatColumn = strawberry.field(
        description='The values: numbers, or the texts "NaN", "Infinity" and "-Infinity".'
    )
    timestamps_ms: IntColumn | None = strawberry.field(
        default=UNSET, description="When they were measured, in milliseconds since 1970; now unless told."
    )


@strawberry.input(description="What a process logs at once: all of it is stored, or nothing.")
class LogBatchInput:
    """A batch."""

    run_id: strawberry.ID = strawberry.field(description="The run.")
    writer_id: str = strawberry.field(
        description="The process that logs: 1 to 200 characters that no other process of the run uses, like a UUID."
    )
    seq: BigInt = strawberry.field(
        description="Counts the batches of the writer. A batch that is sent again under its seq changes nothing."
    )
    params: list[ParamInput] | None = strawberry.field(
        default=UNSET, description="Params to set; a run has at most 2,000."
    )
    tags: list[TagInput] | None = strawberry.field(
        default=UNSET, description="Tags to set beside those that the run has; at most 200 together."
    )
    metrics: list[MetricInput] | None = strawberry.field(
        default=UNSET, description="Points: at most 1,000 series and 20,000 points."
    )


@strawberry.type(description="A batch that is stored.")
class LogBatchResult(RowBacked):
    """The good outcome."""

    row: strawberry.Private[Accepted]
    run: Run = one(LoggedRunById, key="run_id", description="The run as it is now.")
    accepted: int = column("How many points were stored now: none when it is a replay.")
    points: int = column("How many points the batch has.")
    is_replay: bool = column("Whether the batch had been stored before; nothing changed then.")


@strawberry.type
class LogBatchMutations:
    """Root fields."""

    @mutation(
        Permission.RUN_WRITE,
        appends=True,
        description="Log params, tags and points of a run that has not ended: all or nothing, and once for each "
        "writerId and seq.",
    )
    async def log_batch(
        self, info: Info[Any, Any], input: Annotated[LogBatchInput, strawberry.argument(description="The batch.")]
    ) -> LogBatchResult:
        """Log."""
        batch = given(input)
        batch["params"] = keyed(batch.get("params"), field="params")
        batch["tags"] = keyed(batch.get("tags"), field="tags")
        for i, metric in enumerate(batch.get("metrics") or ()):
            metric["context"] = keyed(metric.get("context"), field=f"metrics[{i}].context")
        run_id = uuid_of(Kind.Run, batch.pop("run_id"), field="runId")
        return LogBatchResult(row=await resolvers.ingest.log_batch(info.context, run_id, batch))
