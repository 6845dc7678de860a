"""Plans of statements as PostgreSQL would run them for any values, without running them and without knowing any."""

from typing import Final

from maestro.db.engine import Database
from maestro.effort import Run

GENERIC_SINCE: Final = 16
"""The version of PostgreSQL that plans a statement without its values."""
PLANNED: Final = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
STATEMENT_TIMEOUT_MS: Final = 900
LINES: Final = 100
_EXPLAIN: Final = """
    DO $$
    DECLARE line text; plan text := '';
    BEGIN
        FOR line IN EXECUTE 'EXPLAIN (GENERIC_PLAN) ' || current_setting('maestro.explained') LOOP
            plan := plan || line || E'\\n';
        END LOOP;
        PERFORM set_config('maestro.explained', plan, true);
    END
    $$
"""
"""From within a block: sent by itself, the driver would be asked for the values."""


async def plan_of(db: Database, run: Run) -> list[str] | None:
    """Return the lines of the plan that a statement has under the role that it was run under; None where there is none.

    Nothing is run, and nothing could be written. Raises what the database refuses.
    """
    if not run.sql.lstrip().upper().startswith(PLANNED):
        return None
    async with db.bound_as(run.binding).driver() as connection:
        if connection.get_server_version().major < GENERIC_SINCE:
            return None
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
            await connection.fetch("SELECT set_config('maestro.explained', $1, true)", run.sql)
            await connection.execute(_EXPLAIN)
            plan = await connection.fetchval("SELECT current_setting('maestro.explained')")
    return str(plan).splitlines()[:LINES]
