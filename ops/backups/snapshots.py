"""A snapshot of a database that several connections and pg_dump see, and in which nothing is altered or removed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from maestro.errors import Transient
from ops.backups.servers import Connection, connected, quoted, transient

LOCK_TIMEOUT_S: Final = 60
"""How long to wait for whoever is just altering a table."""
_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TABLES: Final = """
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_toast%' AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1, 2"""
# Whatever a value is written as depends on these alone; `row_security` has PostgreSQL refuse to leave rows out.
_SETTINGS: Final = """
    SET search_path = ''; SET row_security = off; SET DateStyle = ISO; SET IntervalStyle = postgres;
    SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = hex; SET xmloption = content;
    SET client_encoding = 'UTF8'; SET lc_monetary = 'C'; SET jit = off; SET synchronize_seqscans = off;
    SET max_parallel_workers_per_gather = 0"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a database held at a moment: its URL, the name under which others see the same, and a connection to it."""

    url: str
    name: str
    connection: Connection

    @asynccontextmanager
    async def readers(self, count: int) -> AsyncIterator[list[Connection]]:
        """Open connections that see the database as it was at that moment."""
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(connected(self.url)) for _ in range(count)]
            with transient():
                for reader in readers:
                    await reader.execute(_SETTINGS)
                    await reader.execute(_BEGIN)
                    await reader.execute(f"SET TRANSACTION SNAPSHOT '{self.name}'")
            yield readers


@asynccontextmanager
async def exported(url: str) -> AsyncIterator[Snapshot]:
    """Hold a snapshot for the length of a block.

    Its tables cannot be altered, emptied or dropped meanwhile, which would wait for the block's end; rows are read and
    written as ever. Transient when somebody alters a table for longer than a minute.
    """
    async with connected(url) as connection:
        with transient():
            await connection.execute(f"{_SETTINGS}; SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
            await connection.execute(_BEGIN)
            await _lock(connection)
            name = await connection.fetchval("SELECT pg_export_snapshot()")
        yield Snapshot(url, name, connection)


async def _lock(connection: Connection) -> None:
    tables = await connection.fetch(_TABLES)
    names = ", ".join(f"{quoted(table['schema'])}.{quoted(table['name'])}" for table in tables)
    try:
        if names:
            await connection.execute(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
    except asyncpg.UndefinedTableError as error:
        raise Transient("A table was dropped just as the backup began.") from error
