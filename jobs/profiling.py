"""PROFILE: a process of the installation, which is seldom the worker's own, is asked to look at itself."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from jobs.registry import after_each_job, job
from maestro import job_inputs
from maestro.db.tables.enums import JobKind, JobState
from maestro.ids import Kind, encode
from maestro.job_inputs import ProfileInput
from maestro.queue.work import Ended, JobRun, Work
from ops.profiling import records
from ops.profiling.asking import have_profiled

TOLD: Final = ("process", "seconds", "overhead")
"""What of a summary stands in the result of the job, which more people see than the profile."""


@job(JobKind.PROFILE)
async def profile(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Have a process profiled; run again after a crash, it begins anew."""
    asked = job_inputs.read(ProfileInput, given)
    done: dict[str, Any] = await run.step("profile", ask, str(asked.profile_id))
    return done


async def ask(work: Work, profile_id: str) -> dict[str, Any]:
    """Ask, wait, and tell where the profile is."""
    found = await have_profiled(work.db, UUID(profile_id), work.progress)
    return {
        "profile_id": encode(Kind.Profile, UUID(profile_id)),
        **{name: found[name] for name in TOLD if name in found},
    }


@after_each_job
async def settle(work: Work, ended: Ended) -> None:
    """End the profile of a job that has ended without saying how: its process stops within seconds."""
    if ended.kind == JobKind.PROFILE:
        await records.abandon(work.db, ended.job_id, JobState(ended.state))
