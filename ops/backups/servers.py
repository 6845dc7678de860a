"""Connections of an operation's own to a server of PostgreSQL, and how PostgreSQL's programs are told where it is."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, make_url

from maestro.db import direct
from maestro.errors import PreflightFailed, Transient
from maestro.postgres import binaries

APPLICATION: Final = "maestro backup"
"""What the server calls these connections in `pg_stat_activity`."""
_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    # What a database is, to whoever connects, just while it is exchanged for a restored one.
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)

Connection = Any
"""A connection of asyncpg."""


@asynccontextmanager
async def connected(url: str, *, database: str | None = None) -> AsyncIterator[Connection]:
    """Open a connection for the length of a block, to another database of the server if one is named.

    No time limit of the server ends what it does. Transient when the server cannot be reached, PreflightFailed when it
    refuses the account.
    """
    async with AsyncExitStack() as stack:
        with transient(), _admitted(str(make_url(url).username)):
            opening = direct.connected(url, database=database, application=APPLICATION)
            connection = await stack.enter_async_context(opening)
        yield connection


@contextmanager
def transient() -> Iterator[None]:
    """Raise Transient for what the driver raises within a block when it may succeed a little later."""
    try:
        yield
    except _LOST as error:
        told = str(error).strip().rstrip(".") or type(error).__name__
        raise Transient(f"The database server cannot be used now: {told}.") from error


def quoted(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def libpq_environment(url: str) -> dict[str, str]:
    """Return what a program of PostgreSQL is started with to find a database; the password is on no command line."""
    parts = make_url(url)
    found = {
        "PGHOST": _option(parts, "host") or parts.host,
        "PGPORT": _option(parts, "port") or (str(parts.port) if parts.port else None),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
        "PGAPPNAME": APPLICATION,
        "PGCONNECT_TIMEOUT": str(int(direct.CONNECT_S)),
    }
    return {**binaries.environment(), **{name: str(value) for name, value in found.items() if value}}


@contextmanager
def _admitted(account: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise PreflightFailed(
            f"The database server refuses the account {account}: {error}.",
            hint="Correct MAESTRO_OPERATIONS_URL, or else MAESTRO_DATABASE_URL.",
            checks=[{"name": "database", "isPassed": False, "result": str(error)}],
        ) from error


def _option(parts: URL, name: str) -> str | None:
    value = parts.query.get(name)
    return value if isinstance(value, str) or value is None else ",".join(value)
