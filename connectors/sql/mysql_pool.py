"""A few connections to MySQL, made when they are needed; one that is left at work is ended at the server."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from pymysql.err import MySQLError

from connectors.sql.mysql_connection import CONNECT_S, Connection, connected, security
from connectors.sql.mysql_errors import Plain, translated
from maestro.credentials import MysqlCredential
from maestro.vendors import Mysql

CONNECTIONS: Final = 5
"""Most at a time."""
IDLE_S: Final = 60.0
"""A connection that nobody has used for so long is not used again."""
END_S: Final = 5.0
_LINE: Final = (MySQLError, Plain, OSError)


class Pool:
    """The connections of one source."""

    def __init__(self, config: Mysql, credential: MysqlCredential | None) -> None:
        self._config = config
        self._credential = credential
        self._context: ssl.SSLContext | None = security(config.ssl_mode)
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Hold a connection for a block; it is as new."""
        async with self._room:
            connection = await self._taken()
            try:
                yield connection
            finally:
                await self._give_back(connection)

    async def close(self) -> None:
        """Close what is open."""
        while self._idle:
            with suppress(*_LINE):
                await asyncio.wait_for(self._idle.pop().ensure_closed(), END_S)

    async def _taken(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and time.monotonic() - connection.idle_since < IDLE_S:
                return connection
            connection.close()
        with translated():
            return await asyncio.wait_for(connected(self._config, self._credential, self._context), CONNECT_S)

    async def _give_back(self, connection: Connection) -> None:
        try:
            if connection.closed or connection.is_asking:
                await self._kill(connection)
                return
            await asyncio.wait_for(connection.reset(), END_S)
        except _LINE:
            connection.close()
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    async def _kill(self, connection: Connection) -> None:
        """End a connection and its statement at the server, over a second one."""
        connection.close()
        killer = await asyncio.wait_for(connected(self._config, self._credential, self._context), END_S)
        try:
            await asyncio.wait_for(killer.run(f"KILL {connection.thread_id()}"), END_S)
        finally:
            killer.close()
