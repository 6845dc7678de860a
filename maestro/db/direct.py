"""A connection of its own for work that no pool lends: on another database of the server, or outside transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
import orjson
from sqlalchemy import make_url

from maestro.db.rows import CONNECTION_LOST, Row

APPLICATION: Final = "maestro operations"
"""What the server calls these connections in `pg_stat_activity`."""
CONNECT_S: Final = 10.0
CLOSE_S: Final = 2.0
_SETTINGS: Final = {
    # Texts of values are compared between databases: they are to be written alike in each.
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    # Should this machine be cut off, the server gives back soon what the connection has locked.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
# By their names, since servers differ in which of them there are.
_UNLIMITED: Final = """
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout',
        'idle_session_timeout')"""


def named(url: str, database: str) -> str:
    """Return the URL of another database of the same server, by the same account."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def name_of(url: str) -> str:
    """Return the name of the database of a URL."""
    return make_url(url).database or ""


@asynccontextmanager
async def connected(url: str, *, database: str | None = None, application: str = APPLICATION) -> AsyncIterator[Any]:
    """Open an asyncpg connection for the length of a block, to the database of a URL or to another one beside it.

    No time limit of the server ends what it does.
    """
    target = make_url(url).set(drivername="postgresql")
    if database is not None:
        target = target.set(database=database)
    connection = await asyncpg.connect(
        target.render_as_string(hide_password=False),
        record_class=Row,
        server_settings={"application_name": application, **_SETTINGS},
        timeout=CONNECT_S,
    )
    is_done = False
    try:
        await connection.execute(_UNLIMITED)
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: orjson.dumps(value).decode(),
            decoder=orjson.loads,
        )
        yield connection
        is_done = True
    finally:
        if is_done:
            with suppress(*CONNECTION_LOST, asyncpg.PostgresError):
                await connection.close(timeout=CLOSE_S)
        # A statement that was cut off may still run, and this ends it.
        connection.terminate()
