"""What statements of BigQuery cost, the jobs of a project, its data sets, and rows one by one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from google.cloud import bigquery

from connectors.sql.bigquery_browsing import DATASET, BigqueryBrowsing
from connectors.sql.bigquery_jobs import HTTP_S, RETRY, BigqueryJobs
from connectors.sql.extras import HISTORY, Estimate, Ran
from maestro.errors import InvalidInput
from maestro.vendors import Bigquery

_AT_A_TIME: Final = 500
"""Most rows of one request, as BigQuery recommends."""


class BigqueryCare(BigqueryBrowsing):
    """Looks after a project."""

    def __init__(self, jobs: BigqueryJobs, config: Bigquery) -> None:
        super().__init__(jobs, config.project)
        self._config = config

    async def estimate(self, statement: str) -> Estimate:
        """Return what a statement would read, whatever its parameters are; it is not run, and costs nothing."""
        found = await self._jobs.reckon(statement)
        return Estimate(found.kind, found.scanned_bytes)

    async def history(self, *, since: datetime | None = None, limit: int = HISTORY) -> Sequence[Ran]:
        """Return the jobs of the service account that began last, the latest first; BigQuery keeps them six months."""
        found = await self._jobs.call("listing jobs", self._jobs_since, since, limit)
        return [_ran(job) for job in found]

    def _jobs_since(self, since: datetime | None, limit: int) -> list[Any]:
        client = self._jobs.client
        return list(client.list_jobs(max_results=limit, min_creation_time=since, retry=RETRY, timeout=HTTP_S))

    async def job(self, job_id: str) -> Ran:
        """Return a job as it is now; NotFound."""
        return _ran(await self._job(job_id, self._jobs.client.get_job))

    async def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be stopped, which takes seconds; nothing happens to one that has ended. NotFound."""
        await self._job(job_id, self._jobs.client.cancel_job)

    async def _job(self, job_id: str, ask: Any) -> Any:
        if not job_id.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput(f"{job_id[:64]} is no id of a job.")
        return await self._jobs.call(
            f"asking for the job {job_id}", ask, job_id, location=self._config.location, retry=RETRY, timeout=HTTP_S
        )

    async def create_dataset(self, name: str, *, location: str | None = None) -> None:
        """Make a data set, where the connector's are unless told; Conflict when there is one."""
        made = bigquery.Dataset(bigquery.DatasetReference(self._project, _named(name)))
        made.location = location or self._config.location
        client = self._jobs.client
        await self._jobs.call(f"making {name}", client.create_dataset, made, retry=RETRY, timeout=HTTP_S)

    async def delete_dataset(self, name: str, *, with_tables: bool = False) -> None:
        """Remove a data set; NotFound, Conflict when there are tables in it that are not to go with it."""
        await self._jobs.call(
            f"removing {name}",
            self._jobs.client.delete_dataset,
            bigquery.DatasetReference(self._project, _named(name)),
            delete_contents=with_tables,
            retry=RETRY,
            timeout=HTTP_S,
        )

    async def stream_rows(self, schema: str, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows, 500 at a time; InvalidInput with `row` for one that does not fit, with none of its 500 added."""
        found = await self.table(schema, table)
        plain = orjson.loads(orjson.dumps(list(rows), default=str))
        for start in range(0, len(plain), _AT_A_TIME):
            refused = await self._jobs.call(
                f"adding rows to {schema}.{table}",
                self._jobs.client.insert_rows_json,
                found.reference,
                plain[start : start + _AT_A_TIME],
                retry=RETRY,
                timeout=HTTP_S,
            )
            for one in refused:
                # The others of its request were only not added because of it.
                for error in one["errors"]:
                    if error["reason"] != "stopped":
                        raise InvalidInput(
                            f"BigQuery does not take the row {start + one['index']}: {error['message'][:300]}",
                            row=start + one["index"],
                            vendorCode=error["reason"],
                        )
        return len(plain)


def _named(name: str) -> str:
    if not DATASET.fullmatch(name):
        raise InvalidInput(f"{name[:64]!r} is no name of a data set.", hint="It has letters, digits and underscores.")
    return name


def _ran(job: Any) -> Ran:
    error = (job.error_result or {}).get("message")
    state = {"DONE": "FAILED" if job.error_result else "SUCCEEDED"}.get(job.state, job.state)
    slots = getattr(job, "slot_millis", None)
    return Ran(
        id=job.job_id,
        kind=getattr(job, "statement_type", None) or job.job_type.upper(),
        state=state,
        statement=getattr(job, "query", None),
        user=job.user_email,
        started_at=job.started,
        took_s=(job.ended - job.started).total_seconds() if job.ended and job.started else None,
        scanned_bytes=getattr(job, "total_bytes_processed", None),
        billed_bytes=getattr(job, "total_bytes_billed", None),
        slot_s=None if slots is None else slots / 1000,
        rows=getattr(job, "output_rows", None),
        error=error,
    )
