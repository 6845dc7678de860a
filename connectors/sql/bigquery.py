"""A project of BigQuery as a source; only the modules of this name beside it know the vendor's libraries."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from google.cloud.bigquery_storage import BigQueryReadClient
from pyarrow import RecordBatch

from connectors.sql.bigquery_asking import Asker, Inside, Prepared
from connectors.sql.bigquery_care import BigqueryCare
from connectors.sql.bigquery_clients import api_client, credentials_of, storage_client
from connectors.sql.bigquery_jobs import BigqueryJobs
from connectors.sql.bigquery_loading import load
from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S, Query, Result
from connectors.sql.rows import dicts
from maestro.credentials import BigqueryCredential
from maestro.errors import MaestroError
from maestro.vendors import Bigquery

CONTROL_S: Final = 60
"""So long may it take to begin or end a transaction."""

STORED: Final = frozenset({"TABLE", "SNAPSHOT"})
"""Kinds of tables whose rows are read without asking for them."""


@asynccontextmanager
async def bigquery_source(
    config: Bigquery, credential: BigqueryCredential | None = None
) -> "AsyncIterator[BigquerySource]":
    """Open a project for a block; without a credential only an emulator on this machine. Forbidden for a bad key."""
    credentials = credentials_of(config, credential)
    client, storage = api_client(config, credentials), storage_client(config, credentials)
    jobs = BigqueryJobs(client, config)
    try:
        yield BigquerySource(jobs, config, storage)
    finally:
        await jobs.raw(client.close)
        jobs.close()


class BigquerySource(BigqueryCare):
    """Reads, writes and looks after a project; eight jobs run at a time at most.

    BigQuery looks at each statement before it is run, which costs nothing: a read runs when it is a SELECT, and
    parameters get the types that it expects of them. A statement that was prepared was looked at once.
    """

    def __init__(self, jobs: BigqueryJobs, config: Bigquery, storage: BigQueryReadClient | None) -> None:
        super().__init__(jobs, config)
        self._storage = storage
        self._asker = Asker(jobs, storage)

    def __str__(self) -> str:
        return f"bigquery://{self._config.project}/{self._config.dataset}"

    async def identify(self) -> str:
        """Return the account, and the project that its statements run in."""
        (told,) = await dicts(self, "SELECT SESSION_USER() AS u")
        return f"{told['u']} on BigQuery v2, project {self._config.project}"

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
        """Run one statement for a block; what it writes is there when it has run, whatever the block does."""
        reckoned = await self._asker.reckon(statement, is_writing=is_writing)
        yield await self._asker.ask(reckoned, parameters, timeout_s=timeout_s, batch_rows=batch_rows)

    @asynccontextmanager
    async def peek(self, schema: str, table: str, *, rows: int) -> AsyncIterator[Result]:
        """Read the first rows for a block: of what is stored without a job, which costs nothing, else by a query."""
        found = await self.table(schema, table)
        if found.table_type in STORED:
            yield await self._asker.beginning(found, rows)
            return
        # Both are names, since there is such a table.
        async with self.query(f"SELECT * FROM `{schema}`.`{table}` LIMIT {rows:d}", batch_rows=rows) as result:  # noqa: S608
            yield result

    @asynccontextmanager
    async def prepare(self, statement: str) -> AsyncIterator[Prepared]:
        """Let BigQuery look at a read once, for as often as it runs in a block."""
        yield Prepared(self._asker, await self._asker.reckon(statement, is_writing=False))

    async def insert(
        self, schema: str, table: str, batches: AsyncIterator[RecordBatch], *, timeout_s: float = TIMEOUT_S
    ) -> int:
        """Add rows by a job that loads a file, all or none; return how many."""
        return await load(self._jobs, await self.table(schema, table), batches, timeout_s=timeout_s)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Query]:
        """Open a transaction for a block, in a session of BigQuery; its statements run one after the other."""
        begun = await self._jobs.query("BEGIN TRANSACTION", timeout_s=CONTROL_S, create_session=True)
        session = str(begun.session_info.session_id)
        try:
            yield Inside(Asker(self._jobs, self._storage, session))
            await self._jobs.query("COMMIT TRANSACTION", timeout_s=CONTROL_S, session=session)
        finally:
            # What is not committed ends with its session.
            await asyncio.wait([asyncio.ensure_future(self._left(session))])

    async def _left(self, session: str) -> None:
        with suppress(MaestroError):
            await self._jobs.query("CALL BQ.ABORT_SESSION()", timeout_s=CONTROL_S, session=session)
