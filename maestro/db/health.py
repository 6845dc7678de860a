"""Whether the database can serve: it answers, and it has every migration."""

from maestro.db.engine import Database
from maestro.db.migrate import head
from maestro.db.rows import CONNECTION_LOST, UndefinedTable

BEHIND = "The database is not at the revision of this version: run python -m app migrate."


async def problem_of(db: Database) -> str | None:
    """Return what is wrong with the database in one sentence, None when nothing is."""
    try:
        rows = await db.fetch_sql("SELECT version_num FROM alembic_version")
    except UndefinedTable:
        return BEHIND
    except CONNECTION_LOST:
        return "The database does not answer."
    if [row.version_num for row in rows] != [head()]:
        return BEHIND
    return None
