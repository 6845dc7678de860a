"""OPTIMIZE: looks after indexes, statistics and what is counted ahead."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jobs.registry import job
from maestro.db.tables.enums import JobKind
from maestro.queue.work import SINGLE, JobRun, Partial, Work
from ops.database.optimizing import ActionState, optimize
from ops.database.usage import refresh


@job(JobKind.OPTIMIZE, queue=SINGLE)
async def optimize_database(run: JobRun, given: Mapping[str, Any]) -> Mapping[str, Any] | Partial:
    """Do what the database needs, or with `dry_run` only say what that is.

    The result has `actions`, each with what came of it, `bytes_gained`, and whether usage was `counted` anew.
    """
    dry_run = bool(given.get("dry_run"))
    done: dict[str, Any] = await run.step("optimize", optimize_step, dry_run)
    for action in done["actions"]:
        if action["state"] in (ActionState.SKIPPED, ActionState.FAILED):
            await run.event("WARNING", f"{action['verb']} {action['subject']}: {action['message']}")
    done["counted"] = False if dry_run else await run.step("usage", usage_step)
    failed = [action["subject"] for action in done["actions"] if action["state"] == ActionState.FAILED]
    return Partial(done, f"This could not be done: {', '.join(failed)}.") if failed else done


async def optimize_step(work: Work, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 -- steps take plain arguments
    """Vacuum, analyse and rebuild what needs it."""
    done = await optimize(work.operations_url, dry_run=dry_run, progress=work.progress)
    return {**asdict(done), "bytes_gained": done.bytes_gained}


async def usage_step(work: Work) -> bool:
    """Count anew what projects hold."""
    return await refresh(work.db)
