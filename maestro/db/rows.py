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

NotPermitted = asyncpg.InsufficientPrivilegeError
"""What the driver raises when the account may not do something."""

LockNotAvailable = asyncpg.LockNotAvailableError
"""What the driver raises when a lock was waited for as long as `lock_timeout` allows."""

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

_SHORT_LIVED: Final = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
"""Has the server notice within seconds that the machine of a client is gone; without effect on a Unix socket."""


class BeingExchanged(ConnectionError):
    """The server refuses connections to the database because a restored one is about to take its name."""


_EXCHANGED: Final = frozenset({"55000", "3D000"})
"""How the server refuses a database that accepts no connections, and one whose name is just changing."""


def is_of_exchange(error: BaseException | None) -> bool:
    """Say whether an error is the refusal of a connection to a database that is being exchanged."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _EXCHANGED:
            return True
        # SQLAlchemy puts its own error around the driver's, and keeps that.
        error = getattr(error, "orig", None) or error.__cause__
    return False


async def is_being_exchanged(url: URL, *, patience_s: float) -> bool:
    """Try to connect to a database whose connections have just ended, and say whether it is being exchanged."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(dsn, timeout=patience_s)
    except (*CONNECTION_LOST, StatementFailed, TimeoutError) as error:
        return is_of_exchange(error)
    connection.terminate()
    return False


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


class Holder:
    """A connection of its own that holds an advisory lock, in its session, for as long as it is open."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: URL, name: str) -> "AsyncIterator[Holder | None]":
        """Hold the lock of a name while the block runs; None when somebody else holds it."""
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "maestro", **_SHORT_LIVED})
        try:
            is_held = await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name)
            yield cls(connection) if is_held else None
        finally:
            connection.terminate()

    async def prove(self, *, within_s: float) -> None:
        """Raise what is raised when the connection, and with it the lock, is lost; TimeoutError without an answer."""
        await asyncio.wait_for(self._connection.fetchval("SELECT 1"), within_s)
