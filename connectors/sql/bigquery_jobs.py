"""Jobs of BigQuery: what a statement would do, its run, and its end when nobody waits for it any more.

The vendor's library blocks, so it is called in threads of the source's own: a thread that waits for a job takes none
from anybody else, and there is always one to stop a job with.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from connectors.sql.bigquery_errors import translated
from connectors.sql.bigquery_types import Parameter
from maestro.errors import Forbidden, InvalidInput, MaestroError
from maestro.vendor_errors import TimedOut
from maestro.vendors import Bigquery

T = TypeVar("T")

AT_ONCE: Final = 8
"""So many jobs run at a time."""
HTTP_S: Final = 30
GIBIBYTE: Final = 1024**3
RETRY: Final = DEFAULT_RETRY.with_timeout(3.0)
"""A request that fails by the network is tried again for so long; whoever asks for more tries again himself."""
LABEL: Final = {"made-by": "maestro"}
_READ: Final = "SELECT"
_SEVERAL: Final = frozenset({"SCRIPT", "BEGIN_TRANSACTION", "COMMIT_TRANSACTION", "ROLLBACK_TRANSACTION"})


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a dry run has told of a statement; its parameters have the types that BigQuery expects."""

    statement: str
    kind: str
    scanned_bytes: int
    expected: Sequence[Parameter]

    def check(self, *, is_writing: bool) -> None:
        """Refuse a write where only reads are allowed, and several statements."""
        if self.kind in _SEVERAL:
            raise InvalidInput(
                "There is more than one statement, or one for a session.",
                hint="Send them one after the other, or open a transaction for several.",
            )
        if not is_writing and self.kind != _READ:
            raise Forbidden(f"{self.kind} writes, and only reads are allowed here.", hint="Run it as a write.")


class BigqueryJobs:
    """Runs jobs for a source."""

    def __init__(self, client: bigquery.Client, config: Bigquery) -> None:
        self.client = client
        self._config = config
        self._pool = ThreadPoolExecutor(2 * AT_ONCE, thread_name_prefix="bigquery")
        self._turns = asyncio.Semaphore(AT_ONCE)

    def close(self) -> None:
        """Let the threads end what they do."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def call(self, what: str, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do something in a thread; the vendor's errors name what was tried."""
        with translated(what):
            return await self.raw(work, *given, **named)

    async def raw(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do something in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *given, **named))

    def options(self, session: str | None = None, **more: Any) -> bigquery.QueryJobConfig:
        """Return what a query is run with."""
        options = bigquery.QueryJobConfig(
            default_dataset=f"{self._config.project}.{self._config.dataset}", labels=LABEL, use_legacy_sql=False, **more
        )
        if session is not None:
            options.connection_properties = [bigquery.ConnectionProperty("session_id", session)]
        return options

    async def reckon(self, statement: str, *, session: str | None = None) -> Reckoned:
        """Let BigQuery look at a statement, without running it: it costs nothing."""
        asked = self.options(session, dry_run=True, use_query_cache=False).to_api_repr()
        asked["query"]["parameterMode"] = "POSITIONAL"
        options: Any = bigquery.QueryJobConfig.from_api_repr(asked)
        with translated("looking at the statement", statement=statement):
            job = await self.raw(
                self.client.query, statement, job_config=options, job_retry=None, retry=RETRY, timeout=HTTP_S
            )
        scanned = int(job.total_bytes_processed or 0)
        return Reckoned(statement, job.statement_type or "", scanned, job.undeclared_query_parameters)

    async def query(
        self,
        statement: str,
        parameters: Sequence[Parameter] = (),
        *,
        timeout_s: float,
        session: str | None = None,
        **options: Any,
    ) -> Any:
        """Run a statement to its end; stopped at the vendor when it takes too long or this is cancelled."""
        most = self._config.maximum_gibibytes_billed
        config = self.options(
            session,
            query_parameters=list(parameters),
            maximum_bytes_billed=None if most is None else most * GIBIBYTE,
            job_timeout_ms=int(timeout_s * 1000) + 1000,  # should this process end, BigQuery still knows when to stop
            **options,
        )
        begin = partial(self.client.query, statement, job_config=config)
        return await self.run(begin, timeout_s=timeout_s, statement=statement)

    async def run(self, begin: Callable[..., Any], *, timeout_s: float, statement: str = "") -> Any:
        """Begin a job with an id of ours, and wait for its end."""
        name = f"maestro_{uuid4().hex}"
        is_query = {"job_retry": None, "retry": RETRY, "timeout": HTTP_S} if statement else {}
        async with self._turns:
            begun = asyncio.ensure_future(self.raw(begin, job_id=name, location=self._config.location, **is_query))
            waiting = asyncio.ensure_future(self._ended(begun))
            try:
                async with asyncio.timeout(timeout_s):
                    with translated("running the statement", statement=statement, job=name):
                        return await asyncio.shield(waiting)
            except TimeoutError:
                await asyncio.wait([asyncio.ensure_future(self._stop(begun, waiting))])
                raise TimedOut(
                    f"The statement was stopped after {timeout_s:g} seconds.",
                    hint="Give it more time, or read less.",
                    timeoutSeconds=timeout_s,
                    requestId=name,
                ) from None
            except asyncio.CancelledError:
                await asyncio.wait([asyncio.ensure_future(self._stop(begun, waiting))])
                raise

    async def _ended(self, begun: "asyncio.Future[Any]") -> Any:
        job = await begun
        await self.raw(job.result, retry=RETRY, **({"job_retry": None} if isinstance(job, bigquery.QueryJob) else {}))
        return job

    async def _stop(self, begun: "asyncio.Future[Any]", waiting: "asyncio.Future[Any]") -> None:
        with suppress(MaestroError), translated("stopping the job"):
            job = await begun
            await self.raw(job.cancel, retry=RETRY, timeout=HTTP_S)
        await asyncio.wait([waiting])
        if not waiting.cancelled():
            waiting.exception()
