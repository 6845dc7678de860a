"""A database of Snowflake as a source; only the modules of this name beside it know the vendor's library."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pyarrow import RecordBatch
from snowflake.connector import aio

from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S, Query, Result
from connectors.sql.rows import dicts, tuples
from connectors.sql.snowflake_browsing import SnowflakeBrowsing
from connectors.sql.snowflake_care import SnowflakeCare
from connectors.sql.snowflake_errors import translated
from connectors.sql.snowflake_loading import load
from connectors.sql.snowflake_results import SnowflakeResult
from connectors.sql.snowflake_sessions import Sessions, execute, in_transaction, options, too_long
from connectors.sql.snowflake_statements import check, check_parameters, is_change, is_counted, is_read
from maestro.credentials import SnowflakeCredential
from maestro.errors import InvalidInput
from maestro.vendors import Snowflake


@asynccontextmanager
async def snowflake_source(config: Snowflake, credential: SnowflakeCredential) -> "AsyncIterator[SnowflakeSource]":
    """Open a database for a block; who signs in is known when it is asked something."""
    sessions = Sessions(options(config, credential))
    try:
        yield SnowflakeSource(sessions, config)
    finally:
        await sessions.close()


class SnowflakeSource(SnowflakeBrowsing, SnowflakeCare):
    """Reads, writes and looks after a database; each statement has a session for itself, at most eight at a time.

    Snowflake has no transaction that only reads: what a read may not do is told by the words of the statement, and by
    the grants of the role. A write of rows is committed when its block has ended; other writes at once.
    """

    def __init__(self, sessions: Sessions, config: Snowflake) -> None:
        self._sessions = sessions
        self._config = config
        SnowflakeBrowsing.__init__(self, config.database, self._dicts)
        SnowflakeCare.__init__(self, self._dicts, self._write)

    def __str__(self) -> str:
        return f"snowflake://{self._config.account}/{self._config.database}"

    async def identify(self) -> str:
        """Return the user, the role and the version of Snowflake."""
        (told,) = await self._dicts('SELECT CURRENT_USER() AS U, CURRENT_ROLE() AS R, CURRENT_VERSION() AS "V"')
        return f"{told['U']} as {told['R']} on Snowflake {told['V']}"

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
        """Run one statement for a block; what it changes is undone when the block fails."""
        check(statement, is_writing=is_writing)
        check_parameters(statement, len(parameters))
        async with self._sessions.one() as session:
            asked = _asked(session, statement, parameters, timeout_s=timeout_s, batch_rows=batch_rows)
            if not is_change(statement):
                async with asked as result:
                    yield result
                return
            async with in_transaction(session), asked as result:
                yield result

    @asynccontextmanager
    async def prepare(self, statement: str) -> AsyncIterator["_Prepared"]:
        """Let Snowflake understand a read for a block, without running it; it keeps nothing, so each run is whole."""
        check(statement, is_writing=False)
        async with self._sessions.one() as session:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    with translated("preparing the statement", statement):
                        await session.cursor().describe(statement)
            except TimeoutError:
                raise too_long(TIMEOUT_S) from None
        yield _Prepared(self, statement)

    async def insert(
        self, schema: str, table: str, batches: AsyncIterator[RecordBatch], *, timeout_s: float = TIMEOUT_S
    ) -> int:
        """Add rows by a file on a temporary stage, all or none; return how many."""
        columns = await self.columns(schema, table)
        place = (self._config.database, schema, table)
        return await load(self._sessions, place, batches, columns=columns, timeout_s=timeout_s)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Query]:
        """Open a transaction for a block; its statements run one after the other, and only read or change rows."""
        async with self._sessions.one() as session, in_transaction(session):
            yield _Inside(session)

    async def _dicts(self, statement: str, parameters: Sequence[Any] = ()) -> Sequence[dict[str, Any]]:
        return await dicts(self, statement, parameters)

    async def _write(self, statement: str) -> None:
        async with self.query(statement, is_writing=True):
            pass


class _Prepared:
    def __init__(self, source: SnowflakeSource, statement: str) -> None:
        self._source = source
        self._statement = statement

    async def rows(self, parameters: Sequence[Any] = (), *, timeout_s: float = TIMEOUT_S) -> Sequence[tuple[Any, ...]]:
        """Run it, and return its rows."""
        async with self._source.query(self._statement, parameters, timeout_s=timeout_s) as result:
            return await tuples(result)


class _Inside:
    def __init__(self, session: aio.SnowflakeConnection) -> None:
        self._session = session
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
        check(statement, is_writing=is_writing)
        check_parameters(statement, len(parameters))
        if not is_change(statement) and not is_read(statement):
            raise InvalidInput("Snowflake commits before and after this statement, so it is for no transaction.")
        async with (
            self._turn,
            _asked(self._session, statement, parameters, timeout_s=timeout_s, batch_rows=batch_rows) as result,
        ):
            yield result


@asynccontextmanager
async def _asked(
    session: aio.SnowflakeConnection,
    statement: str,
    parameters: Sequence[Any],
    *,
    timeout_s: float,
    batch_rows: int,
) -> AsyncIterator[SnowflakeResult]:
    cursor = await execute(session, statement, parameters, timeout_s=timeout_s)
    try:
        yield SnowflakeResult(cursor, batch_rows, cursor.rowcount if is_counted(statement) else None)
    finally:
        cursor.close()
