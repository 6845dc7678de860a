"""Whether the database can serve: it answers, and it has every migration."""

from maestro.db.absence import absence_of
from maestro.db.engine import Database
from maestro.db.migrate import head
from maestro.db.rows import CONNECTION_LOST, UndefinedTable
from maestro.errors import Unavailable

BEHIND = "The database is not at the revision of this version: run python -m app migrate."


async def problem_of(db: Database) -> Unavailable | None:
    """Return what is wrong with the database, None when nothing is."""
    try:
        rows = await db.fetch_sql("SELECT version_num FROM alembic_version")
    except UndefinedTable:
        return Unavailable(BEHIND)
    except CONNECTION_LOST as error:
        return absence_of(error)
    if [row.version_num for row in rows] != [head()]:
        return Unavailable(BEHIND)
    return None
