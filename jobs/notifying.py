"""NOTIFY, and what follows every job: whoever wants to know is told how it has ended."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from jobs.registry import after_each_job, job
from maestro import job_inputs
from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind
from maestro.errors import NotFound
from maestro.job_inputs import NotifyInput
from maestro.queue.work import Ended, JobRun, Work
from ops.notifications import notify, send_trial

_JOB: Final = "SELECT * FROM job WHERE id = $1"


@job(JobKind.NOTIFY)
async def tell(run: JobRun, given: Mapping[str, Any]) -> dict[str, Any]:
    """Send a channel something to see whether it arrives, or tell all channels of a job once more."""
    asked = job_inputs.read(NotifyInput, given)
    if asked.job_id is not None:
        done: dict[str, Any] = await run.step("tell", tell_of, str(asked.job_id))
        return done
    return {"isSent": await run.step("try", try_channel, str(asked.channel_id))}


@after_each_job
async def tell_of_the_end(work: Work, ended: Ended) -> None:
    """Tell the channels of the organisation that want to know; those of a trial have just been told."""
    if ended.kind != JobKind.NOTIFY:
        await tell_of(work, str(ended.job_id))


async def tell_of(work: Work, job_id: str) -> dict[str, Any]:
    """Tell how a job has ended."""
    told = await notify(work.db, work.vault, work.settings, job=await _row(work, job_id))
    return {"sent": told.sent, "failed": told.failed}


async def try_channel(work: Work, channel_id: str) -> bool:
    """Send something; NotificationFailed when it cannot be."""
    return await send_trial(work.db, work.vault, work.settings, channel_id=UUID(channel_id))


async def _row(work: Work, job_id: str) -> Row:
    rows = await work.db.fetch_sql(_JOB, UUID(job_id))
    if not rows:
        raise NotFound("There is no such Job.")
    return rows[0]
