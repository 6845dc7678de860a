"""COMPACT: packs the points of metrics, as the server does by itself all the time, and says what that came to."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jobs.registry import job
from maestro.db.tables.enums import JobKind
from maestro.queue.work import JobRun, Work
from ops.compaction import compact


@job(JobKind.COMPACT)
async def compact_points(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 -- it takes no input
    """Pack what is due; the result has `series`, `blocks` and `points`."""
    done: dict[str, Any] = await run.step("compact", compact_step)
    return done


async def compact_step(work: Work) -> dict[str, int]:
    """Pack what is due in all organisations."""
    return asdict(await compact(work.db, progress=work.progress))
