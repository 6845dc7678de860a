"""Looking at the database: its health and its slow statements, for whoever runs the server."""

from maestro.access import Permission
from ops.database import slow_statements
from ops.database.health import Health, examine
from ops.database.slow_statements import SlowStatements, StatementOrder
from resolvers import installation
from resolvers.context import Context


async def health(ctx: Context) -> Health:
    """Return what is found out about the database; Forbidden outside of the first organisation."""
    await _require_operator(ctx)
    return await examine(ctx.runtime.db)


async def slowest(ctx: Context, *, first: int, order: StatementOrder) -> SlowStatements:
    """Return the statements that lead in some order.

    Forbidden outside of the first organisation, InvalidInput, StatisticsMissing where PostgreSQL does not count them.
    """
    await _require_operator(ctx)
    return await slow_statements.slowest(ctx.runtime.db, first=first, order=order)


async def _require_operator(ctx: Context) -> None:
    ctx.require(Permission.MAINTENANCE_RUN)
    installation.require(is_here=await installation.is_here(ctx))
