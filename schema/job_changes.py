"""Changes of jobs in the schema: their end is asked for, and they are tried again."""

from typing import Any

import strawberry
from strawberry.types import Info

import resolvers.jobs
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.guards import mutation
from schema.jobs import Job, JobId


@strawberry.type
class JobMutations:
    """Root fields."""

    @mutation(
        Permission.JOB_CANCEL,
        description="Ask for the end of a job. One that nobody has begun is CANCELLED at once; one that runs is "
        "CANCELLING, and stops within seconds. Asking again changes nothing. In a project it takes JOB_CANCEL where "
        "all connectors of the job lie.",
    )
    async def cancel_job(self, info: Info[Any, Any], id: JobId) -> Job:
        """Cancel."""
        return Job(row=await resolvers.jobs.cancel(info.context, uuid_of(Kind.Job, id)))

    @mutation(
        Permission.JOB_CANCEL,
        description="Have a job that failed, was cancelled or is done in part run again from its start. It also takes "
        "all that starting that very job takes.",
    )
    async def retry_job(self, info: Info[Any, Any], id: JobId) -> Job:
        """Retry."""
        return Job(row=await resolvers.jobs.retry(info.context, uuid_of(Kind.Job, id)))
