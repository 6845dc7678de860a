"""Sessions of Snowflake, each for one statement or transaction at a time; some wait to be used again."""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO, Final

import orjson
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from snowflake.connector import aio

from connectors.sql.snowflake_errors import translated
from maestro.credentials import SnowflakeCredential
from maestro.errors import Forbidden, InvalidInput, MaestroError, Transient
from maestro.vendor_errors import TimedOut
from maestro.vendors import LOOPBACK, Snowflake

AT_ONCE: Final = 8
"""So many statements run at a time: what one warehouse runs before it queues, unless told otherwise."""
# Otherwise the library asks three clouds' metadata services whether it runs there, and tells its vendor.
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")

LOGIN_S: Final = 30
CLOSE_S: Final = 5
CONTROL_S: Final = 30
"""So long may it take to begin or end a transaction, or to look after a stage."""
TRIES: Final = 3
MOST_AHEAD_MB: Final = 256
"""So much of a result is read before it is asked for."""
SESSION: Final[dict[str, Any]] = {
    "CLIENT_TELEMETRY_ENABLED": False,
    "MULTI_STATEMENT_COUNT": 1,
    "QUERY_TAG": "maestro",
    "TIMEZONE": "UTC",
}


def options(config: Snowflake, credential: SnowflakeCredential) -> dict[str, Any]:
    """Return what the library signs in with; Forbidden for a private key that cannot be read."""
    return {
        "account": config.account,
        "user": config.user,
        "warehouse": config.warehouse,
        "database": config.database,
        "schema": config.schema_name,
        "role": config.role,
        "host": config.host,
        "port": config.port,
        "protocol": config.protocol,
        "use_proxy_env": config.host not in LOOPBACK,
        "paramstyle": "qmark",
        "session_parameters": SESSION,
        "validate_default_parameters": True,
        "login_timeout": LOGIN_S,
        "retry_max_attempts": TRIES,
        "client_memory_limit": MOST_AHEAD_MB,
        "client_store_temporary_credential": False,
        "enable_server_session_keep_alive_auto_detection": False,
        "logout_total_timeout_seconds": CLOSE_S,
        "arrow_number_to_decimal": True,
        **_signing_in(config, credential),
    }


def _signing_in(config: Snowflake, credential: SnowflakeCredential) -> dict[str, Any]:
    if credential.password is not None:
        return {"password": credential.password.get_secret_value()}
    if credential.token is not None:
        kind = "OAUTH" if config.is_oauth else "PROGRAMMATIC_ACCESS_TOKEN"
        return {"authenticator": kind, "token": credential.token.get_secret_value()}
    return {"authenticator": "SNOWFLAKE_JWT", "private_key": _key(credential)}


def _key(credential: SnowflakeCredential) -> bytes:
    pem, phrase = (
        None if text is None else text.get_secret_value().encode()
        for text in (credential.private_key, credential.private_key_passphrase)
    )
    try:
        key = load_pem_private_key(pem or b"", phrase)
    except (ValueError, TypeError) as error:
        raise Forbidden(
            "The private key cannot be read.",
            hint="Give it whole, in PEM, with its passphrase if it has one, and without if it has none.",
            vendorCode=type(error).__name__,
        ) from None
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Sessions:
    """Opens sessions as they are needed, at most `AT_ONCE`, and keeps them until it is closed."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._idle: list[aio.SnowflakeConnection] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[aio.SnowflakeConnection]:
        """Take a session for a block; one that may have been lost is not used again."""
        async with self._turns:
            session = self._idle.pop() if self._idle else await self._opened()
            try:
                yield session
            except Transient:  # it may have been lost, or have come to its end
                await self._close(session)
                raise
            finally:
                if not session.is_closed():
                    self._idle.append(session)

    async def _opened(self) -> aio.SnowflakeConnection:
        session = aio.SnowflakeConnection(**self._given)
        with translated("signing in"):
            await session.connect()
        return session

    async def close(self) -> None:
        """Close all that are idle."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(self._close, idle))

    async def _close(self, session: aio.SnowflakeConnection) -> None:
        with suppress(MaestroError, TimeoutError), translated("closing"):
            async with asyncio.timeout(CLOSE_S):
                await session.close()


@asynccontextmanager
async def in_transaction(session: aio.SnowflakeConnection) -> AsyncIterator[None]:
    """Commit what a block does at its end; undo it when the block fails or is cancelled."""
    await execute(session, "BEGIN", timeout_s=CONTROL_S)
    is_done = False
    try:
        yield
        await execute(session, "COMMIT", timeout_s=CONTROL_S)
        is_done = True
    finally:
        if not is_done:
            await asyncio.wait([asyncio.ensure_future(_undone(session))])


async def _undone(session: aio.SnowflakeConnection) -> None:
    try:
        await execute(session, "ROLLBACK", timeout_s=CONTROL_S)
    except MaestroError:
        # A session that is closed is undone by the vendor.
        with suppress(MaestroError), translated("closing"):
            await session.close()


async def execute(
    session: aio.SnowflakeConnection,
    statement: str,
    parameters: Sequence[Any] = (),
    *,
    timeout_s: float,
    file: BinaryIO | None = None,
) -> Any:
    """Run one statement and return its cursor; stopped at the vendor when it takes too long or this is cancelled.

    A PUT sends the bytes of `file`, under the name that the statement gives it.
    """
    cursor = session.cursor()
    # Should this process end, the vendor still knows when to stop.
    cursor.set_statement_parameter("STATEMENT_TIMEOUT_IN_SECONDS", max(1, math.ceil(timeout_s)))
    bound = [bindable(value, number) for number, value in enumerate(parameters, 1)]
    try:
        async with asyncio.timeout(timeout_s):
            with translated("running the statement", statement):
                await cursor.execute(statement, bound or None, num_statements=1, file_stream=file)
    except TimeoutError:
        raise too_long(timeout_s) from None
    return cursor


def too_long(timeout_s: float) -> TimedOut:
    """Say that a statement was stopped."""
    return TimedOut(
        f"The statement was stopped after {timeout_s:g} seconds.",
        hint="Give it more time, or read less.",
        timeoutSeconds=timeout_s,
    )


def bindable(value: Any, number: int) -> Any:
    """Return a parameter as the library takes it: what has no type of SQL as JSON, for PARSE_JSON."""
    if isinstance(value, dict | list | tuple):
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:
            raise InvalidInput(f"Parameter {number} is not JSON: {error}.") from None
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value
