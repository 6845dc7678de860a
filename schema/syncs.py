"""Syncs between two stores in the schema."""

from datetime import datetime
from typing import Annotated

import strawberry

from dataloaders.jobs import JobById
from dataloaders.syncs import (
    SYNC_RUNS,
    ConnectorIfSeen,
    SyncItemsByPlan,
    SyncPlanById,
    SyncPlans,
    SyncRunById,
    SyncRuns,
)
from execution.declare import column, computed, one, page
from maestro.db.tables.enums import JobState
from maestro.ids import Kind
from schema.connections import Connection
from schema.jobs import Job
from schema.list_arguments import brief_list_arguments
from schema.nodes import Node, by_id
from schema.scalars import BigInt
from schema.sync_plans import UNSEEN, ConnectorReference, SyncItem, SyncPlan, failures_page, sync_plan_page

SyncRunId = Annotated[strawberry.ID, strawberry.argument(description="The id of a SyncRun.")]


@strawberry.type(description="How far a sync has come.")
class SyncProgress:
    """A run's progress."""

    objects: BigInt = strawberry.field(description="How many objects are copied.")
    objects_total: BigInt = strawberry.field(description="How many there are to be copied.")
    bytes: BigInt = strawberry.field(description="How many bytes are copied, of whole objects.")
    bytes_total: BigInt = strawberry.field(description="How many there are to be copied.")
    failed: BigInt = strawberry.field(description="How many objects could not be copied so far.")
    bytes_per_second: BigInt = strawberry.field(description="How fast it goes.")
    seconds_left: BigInt | None = strawberry.field(description="How long it goes on at this rate; null while unknown.")


@strawberry.type(description="What the comparison at the end of a sync has found.")
class SyncVerification:
    """A run's proof."""

    objects: BigInt = strawberry.field(description="How many objects the source has that are meant.")
    bytes: BigInt = strawberry.field(description="Of how many bytes together.")
    differing: BigInt = strawberry.field(description="How many of them the target has not, or not the same.")
    extra: BigInt = strawberry.field(description="How many objects only the target has.")
    samples: list[str] = strawberry.field(description="The keys of the first ones that differ.")


@strawberry.type(description="What a sync has done.")
class SyncStats:
    """A run's counts."""

    added: BigInt = strawberry.field(description="Objects that were copied to where there was none.")
    updated: BigInt = strawberry.field(description="Objects that were replaced.")
    removed: BigInt = strawberry.field(description="Objects that were removed.")
    conflicts: BigInt = strawberry.field(description="Objects that were left as they are, changed later in the target.")
    skipped: BigInt = strawberry.field(description="Removals that were left out, since the object had changed by then.")
    failed: BigInt = strawberry.field(description="Objects that could not be dealt with; `failures` lists them.")
    not_done: BigInt = strawberry.field(
        description="Removals that were left out since not everything could be copied before."
    )
    bytes: BigInt = strawberry.field(description="Bytes of what was copied.")
    seconds: float = strawberry.field(description="How long it took.")
    verification: SyncVerification | None = strawberry.field(
        description="What the comparison at its end has found; null unless it was asked for."
    )


@strawberry.type(description="One sync from a connector's store to that of another one.")
class SyncRun(Node, kind=Kind.SyncRun):
    """A sync run's row."""

    trigger: str = column("What started it: MANUAL or SCHEDULE.")
    status: JobState = column("Where it is in its life.")
    log: str = column("What it said, line by line.")
    started_at: datetime | None = column("When it was started.")
    ended_at: datetime | None = column("When it ended.")
    rolled_back_at: datetime | None = column("When it was undone; null when it was not.")
    source: ConnectorReference | None = one(
        ConnectorIfSeen, key="connector_id", description=f"The connector that is read; {UNSEEN}"
    )
    target: ConnectorReference | None = one(
        ConnectorIfSeen,
        key="target_id",
        description="The connector that is filled; null where the viewer sees nothing.",
    )
    plan: SyncPlan | None = one(SyncPlanById, key="plan_id", description="What it set out to do; null once forgotten.")
    job: Job | None = one(JobById, key="job_id", description="The job that does the work.")
    failures: Connection[SyncItem] | None = page(
        SyncItemsByPlan,
        key="plan_id",
        arguments=failures_page(),
        description="The objects that could not be dealt with, each with the reason; null once the plan is forgotten.",
    )

    @computed("plan", description="Whether rollbackSync can bring back what it has replaced and removed.")
    def can_be_rolled_back(self) -> bool:
        """Look at what was known of the target when it began."""
        return bool(self.row.plan.get("canBeRolledBack"))

    @computed("progress", description="How far it has come; null before it began to copy.")
    def progress(self) -> SyncProgress | None:
        """Return the progress."""
        told = self.row.progress
        if not told:
            return None
        return SyncProgress(
            objects=told["objects"],
            objects_total=told["objectsTotal"],
            bytes=told["bytes"],
            bytes_total=told["bytesTotal"],
            failed=told["failed"],
            bytes_per_second=told["bytesPerSecond"],
            seconds_left=told["secondsLeft"],
        )

    @computed("stats", description="What it did, counted; null before it ended by itself.")
    def stats(self) -> SyncStats | None:
        """Return the counts."""
        told = self.row.stats
        if not told:
            return None
        counts = {name: told[name] for name in ("added", "updated", "removed", "conflicts", "skipped", "failed")}
        return SyncStats(
            **counts,
            not_done=told["notDone"],
            bytes=told["bytes"],
            seconds=told["seconds"],
            verification=None if told["verification"] is None else SyncVerification(**told["verification"]),
        )


@strawberry.type
class SyncQueries:
    """Root fields."""

    sync_plan: SyncPlan | None = one(
        SyncPlanById, key=None, arguments=by_id(Kind.SyncPlan), description="A plan of a sync by its id."
    )
    sync_plans: Connection[SyncPlan] = page(
        SyncPlans, key=None, arguments=sync_plan_page, description="The organisation's plans of syncs."
    )
    sync_run: SyncRun | None = one(
        SyncRunById, key=None, arguments=by_id(Kind.SyncRun), description="A sync by its id."
    )
    sync_runs: Connection[SyncRun] = page(
        SyncRuns, key=None, arguments=brief_list_arguments(SYNC_RUNS), description="The organisation's syncs."
    )
