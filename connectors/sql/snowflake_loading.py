"""Rows into a table of Snowflake in bulk: a file on a stage that is thrown away, and one statement that takes it in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final
from uuid import uuid4

from pyarrow import RecordBatch
from snowflake.connector import aio

from connectors.sql.capability import Column
from connectors.sql.parquet import spool
from connectors.sql.snowflake_errors import translated
from connectors.sql.snowflake_sessions import CONTROL_S, Sessions, execute, too_long
from connectors.sql.snowflake_statements import quoted
from maestro.errors import MaestroError

_FILE: Final = "rows.parquet"
_OPTIONS: Final = (
    "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE) "
    "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT"
)


async def load(
    sessions: Sessions,
    place: tuple[str, str, str],
    batches: AsyncIterator[RecordBatch],
    *,
    columns: Sequence[Column],
    timeout_s: float,
) -> int:
    """Add rows to the table at `place`, which has these columns, all or none; return how many."""
    try:
        async with asyncio.timeout(timeout_s):
            with TemporaryFile() as file:
                rows, _ = await spool(batches, file, columns)
                if not rows:
                    return 0
                async with sessions.one() as session:
                    return await _loaded(session, place, file, timeout_s=timeout_s)
    except TimeoutError:
        raise too_long(timeout_s) from None


async def _loaded(session: Any, place: tuple[str, str, str], file: BinaryIO, *, timeout_s: float) -> int:
    stage = quoted(*place[:2], f"MAESTRO_{uuid4().hex.upper()}")
    await execute(session, f"CREATE TEMPORARY STAGE {stage}", timeout_s=CONTROL_S)
    try:
        put = f"PUT file://{_FILE} @{stage} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE"
        await execute(session, put, timeout_s=timeout_s, file=file)
        copy = f"COPY INTO {quoted(*place)} FROM @{stage}/{_FILE} {_OPTIONS}"
        cursor = await execute(session, copy, timeout_s=timeout_s)
        with translated("reading how many rows were loaded"):
            names = [column.name for column in cursor.description]
            return sum(int(row[names.index("rows_loaded")]) for row in await cursor.fetchall())
    finally:
        await asyncio.wait([asyncio.ensure_future(_removed(session, stage))])


async def _removed(session: aio.SnowflakeConnection, stage: str) -> None:
    # What cannot be removed now goes with the session, which made it for itself.
    with suppress(MaestroError):
        await execute(session, f"DROP STAGE IF EXISTS {stage}", timeout_s=CONTROL_S)
