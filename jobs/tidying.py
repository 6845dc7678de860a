"""PURGE and SWEEP: what the trash holds and what nothing refers to is removed for good."""

from collections.abc import Mapping
from typing import Any

from connectors.local import LocalBlobs
from jobs.registry import job
from maestro import job_inputs
from maestro.db.tables.enums import JobKind
from maestro.job_inputs import PurgeInput, SweepInput
from maestro.queue.work import JobRun, Work
from ops.sweep import sweep
from ops.trash import purge


@job(JobKind.PURGE)
async def purge_trash(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Remove what is past its time in the trash; the result is the receipt, with the bytes that were freed."""
    asked = job_inputs.read(PurgeInput, given)
    done: dict[str, Any] = await run.step("purge", empty, asked.dry_run)
    return done


@job(JobKind.SWEEP)
async def sweep_files(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Remove stored files that nothing refers to; the result tells of rows too whose file is lost."""
    asked = job_inputs.read(SweepInput, given)
    done: dict[str, Any] = await run.step("sweep", clean, asked.dry_run)
    return done


async def empty(work: Work, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 -- steps take plain arguments
    """Purge."""
    return (await purge(work.db, _blobs(work), dry_run=dry_run, progress=work.progress)).document


async def clean(work: Work, dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 -- steps take plain arguments
    """Sweep."""
    return (await sweep(work.db, _blobs(work), dry_run=dry_run, progress=work.progress)).document


def _blobs(work: Work) -> LocalBlobs:
    return LocalBlobs(work.settings.data_dir / "blobs")
