"""A connection of its own for work that no pool lends: on another database of the server, or outside transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import orjson
from sqlalchemy import make_url

from maestro.db.rows import Row

CONNECT_S: Final = 10.0
_SETTINGS: Final = {
    "application_name": "maestro operations",
    # Texts of values are compared between databases: they are to be written alike in each.
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    # Should this machine be cut off, the server gives back soon what the connection has locked.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "jit": "off",
}


def named(url: str, database: str) -> str:
    """Return the URL of another database of the same server, by the same account."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def name_of(url: str) -> str:
    """Return the name of the database of a URL."""
    return make_url(url).database or ""


@asynccontextmanager
async def connected(url: str, *, database: str | None = None) -> AsyncIterator[Any]:
    """Open an asyncpg connection for the length of a block, to the database of a URL or to another one beside it."""
    target = make_url(url).set(drivername="postgresql")
    if database is not None:
        target = target.set(database=database)
    connection = await asyncpg.connect(
        target.render_as_string(hide_password=False),
        record_class=Row,
        server_settings=_SETTINGS,
        timeout=CONNECT_S,
    )
    try:
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: orjson.dumps(value).decode(),
            decoder=orjson.loads,
        )
        yield connection
    finally:
        # Not closed in good order: that would wait for a server which may be gone.
        connection.terminate()
