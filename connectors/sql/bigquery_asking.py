"""Questions to BigQuery: looked at once, then run as often as they are asked, in a session or in none."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient

from connectors.sql.bigquery_jobs import HTTP_S, RETRY, BigqueryJobs, Reckoned
from connectors.sql.bigquery_results import BigqueryResult, page_size
from connectors.sql.bigquery_types import parameters as typed
from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S, Result
from connectors.sql.rows import tuples


class Asker:
    """Asks by jobs, all in one `session` if there is one; large results come by the Storage API if there is one."""

    def __init__(self, jobs: BigqueryJobs, storage: BigQueryReadClient | None, session: str | None = None) -> None:
        self._jobs = jobs
        self._storage = storage
        self._session = session

    async def reckon(self, statement: str, *, is_writing: bool) -> Reckoned:
        """Let BigQuery look at a statement; Forbidden for a write where only reads are allowed."""
        reckoned = await self._jobs.reckon(statement, session=self._session)
        reckoned.check(is_writing=is_writing)
        return reckoned

    async def ask(
        self,
        reckoned: Reckoned,
        parameters: Sequence[Any],
        *,
        timeout_s: float,
        batch_rows: int = BATCH_ROWS,
    ) -> BigqueryResult:
        """Run a statement that was looked at."""
        given = typed(parameters, reckoned.expected)
        job = await self._jobs.query(reckoned.statement, given, timeout_s=timeout_s, session=self._session)
        rows = await self._jobs.call("reading the rows", job.result, page_size=page_size(batch_rows))
        return BigqueryResult(self._jobs, job, rows, batch_rows, self._storage)

    async def beginning(self, table: bigquery.Table, rows: int) -> BigqueryResult:
        """Return the first rows of a table; no job runs for them, so they cost nothing."""
        read = await self._jobs.call(
            f"reading {table.dataset_id}.{table.table_id}",
            self._jobs.client.list_rows,
            table,
            max_results=rows,
            page_size=page_size(rows),
            retry=RETRY,
            timeout=HTTP_S,
        )
        return BigqueryResult(self._jobs, None, read, rows, None)


class Prepared:
    """A read that was looked at."""

    def __init__(self, asker: Asker, reckoned: Reckoned) -> None:
        self._asker = asker
        self._reckoned = reckoned

    async def rows(self, parameters: Sequence[Any] = (), *, timeout_s: float = TIMEOUT_S) -> Sequence[tuple[Any, ...]]:
        """Run it, and return its rows."""
        return await tuples(await self._asker.ask(self._reckoned, parameters, timeout_s=timeout_s))


class Inside:
    """A transaction: the statements of its session, one after the other."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def query(
        self,
        statement: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> AsyncIterator[Result]:
        """Run one statement of the transaction."""
        async with self._turn:
            reckoned = await self._asker.reckon(statement, is_writing=is_writing)
            yield await self._asker.ask(reckoned, parameters, timeout_s=timeout_s, batch_rows=batch_rows)
