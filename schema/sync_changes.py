"""Syncs that are planned, started and undone, in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.syncs
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from maestro.sync_options import SyncCompare, SyncConflictPolicy
from schema.arguments import ExpectedVersion, IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job
from schema.scalars import BigInt
from schema.sync_plans import SyncPlan, SyncPlanId
from schema.syncs import SyncRun, SyncRunId


@strawberry.input(description="Two stores to be compared, and what a sync between them is to do.")
class PlanSyncInput:
    """What a plan is made of."""

    source_id: strawberry.ID = strawberry.field(description="The connector that is read.")
    target_id: strawberry.ID = strawberry.field(description="The connector that is to be filled.")
    source_prefix: str | None = strawberry.field(
        default=UNSET, description="A folder of the source; all of the store unless given."
    )
    target_prefix: str | None = strawberry.field(
        default=UNSET, description="A folder of the target; all of the store unless given."
    )
    include: list[str] | None = strawberry.field(
        default=UNSET,
        description="Patterns like those of .gitignore, of which one has to be met: `*.ckpt`, `/runs/**/final/`. "
        "Everything unless given.",
    )
    exclude: list[str] | None = strawberry.field(default=UNSET, description="Patterns of which none may be met.")
    compare: SyncCompare | None = strawberry.field(default=UNSET, description="How to compare; QUICK unless given.")
    on_conflict: SyncConflictPolicy | None = strawberry.field(
        default=UNSET, description="What to do with what was changed later in the target; SKIP unless given."
    )
    delete: bool | None = strawberry.field(
        default=UNSET, description="Whether objects of the target go that the source has not; not unless given."
    )
    max_delete_fraction: float | None = strawberry.field(
        default=UNSET, description="Which part of the target may go at most, from 0 to 1; 0.5 unless given."
    )
    max_deletes: int | None = strawberry.field(default=UNSET, description="How many objects may go at most.")
    verify: bool | None = strawberry.field(
        default=UNSET, description="Whether to compare both ends once more at the end; not unless given."
    )
    bytes_per_second: BigInt | None = strawberry.field(
        default=UNSET, description="How many bytes may be moved a second, at least 1,024; any number unless given."
    )
    concurrency: int | None = strawberry.field(
        default=UNSET, description="How many objects may be on their way at a time, at most 256; 24 unless given."
    )


@strawberry.type
class SyncMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Have two stores compared. The job makes a plan, which says what a sync would do and can be "
        "started for a day. Nothing is changed.",
    )
    async def plan_sync(
        self,
        info: Info[Any, Any],
        input: Annotated[PlanSyncInput, strawberry.argument(description="The stores, and what to do.")],
        idempotency_key: IdempotencyKey = None,
    ) -> SyncPlan:
        """Plan."""
        values = {name: value for name, value in given(input).items() if value is not None}
        for name, field in (("source_id", "sourceId"), ("target_id", "targetId")):
            values[name] = uuid_of(Kind.Connector, values[name], field=f"input.{field}")
        row = await resolvers.syncs.plan(info.context, values, idempotency_key=idempotency_key)
        return SyncPlan(row=row)

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Start the sync of a plan. A plan that has expired, that was made with other settings of a "
        "connector, or that would remove more than it may is refused, and so is a second sync to the same target.",
    )
    async def start_sync(
        self,
        info: Info[Any, Any],
        plan_id: SyncPlanId,
        expected_version: ExpectedVersion = None,
        *,
        override_delete_guard: Annotated[
            bool, strawberry.argument(description="Whether to remove more than the plan's limits allow.")
        ] = False,
        idempotency_key: IdempotencyKey = None,
    ) -> SyncRun:
        """Start."""
        row = await resolvers.syncs.start(
            info.context,
            uuid_of(Kind.SyncPlan, plan_id, field="planId"),
            expected_version=expected_version,
            is_overriding=override_delete_guard,
            idempotency_key=idempotency_key,
        )
        return SyncRun(row=row)

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Undo a sync whose target keeps versions: what it has replaced or removed comes back, and what it "
        "has added goes. What was changed since stays. Returns the job.",
    )
    async def rollback_sync(
        self, info: Info[Any, Any], sync_run_id: SyncRunId, idempotency_key: IdempotencyKey = None
    ) -> Job:
        """Roll back."""
        key = uuid_of(Kind.SyncRun, sync_run_id, field="syncRunId")
        return Job(row=await resolvers.syncs.roll_back(info.context, key, idempotency_key=idempotency_key))
