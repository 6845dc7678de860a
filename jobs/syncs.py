"""SYNC_PLAN, STORAGE_SYNC and SYNC_ROLLBACK: two stores are compared and made alike, and the way back from that."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

from jobs.registry import after_each_job, job
from maestro import job_inputs
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind, JobState, PlanState
from maestro.errors import Conflict
from maestro.job_inputs import StorageSyncInput, SyncPlanInput, SyncRollbackInput
from maestro.queue.work import Ended, JobRun, Partial, Work
from maestro.sync_ends import options_of
from maestro.sync_options import SyncOptions, refusal
from ops.syncs import beginning, records, removing, running, verifying
from ops.syncs.ends import Ends
from ops.syncs.opening import opened_ends
from ops.syncs.planning import Planned, make_plan
from ops.syncs.rolling_back import is_versioned, roll_back
from ops.syncs.running import Order


@job(JobKind.SYNC_PLAN)
async def plan(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two stores; the result is the plan's summary."""
    asked = job_inputs.read(SyncPlanInput, given)
    summary: dict[str, Any] = await run.step("compare", compare, str(asked.plan_id))
    return {"planId": str(asked.plan_id), **summary}


@job(JobKind.STORAGE_SYNC)
async def sync(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any] | Partial:
    """Carry a plan out, or plan and carry out what a schedule says; PARTIAL when something could not be copied."""
    asked = job_inputs.read(StorageSyncInput, given)
    begun = await run.step("begin", begin, asked.stored())
    if begun["isToPlan"]:
        await run.step("compare", compare, begun["planId"])
    await run.step("copy", copy, begun)
    if begun["isToDelete"]:
        await run.step("remove", remove, begun)
    proof = await run.step("verify", verify, begun) if begun["isToVerify"] else None
    done: dict[str, Any] = await run.step("end", end, begun, proof)
    message = shortfall(done)
    return done if message is None else Partial(done, message)


@job(JobKind.SYNC_ROLLBACK)
async def undo(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any] | Partial:
    """Bring back what a sync has replaced and removed; PARTIAL when somebody has changed some of it since."""
    asked = job_inputs.read(SyncRollbackInput, given)
    done: dict[str, Any] = await run.step("roll back", bring_back, str(asked.sync_run_id))
    result = {"syncRunId": str(asked.sync_run_id), **done}
    if done["failed"]:
        return Partial(result, f"{_objects(done['failed'])} could not be brought back.")
    return result


@after_each_job
async def settle(work: Work, ended: Ended) -> None:
    """End the plan and the sync of a job that has ended without saying how."""
    if ended.kind in (JobKind.SYNC_PLAN, JobKind.STORAGE_SYNC):
        message = ended.error_message or f"The job has ended as {ended.state}."
        await records.abandon_plan(work.db, ended.job_id, message)
    if ended.kind == JobKind.STORAGE_SYNC:
        await records.abandon_run(work.db, ended.job_id, JobState(ended.state))


async def compare(work: Work, plan_id: str) -> dict[str, Any]:
    """Make the plan, and return its summary."""
    await records.expire(work.db)
    row = await records.plan(work.db, UUID(plan_id), work.organization_id)
    async with _ends(work, row) as ends:
        planned = Planned(row.id, row.organization_id)
        return await make_plan(work.db, planned, ends=ends, options=options_of(row), progress=work.progress)


async def begin(work: Work, asked: Mapping[str, Any]) -> dict[str, Any]:
    """See that nobody else fills the target, and return the ids of the sync and its plan, and what is to be done."""
    if asked["sync_run_id"] is not None:
        run = await records.run(work.db, UUID(asked["sync_run_id"]), work.organization_id)
        await beginning.begin(work.db, run, work.job_id)
        if run.plan_id is None:
            raise Conflict("The plan of this sync is gone.", hint="Plan anew.")
        row = await records.plan(work.db, run.plan_id, work.organization_id)
        return _begun(run.id, row.id, options_of(row), is_to_plan=False)
    options = SyncOptions.model_validate(asked["options"])
    run_id, plan_id = await beginning.begin_scheduled(
        work.db,
        work.organization_id,
        work.job_id,
        ends=(UUID(asked["source_id"]), UUID(asked["target_id"])),
        options=options,
    )
    return _begun(run_id, plan_id, options, is_to_plan=True)


async def copy(work: Work, begun: Mapping[str, Any]) -> int:
    """Copy what the source has and the target has not, and return how many objects could not be.

    Conflict, and nothing is copied, when the plan would remove too much, or its ends are others by now.
    """
    row = await _plan(work, begun)
    _require_allowed(row, begun)
    async with order_of(work, begun) as order:
        told = {"canBeRolledBack": await is_versioned(order.ends.target), "summary": row.summary}
        if row.state == PlanState.READY:
            await beginning.started(work.db, row.id)
        await records.begin(work.db, order.run_id, told)
        return await running.copy_all(work.db, order, progress=work.progress)


async def remove(work: Work, begun: Mapping[str, Any]) -> int:
    """Remove what the target has and the source has not, if all else went well, and return how many could not be."""
    async with order_of(work, begun) as order:
        return await removing.remove_all(work.db, order, progress=work.progress)


async def verify(work: Work, begun: Mapping[str, Any]) -> dict[str, Any]:
    """Compare both ends once more."""
    async with order_of(work, begun) as order:
        return await verifying.verify(order.ends, order.options, progress=work.progress)


async def end(work: Work, begun: Mapping[str, Any], proof: dict[str, Any] | None) -> dict[str, Any]:
    """Count what was done, say how the sync has ended, and return that."""
    row = await records.run(work.db, UUID(begun["runId"]), work.organization_id)
    stats = await running.summed(work.db, UUID(begun["planId"]))
    seconds = round((now() - (row.started_at or now())).total_seconds(), 3)
    done = {"syncRunId": begun["runId"], "planId": begun["planId"], **stats, "seconds": seconds, "verification": proof}
    state = JobState.SUCCEEDED if shortfall(done) is None else JobState.PARTIAL
    await records.end(work.db, row.id, state, stats={**stats, "seconds": seconds, "verification": proof})
    return done


async def bring_back(work: Work, run_id: str) -> dict[str, Any]:
    """Undo what the sync has done in its target; NotSupported when that keeps no versions."""
    run = await records.run(work.db, UUID(run_id), work.organization_id)
    if run.plan_id is None:
        raise Conflict("The plan of this sync is gone, and with it what it has done.", hint="Bring it back by hand.")
    row = await records.plan(work.db, run.plan_id, work.organization_id)
    await beginning.require_alone(work.db, row.target_id, work.job_id)
    async with _ends(work, row) as ends:
        undone = await roll_back(work.db, row.id, ends.target, progress=work.progress)
    await records.rolled_back(work.db, run.id)
    return undone.plain


def shortfall(done: Mapping[str, Any]) -> str | None:
    """Say in a sentence what a sync has left undone; None when it has done all of it."""
    parts = []
    if done["failed"]:
        parts.append(f"{_objects(done['failed'])} could not be dealt with")
    if done["notDone"]:
        parts.append(f"{_objects(done['notDone'])} to be removed stayed, since others could not be copied")
    if done["skipped"]:
        parts.append(f"{_objects(done['skipped'])} to be removed stayed, having changed meanwhile")
    known = done["failed"] + done["skipped"] + done["conflicts"]
    if done["verification"] and done["verification"]["differing"] > known:
        parts.append(f"at the end {_objects(done['verification']['differing'])} differed")
    return f"{'; '.join(parts)}." if parts else None


@asynccontextmanager
async def order_of(work: Work, begun: Mapping[str, Any]) -> AsyncIterator[Order]:
    """Open what a sync works on for a block."""
    row = await _plan(work, begun)
    async with _ends(work, row) as ends:
        yield Order(UUID(begun["runId"]), row.id, ends, options_of(row))


async def _plan(work: Work, begun: Mapping[str, Any]) -> Row:
    return await records.plan(work.db, UUID(begun["planId"]), work.organization_id)


def _begun(run_id: UUID, plan_id: UUID, options: SyncOptions, *, is_to_plan: bool) -> dict[str, Any]:
    return {
        "runId": str(run_id),
        "planId": str(plan_id),
        "isToPlan": is_to_plan,
        "isToDelete": options.delete,
        "isToVerify": options.verify,
    }


def _require_allowed(row: Row, begun: Mapping[str, Any]) -> None:
    if row.state not in (PlanState.READY, PlanState.STARTED):
        raise Conflict(f"This plan is {row.state}.", hint="Plan anew.")
    # Whoever has started a plan that somebody looked at has decided about it.
    refused = refusal(row.summary, options_of(row)) if begun["isToPlan"] else None
    if refused is not None:
        raise Conflict(refused, hint="Look whether the source is whole; raise the limit, or override it, if it is.")


def _objects(count: int) -> str:
    return "1 object" if count == 1 else f"{count:,} objects"


def _ends(work: Work, row: Row) -> AbstractAsyncContextManager[Ends]:
    return opened_ends(row, db=work.db, vault=work.vault, settings=work.settings)
