"""How a statement is asked on a connection of PostgreSQL: understood, its parameters fitted, run, and ended."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
from asyncpg.types import Type

from connectors.sql.capability import BATCH_ROWS, TIMEOUT_S
from connectors.sql.postgresql_errors import translated
from connectors.sql.postgresql_reading import Answer, Copied, Fetched, Limits
from connectors.sql.postgresql_shape import shape_of
from connectors.sql.postgresql_types import fitted, is_easy

END_S: Final = 5.0
"""For a connection to end what it does; then it is closed, which ends it too."""
_CHANGED: Final = re.compile(r"(\d+)$")

Connection = Any
"""A connection of the pool: what stands for an `asyncpg.Connection`, and has its methods."""


async def begin(connection: Connection, timeout_s: float, *, is_writing: bool) -> None:
    """Begin a transaction in which statements may take so long.

    One that only reads has looked at the data when this returns: from then on it cannot be made into one that writes.
    """
    kind = "READ WRITE" if is_writing else "READ ONLY"
    milliseconds = max(int(timeout_s * 1000), 1)
    with translated(timeout_s):
        await connection.execute(
            f"BEGIN {kind}; SET LOCAL statement_timeout = {milliseconds}; SELECT 1", timeout=timeout_s + END_S
        )


async def end(connection: Connection, command: str) -> None:
    """End a transaction; a connection that does not obey is closed. Only a commit that fails raises."""
    try:
        await connection.execute(command, timeout=END_S if command == "ROLLBACK" else TIMEOUT_S)
    except asyncpg.PostgresError:
        if command != "ROLLBACK":
            raise
        _terminate(connection)
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        # The driver cannot go on with a COPY that was left while rows came in: without a reader, the server ends it.
        _terminate(connection)
        if command != "ROLLBACK":
            raise


def _terminate(connection: Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has taken back one that the server has ended
        connection.terminate()


async def prepared(connection: Connection, statement: str) -> Any:
    """Let PostgreSQL understand a statement; types that the driver does not know are given and taken as texts."""
    with translated():
        made = await connection.prepare(statement, timeout=TIMEOUT_S)
        seen = [*made.get_parameters(), *(one.type for one in made.get_attributes())]
        strange = {one for one in seen if one.kind == "scalar" and not is_easy(one)}
        if not strange:
            return made
        for one in strange:
            await _as_text(connection, one)
        return await connection.prepare(statement, timeout=TIMEOUT_S)


async def _as_text(connection: Connection, strange: Type) -> None:
    await connection.set_type_codec(strange.name, schema=strange.schema, encoder=str, decoder=str, format="text")


@asynccontextmanager
async def asked(
    connection: Connection,
    statement: str,
    parameters: Sequence[Any],
    *,
    timeout_s: float = TIMEOUT_S,
    batch_rows: int = BATCH_ROWS,
) -> AsyncIterator[Answer]:
    """Run a statement within a transaction, for a block."""
    limits = Limits(timeout_s, batch_rows)
    made = await prepared(connection, statement)
    arguments = fitted(parameters, made.get_parameters())
    shape = shape_of(statement, made.get_attributes())
    query_id = str(connection.get_server_pid())
    if not shape.columns or not shape.is_query:
        with translated(timeout_s):
            rows = await made.fetch(*arguments, timeout=limits.left_s)
        changed = _CHANGED.search(made.get_statusmsg() or "")
        affected = int(changed[1]) if changed and made.get_statusmsg().split()[0] not in _READS else None
        yield Answer(
            shape.columns, shape.schema, rows=rows, query_id=query_id, affected=affected, batch_rows=batch_rows
        )
    elif shape.is_copied and not arguments:
        copied = Copied(connection, shape, limits, query_id=query_id)
        try:
            yield copied
        finally:
            await copied.close()
    else:
        with translated(timeout_s):
            again = made if shape.statement == statement else await connection.prepare(shape.statement)
            cursor = await again.cursor(*arguments, timeout=limits.left_s)
        yield Fetched(shape, cursor, limits, query_id=query_id)


_READS: Final = frozenset({"SELECT", "FETCH", "SHOW"})
