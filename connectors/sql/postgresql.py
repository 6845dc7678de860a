"""PostgreSQL as a source that is asked in SQL, by asyncpg."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pyarrow as pa
from asyncpg.connect_utils import SessionAttribute

from connectors.sql import postgresql_browsing as browsing
from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S, Column, Table
from connectors.sql.postgresql_asking import Connection, asked, begin, end, prepared
from connectors.sql.postgresql_errors import translated
from connectors.sql.postgresql_inserting import inserted
from connectors.sql.postgresql_reading import Answer
from connectors.sql.postgresql_tls import security
from connectors.sql.postgresql_types import fitted
from maestro.credentials import PostgresqlCredential
from maestro.errors import NotFound
from maestro.vendors import Postgresql

CONNECTIONS: Final = 5
"""Most at a time."""
CONNECT_S: Final = 10.0
IDLE_S: Final = 60.0
"""A connection that nobody has used for so long is closed."""
SETTINGS: Final = {
    "application_name": "maestro",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
}
"""Of every connection, so that what is cast to a text is the same on every server."""


@asynccontextmanager
async def postgresql_source(
    config: Postgresql, credential: PostgresqlCredential | None
) -> "AsyncIterator[PostgresqlSource]":
    """Open a database for a block; the first connection is made when it is needed."""
    pool = asyncpg.create_pool(
        host=config.host,
        port=config.port,
        database=config.database,
        user=config.user,
        password=credential.password.get_secret_value() if credential else "",
        min_size=0,
        max_size=CONNECTIONS,
        max_inactive_connection_lifetime=IDLE_S,
        timeout=CONNECT_S,
        statement_cache_size=0,  # statements are asked once, and a pooler in between may not know them
        server_settings=SETTINGS,
        target_session_attrs=SessionAttribute.any,
        ssl=security(config.ssl_mode),
    )
    await pool
    try:
        yield PostgresqlSource(pool, config)
    finally:
        await _close(pool)


async def _close(pool: Any) -> None:
    try:
        await asyncio.wait_for(pool.close(), CONNECT_S)
    except TimeoutError:
        pool.terminate()


class PostgresqlSource:
    """A database of PostgreSQL. Reads run in a transaction that is read only and is rolled back."""

    def __init__(self, pool: Any, config: Postgresql) -> None:
        self._pool = pool
        self._config = config

    def __str__(self) -> str:
        return f"postgresql://{self._config.user}@{self._config.host}:{self._config.port}/{self._config.database}"

    async def identify(self) -> str:
        """Return the user and the server's version."""
        ((user, version),) = await self._rows("SELECT current_user, current_setting('server_version')")
        return f"{user}, PostgreSQL {version}"

    async def schemas(self) -> Sequence[str]:
        """Return the names of the schemas that can be seen."""
        return [name for (name,) in await self._rows(browsing.SCHEMAS)]

    async def tables(
        self, schema: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Table]:
        """Return tables and views with what the planner knows of them; partitions are in the table that they are of."""
        schema_after, name_after = after or (None, None)
        found = await self._rows(browsing.TABLES, schema, schema_after, name_after, limit)
        return [browsing.table_of(row) for row in found]

    async def columns(self, schema: str, table: str) -> Sequence[Column]:
        """Return the columns of a table in their order; NotFound."""
        found = await self._rows(browsing.COLUMNS, schema, table)
        if not found:
            raise NotFound(f"There is no table {schema}.{table}.")
        return [browsing.column_of(row) for row in found if row[0] is not None]

    @asynccontextmanager
    async def query(
        self,
        statement: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> AsyncIterator[Answer]:
        """Run one statement for a block."""
        async with (
            self._transaction(timeout_s, is_writing=is_writing) as connection,
            asked(connection, statement, parameters, timeout_s=timeout_s, batch_rows=batch_rows) as answer,
        ):
            yield answer

    @asynccontextmanager
    async def prepare(self, statement: str) -> "AsyncIterator[PostgresqlPrepared]":
        """Let the server understand a statement once, for a block."""
        async with self._connection() as connection:
            yield PostgresqlPrepared(connection, await prepared(connection, statement))

    async def insert(
        self, schema: str, table: str, batches: AsyncIterator[pa.RecordBatch], *, timeout_s: float = TIMEOUT_S
    ) -> int:
        """Add rows by COPY."""
        async with self._transaction(timeout_s, is_writing=True) as connection:
            return await inserted(connection, (schema, table), batches, timeout_s=timeout_s)

    @asynccontextmanager
    async def transaction(self) -> "AsyncIterator[PostgresqlTransaction]":
        """Open a transaction for a block."""
        async with self._transaction(TIMEOUT_S, is_writing=True) as connection:
            yield PostgresqlTransaction(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated():
            connection = await self._pool.acquire()
        try:
            yield connection
        finally:
            await self._pool.release(connection, timeout=CONNECT_S)

    @asynccontextmanager
    async def _transaction(self, timeout_s: float, *, is_writing: bool) -> AsyncIterator[Connection]:
        async with self._connection() as connection:
            command = "ROLLBACK"
            try:
                await begin(connection, timeout_s, is_writing=is_writing)
                yield connection
                command = "COMMIT" if is_writing else command
            finally:
                with translated():
                    await end(connection, command)

    async def _rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async with self._transaction(TIMEOUT_S, is_writing=False) as connection:
            with translated(TIMEOUT_S):
                return [tuple(row) for row in await connection.fetch(statement, *parameters)]


class PostgresqlPrepared:
    """A statement that the server has understood."""

    def __init__(self, connection: Connection, made: Any) -> None:
        self._connection = connection
        self._made = made

    async def rows(self, parameters: Sequence[Any] = (), *, timeout_s: float = TIMEOUT_S) -> Sequence[tuple[Any, ...]]:
        """Run it in a transaction that is read only, and return its rows."""
        arguments = fitted(parameters, self._made.get_parameters())
        await begin(self._connection, timeout_s, is_writing=False)
        try:
            with translated(timeout_s):
                return [tuple(row) for row in await self._made.fetch(*arguments, timeout=timeout_s)]
        finally:
            await end(self._connection, "ROLLBACK")


class PostgresqlTransaction:
    """Statements that are committed together; those that read are held to it by a savepoint each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def query(
        self,
        statement: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> AsyncIterator[Answer]:
        """Run one statement for a block."""
        milliseconds = max(int(timeout_s * 1000), 1)
        limited = f"SET LOCAL statement_timeout = {milliseconds}"
        with translated(timeout_s):
            await self._connection.execute(
                limited if is_writing else f"{limited}; SAVEPOINT read; SET TRANSACTION READ ONLY"
            )
        async with asked(self._connection, statement, parameters, timeout_s=timeout_s, batch_rows=batch_rows) as answer:
            yield answer
        if not is_writing:
            with translated(timeout_s):
                await self._connection.execute("ROLLBACK TO SAVEPOINT read; RELEASE SAVEPOINT read")
