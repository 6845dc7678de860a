"""Rows as the driver makes them, with their columns as attributes. The one module that knows asyncpg's types."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

BIND: Final = """
    SELECT set_config('role', $1, false), set_config('maestro.organization', $2, false),
        set_config('maestro.projects', $3, false)
"""
"""How a connection is set to a role, an organisation and projects."""


class Row(asyncpg.Record):  # type: ignore[type-arg,misc,unused-ignore] # asyncpg ships no types of its own
    """A row: `row.name` is `row["name"]`. Made by the driver without a copy, so it costs what a tuple costs."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self.keys())}") from None


UniqueViolation = asyncpg.UniqueViolationError
"""What the driver raises when a row breaks a unique index."""

UndefinedTable = asyncpg.UndefinedTableError
"""What the driver raises when there is no such table."""

StatementFailed = asyncpg.PostgresError
"""What the driver raises when the server refuses a statement, whatever the reason."""

CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # A connection that the server has just ended, before the driver has seen its end.
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    DBAPIError,
)
"""What is raised when the server cannot be reached any more; trying again later may help.

Statements run on the driver itself, so SQLAlchemy's error stands for a connection that could not be opened.
"""


class Listener:
    """A connection of its own that hears one channel; a pooled one would lose what comes while it is not lent."""

    def __init__(self, connection: Any) -> None:
        self._closed = asyncio.Event()
        connection.add_termination_listener(lambda _connection: self._closed.set())

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: URL, channel: str, heard: Callable[[str], None]) -> "AsyncIterator[Listener]":
        """Listen while the block runs; `heard` gets each notification's payload."""
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(dsn)
        try:
            listener = cls(connection)
            await connection.add_listener(channel, lambda _connection, _pid, _channel, payload: heard(payload))
            yield listener
        finally:
            connection.terminate()

    async def wait_closed(self) -> None:
        """Return when the connection is gone."""
        await self._closed.wait()


class Reader:
    """A connection of its own for one small statement that is run again and again, opened when it is first needed."""

    def __init__(self, url: URL, binding: tuple[str, str, str]) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._binding = binding
        self._connection: Any = None

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Any]:
        """Run the statement and return its rows."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._dsn, server_settings={"application_name": "maestro"})
            await self._connection.fetch(BIND, *self._binding)
        rows: Sequence[Any] = await self._connection.fetch(sql, *arguments)
        return rows

    def close(self) -> None:
        """Drop the connection; the next statement opens another one."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
