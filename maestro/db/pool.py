"""The pool of connections to one database, which SQLAlchemy keeps; what each connection has to know is set up here."""

import asyncio
from typing import Any, Final

import orjson
from sqlalchemy import event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine

from maestro.db.rows import Row

TURNS: Final = 4
"""One in so many connections is for those who take turns."""
_JSONB_VERSION: Final = b"\x01"
"""What stands in front of the text in the binary form of jsonb."""


class Pool:
    """What all views on a database share."""

    def __init__(self, url: str, size: int) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        self.statements_run = 0
        self.turns = asyncio.Semaphore(max(1, size // TURNS))
        self.engine = create_async_engine(
            self.url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=30,
            connect_args={"record_class": Row, "server_settings": {"application_name": "maestro", "jit": "off"}},
        )
        event.listen(self.engine.sync_engine, "connect", _decode_json)
        event.listen(self.engine.sync_engine, "checkout", _require_open)

    @property
    def connections(self) -> tuple[int, int, int, int]:
        """How many connections there may be, are in use, are open besides, and are beyond the size."""
        pool: Any = self.engine.pool
        return pool.size(), pool.checkedout(), pool.checkedin(), max(pool.overflow(), 0)


def _require_open(connection: Any, _record: Any, _fairy: Any) -> None:
    # SQLAlchemy sees no error of statements that run on the driver, so it would lend a lost connection for ever.
    if connection.driver_connection.is_closed():
        raise DisconnectionError("The server has closed the connection.")


def _decode_json(connection: Any, _record: Any) -> None:
    # In the binary forms, since COPY takes no other.
    async def set_codecs(driver: Any) -> None:
        for name, encoder, decoder in (("json", orjson.dumps, orjson.loads), ("jsonb", _as_jsonb, _of_jsonb)):
            await driver.set_type_codec(name, schema="pg_catalog", format="binary", encoder=encoder, decoder=decoder)

    connection.run_async(set_codecs)


def _as_jsonb(value: Any) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _of_jsonb(data: bytes) -> Any:
    return orjson.loads(data[len(_JSONB_VERSION) :])
