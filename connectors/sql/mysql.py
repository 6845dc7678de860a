"""MySQL and MariaDB as a source that is asked in SQL, by aiomysql."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pyarrow as pa
from pymysql.err import MySQLError

from connectors.sql import mysql_browsing as browsing
from connectors.sql.arrow import plain
from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S, Column, Table
from connectors.sql.mysql_connection import Connection
from connectors.sql.mysql_errors import translated
from connectors.sql.mysql_pool import Pool
from connectors.sql.mysql_reading import Answer, Cursor
from connectors.sql.mysql_text import literal, quoted, rendered
from maestro.credentials import MysqlCredential
from maestro.errors import InvalidInput, NotFound
from maestro.vendors import Mysql

MOST_LETTERS: Final = 1_000_000
"""Of one INSERT; a server takes 16 MB at least unless it was told otherwise."""


@asynccontextmanager
async def mysql_source(config: Mysql, credential: MysqlCredential | None) -> "AsyncIterator[MysqlSource]":
    """Open a database for a block; the first connection is made when it is needed."""
    pool = Pool(config, credential)
    try:
        yield MysqlSource(pool, config)
    finally:
        await pool.close()


class MysqlSource:
    """A server of MySQL or MariaDB, whose databases are schemas here.

    Reads run in a transaction that is read only and is rolled back.
    """

    def __init__(self, pool: Pool, config: Mysql) -> None:
        self._pool = pool
        self._config = config

    def __str__(self) -> str:
        return f"mysql://{self._config.user}@{self._config.host}:{self._config.port}/{self._config.database}"

    async def identify(self) -> str:
        """Return the user and the server's version."""
        ((user, version),) = await self._rows("SELECT CURRENT_USER(), VERSION()")
        return f"{user}, {version}" if "MariaDB" in version else f"{user}, MySQL {version}"

    async def schemas(self) -> Sequence[str]:
        """Return the names of the databases that can be seen."""
        return [name for (name,) in await self._rows(browsing.SCHEMAS)]

    async def tables(
        self, schema: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Table]:
        """Return tables and views with the server's estimates."""
        schema_after, name_after = after or (None, None)
        if not browsing.may_be((schema or "") + "".join(after or ())):
            return []
        found = await self._rows(
            browsing.TABLES, schema, schema, schema_after, schema_after or "", name_after or "", limit
        )
        return [browsing.table_of(row) for row in found]

    async def columns(self, schema: str, table: str) -> Sequence[Column]:
        """Return the columns of a table in their order; NotFound."""
        found = await self._rows(browsing.COLUMNS, schema, table) if browsing.may_be(schema + table) else []
        if not found:
            raise NotFound(f"There is no table {schema}.{table}.")
        return [browsing.column_of(row) for row in found]

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
        async with self._transaction(timeout_s, is_writing=is_writing) as inside:
            async with inside.query(statement, parameters, timeout_s=timeout_s, batch_rows=batch_rows) as answer:
                yield answer
            if is_writing:
                await _drained(answer)

    @asynccontextmanager
    async def prepare(self, statement: str) -> "AsyncIterator[MysqlPrepared]":
        """Keep a statement for a block; the driver has none that the server prepares."""
        yield MysqlPrepared(self, statement)

    async def insert(
        self, schema: str, table: str, batches: AsyncIterator[pa.RecordBatch], *, timeout_s: float = TIMEOUT_S
    ) -> int:
        """Add rows by INSERTs of many rows each, in one transaction; tables without transactions keep a part."""
        count, place = 0, f"{quoted(schema)}.{quoted(table)}"
        async with self._transaction(timeout_s, is_writing=True) as inside:
            await inside.run(f"SELECT 1 FROM {place} LIMIT 0", timeout_s)  # noqa: S608 -- quoted
            async for batch in batches:
                names = ", ".join(map(quoted, batch.schema.names))
                for values in _pieces(batch):
                    await inside.run(f"INSERT INTO {place} ({names}) VALUES {values}", timeout_s)  # noqa: S608 -- quoted
                count += batch.num_rows
        return count

    @asynccontextmanager
    async def transaction(self) -> "AsyncIterator[MysqlTransaction]":
        """Open a transaction for a block."""
        async with self._transaction(TIMEOUT_S, is_writing=True) as inside:
            yield inside

    @asynccontextmanager
    async def _transaction(self, timeout_s: float, *, is_writing: bool) -> "AsyncIterator[MysqlTransaction]":
        async with self._pool.connection() as connection:
            with translated():
                await _begin(connection, timeout_s, is_writing=is_writing)
            yield MysqlTransaction(connection)
            if not connection.is_asking:  # otherwise it is ended as it is
                with translated(timeout_s):
                    await connection.run("COMMIT" if is_writing else "ROLLBACK")

    async def _rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return await self.fetched(statement, parameters, timeout_s=TIMEOUT_S)

    async def fetched(self, statement: str, parameters: Sequence[Any], *, timeout_s: float) -> list[tuple[Any, ...]]:
        """Run a statement that reads, and return its rows as the values of Python."""
        found: list[tuple[Any, ...]] = []
        async with self.query(statement, parameters, timeout_s=timeout_s) as answer:
            async for batch in answer.batches():
                found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return found


class MysqlPrepared:
    """A statement that is written again with each row of parameters."""

    def __init__(self, source: MysqlSource, statement: str) -> None:
        self._source = source
        self._statement = statement

    async def rows(self, parameters: Sequence[Any] = (), *, timeout_s: float = TIMEOUT_S) -> Sequence[tuple[Any, ...]]:
        """Run it in a transaction that is read only, and return its rows."""
        return await self._source.fetched(self._statement, parameters, timeout_s=timeout_s)


class MysqlTransaction:
    """Statements that are committed together; MySQL cannot hold one of them to reading."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, statement: str, timeout_s: float) -> None:
        """Run a statement of ours that answers no rows."""
        async with self.query(statement, timeout_s=timeout_s) as answer:
            await _drained(answer)

    @asynccontextmanager
    async def query(
        self,
        statement: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,  # noqa: ARG002 -- the transaction is one that writes, or is not
        batch_rows: int = BATCH_ROWS,
    ) -> AsyncIterator[Answer]:
        """Run one statement for a block."""
        connection = self._connection
        text = rendered(statement, parameters, has_backslashes=connection.has_backslashes)
        until = asyncio.get_running_loop().time() + timeout_s
        with translated(timeout_s, text):
            cursor = await connection.cursor(Cursor)
            connection.is_asking = True
            try:
                async with asyncio.timeout_at(until):
                    await cursor.execute(text)
            except MySQLError:
                connection.is_asking = False
                raise
        yield Answer(connection, cursor, limits=(timeout_s, until), batch_rows=batch_rows)


async def _drained(answer: Answer) -> None:
    """Read what nobody has, so that the statement comes to its end."""
    async for _ in answer.batches():
        pass


async def _begin(connection: Connection, timeout_s: float, *, is_writing: bool) -> None:
    is_reading = int(not is_writing)
    if connection.is_mariadb:
        await connection.run(f"SET SESSION max_statement_time = {timeout_s:.6f}, SESSION tx_read_only = {is_reading}")
    else:
        milliseconds = max(int(timeout_s * 1000), 1)
        await connection.run(
            f"SET SESSION max_execution_time = {milliseconds}, SESSION transaction_read_only = {is_reading}"
        )
    await connection.run("START TRANSACTION READ WRITE" if is_writing else "START TRANSACTION READ ONLY")


def _pieces(batch: pa.RecordBatch) -> list[str]:
    """Return the rows of a batch as the values of INSERTs, none of them too long."""
    if not batch.num_columns:
        raise InvalidInput("A batch has no columns.")
    columns = [plain(values, field) for values, field in zip(batch.columns, batch.schema, strict=True)]
    pieces: list[list[str]] = []
    size = MOST_LETTERS
    for row in zip(*columns, strict=True):
        text = f"({', '.join(map(literal, row))})"
        if size + len(text) > MOST_LETTERS:
            pieces.append([])
            size = 0
        pieces[-1].append(text)
        size += len(text)
    return [", ".join(piece) for piece in pieces]
