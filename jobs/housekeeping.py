"""HOUSEKEEPING: lets go of what has been kept for long enough, and of runs that have fallen silent."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from jobs.basing import ensure_base
from jobs.registry import job
from maestro.clock import now
from maestro.db.tables.enums import JobKind
from maestro.queue import durable
from maestro.queue.retention import forget
from maestro.queue.work import JobRun, Work
from ops.backups.scratch import sweep_scratch_databases
from ops.connectors.records import abandon
from ops.database.housekeeping import Keeping, tidy
from ops.database.usage import refresh
from ops.loose_objects import clear
from ops.restores import records
from ops.restores.swap import drop_kept

LATE: Final = timedelta(minutes=5)
"""So much longer than a query may take, it is waited until it counts as abandoned."""


@job(JobKind.HOUSEKEEPING)
async def keep_house(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Delete what nobody needs any more, or with `dry_run` only count it.

    The result has the counts: `lost_runs` that have fallen silent, what was forgotten by its name, `jobs` of long ago
    with what happened to them and their `workflows`, `queries` of connectors whose processes are gone, `loose_objects`
    of artifact stores that were removed and those whose stores could not be reached, whether usage
    was `counted` anew, the `dropped_databases` that restores have replaced long enough ago or proofs of backups have
    left, and whether a `base_backup` was begun.
    """
    dry_run = bool(given.get("dry_run"))
    done: dict[str, Any] = await run.step("tidy", tidy_step, dry_run)
    if not dry_run:
        done["jobs"] = await run.step("jobs", forget_jobs)
        done["workflows"] = await run.step("workflows", forget_workflows)
        done["queries"] = await run.step("queries", abandon_queries)
        done["loose_objects"] = await run.step("objects", clear_objects)
        done["counted"] = await run.step("usage", usage_step)
        done["dropped_databases"] = await run.step("databases", drop_databases)
        done["base_backup"] = await run.step("base backup", ensure_base)
    return done


async def tidy_step(work: Work, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 -- steps take plain arguments
    """Forget keys, links, sessions and counts that have been kept for long enough; find lost runs."""
    keeping = Keeping.by(work.settings)
    return asdict(await tidy(work.db, keeping, dry_run=dry_run, progress=work.progress))


async def forget_jobs(work: Work) -> int:
    """Delete ended jobs that are older than the history is kept, and return how many those were."""
    return await forget(work.db, now() - work.settings.job_history, progress=work.progress)


async def forget_workflows(work: Work) -> int:
    """Delete what the queue has kept of such jobs, and return how many those were."""
    return await asyncio.to_thread(durable.forget, now() - work.settings.job_history)


async def abandon_queries(work: Work) -> int:
    """End the queries of connectors whose processes are gone, and return how many those were."""
    return await abandon(work.db, work.settings.query_timeout + LATE)


async def clear_objects(work: Work) -> dict[str, int]:
    """Remove from artifact stores what no file has and nobody awaits."""
    return asdict(await clear(work.db, work.vault, work.settings))


async def usage_step(work: Work) -> bool:
    """Count anew what projects hold."""
    return await refresh(work.db)


async def drop_databases(work: Work) -> list[str]:
    """Drop the databases that restores have replaced and that are kept no longer, and scratch ones that were left.

    Returns their names.
    """
    if work.owner_url is None:
        return []
    dropped = await drop_kept(work.owner_url, now())
    await records.forget_kept(work.db, dropped)
    return [*dropped, *await sweep_scratch_databases(work.owner_url)]
