"""Results of BigQuery, as batches of Arrow: a few rows by its REST API, many by its Storage API."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient

from connectors.sql.arrow import schema_of
from connectors.sql.bigquery_errors import translated
from connectors.sql.bigquery_jobs import BigqueryJobs
from connectors.sql.bigquery_types import arrow_type, column
from connectors.sql.capability import Column

_MANY: Final = 20_000
"""From so many rows on the Storage API is quicker, which takes half a second to begin."""
_MOST_A_PAGE: Final = 10_000
_STREAMS: Final = 2
_AHEAD: Final = 4
"""So many blocks are read before they are asked for."""


@dataclass(slots=True)
class BigqueryResult:
    """What a job has answered, or rows that are read of a table without one."""

    jobs: BigqueryJobs
    job: bigquery.QueryJob | None
    rows: Any
    batch_rows: int
    storage: BigQueryReadClient | None
    columns: Sequence[Column] = field(init=False)
    schema: pa.Schema = field(init=False)

    def __post_init__(self) -> None:
        fields = self.rows.schema if self.job is None or self.job.statement_type == "SELECT" else ()
        self.columns = tuple(map(column, fields))
        self.schema = schema_of(self.columns, list(map(arrow_type, fields)))

    @property
    def query_id(self) -> str | None:
        """The id of the job."""
        return None if self.job is None else str(self.job.job_id)

    @property
    def affected(self) -> int | None:
        """How many rows a write has changed; None for a read, and for what changes something else."""
        count: int | None = None if self.job is None else self.job.num_dml_affected_rows
        return count

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows, a batch at a time, each of the result's schema."""
        if not self.columns:
            return
        storage = self.storage if (self.rows.total_rows or 0) >= _MANY else None
        read = self.rows.to_arrow_iterable(bqstorage_client=storage, max_queue_size=_AHEAD, max_stream_count=_STREAMS)
        with translated("reading the rows", job=self.query_id):
            try:
                while (batch := await self._next(read)) is not None:
                    table = self._fitted(batch)
                    for part in table.to_batches(max_chunksize=self.batch_rows):
                        yield part
            finally:
                await self.jobs.raw(read.close)

    async def _next(self, read: Any) -> pa.RecordBatch | None:
        pending = asyncio.ensure_future(self.jobs.raw(next, read, None))
        try:
            return await asyncio.shield(pending)
        except asyncio.CancelledError:
            # What is being read cannot be closed.
            await asyncio.wait([pending])
            raise

    def _fitted(self, batch: pa.RecordBatch) -> pa.Table:
        pairs = zip(batch.columns, self.schema, strict=True)
        return pa.Table.from_arrays(
            [one if one.type == wanted.type else one.cast(wanted.type) for one, wanted in pairs], schema=self.schema
        )


def page_size(batch_rows: int) -> int:
    """Return how many rows are asked for at a time by the REST API."""
    return min(batch_rows, _MOST_A_PAGE)
