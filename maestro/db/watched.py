"""Statements as those see them who watch: metrics, traces, and the sums of the operation that runs them."""

import time
from typing import Any, Final, cast

from maestro import effort
from maestro.db.rows import Row
from maestro.spans import ACTIVE, Span, SpanKind, Tracer, statement_name
from maestro.telemetry import database as families

AS_READ: Final = ("read",)
IN_TRANSACTION: Final = ("transaction",)
"""How a statement is run, as metrics tell it."""


async def fetched(
    connection: Any, sql: str, arguments: tuple[Any, ...], *, way: tuple[str], binding: effort.Binding
) -> list[Row]:
    """Run a statement on an asyncpg connection and return its rows; nobody is told its values."""
    tracer = ACTIVE.tracer
    began = time.perf_counter()
    if tracer is None:
        rows = cast("list[Row]", await connection.fetch(sql, *arguments))
    else:
        rows = await _traced(tracer, connection, sql, arguments=arguments)
    took = time.perf_counter() - began
    families.STATEMENT_TIME.observe(took, way)
    if (sums := effort.current()) is not None:
        sums.ran(sql, arguments, rows=len(rows), seconds=took, binding=binding)
    return rows


async def _traced(tracer: Tracer, connection: Any, sql: str, *, arguments: tuple[Any, ...]) -> list[Row]:
    verb, table = statement_name(sql)
    name = verb if table is None else f"{verb} {table}"
    told = {"db.system.name": "postgresql", "db.operation.name": verb, "db.query.summary": name}
    if table is not None:
        told["db.collection.name"] = table
    with Span(tracer, name, told, kind=SpanKind.CLIENT) as found:
        rows = cast("list[Row]", await connection.fetch(sql, *arguments))
        found["db.response.returned_rows"] = len(rows)
    return rows
