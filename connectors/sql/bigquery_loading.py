"""Rows into a table of BigQuery in bulk: a file of Parquet, and a job that takes it in, which costs nothing."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from tempfile import TemporaryFile
from typing import Final

from google.cloud import bigquery
from google.cloud.bigquery.format_options import ParquetOptions
from pyarrow import RecordBatch

from connectors.sql.bigquery_jobs import LABEL, BigqueryJobs
from connectors.sql.bigquery_types import column
from connectors.sql.parquet import spool

_UPLOAD_S: Final = 300


async def load(
    jobs: BigqueryJobs, table: bigquery.Table, batches: AsyncIterator[RecordBatch], *, timeout_s: float
) -> int:
    """Add rows to a table, all or none; return how many."""
    with TemporaryFile() as file:
        rows, names = await spool(batches, file, list(map(column, table.schema)))
        if not rows:
            return 0
        options = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            # Of what the file has: it tells texts from JSON, and decimals of one kind from those of another.
            schema=[field for field in table.schema if field.name in names],
            labels=LABEL,
        )
        options.parquet_options = ParquetOptions.from_api_repr({"enableListInference": True})
        size = await asyncio.to_thread(file.seek, 0, 2)
        begin = partial(
            jobs.client.load_table_from_file,
            file,
            table.reference,
            rewind=True,
            size=size,
            job_config=options,
            timeout=_UPLOAD_S,
        )
        job = await jobs.run(begin, timeout_s=timeout_s)
        return int(job.output_rows)
