"""Whether a server can work on a database: it is asked what a server asks, by the account that a server has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from maestro.db.direct import name_of, named
from maestro.db.engine import Database, Scope
from maestro.db.health import problem_of
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.db.tables import Base
from maestro.errors import VerificationFailed

_FIRST: Final = "SELECT id FROM organization ORDER BY created_at, id LIMIT 1"
_SEEN: Final = """
    SELECT (SELECT count(*) FROM organization) AS organizations, (SELECT count(*) FROM project) AS projects,
        (SELECT count(*) FROM (SELECT FROM run LIMIT 100) AS newest) AS runs
"""


async def require_healthy(server_url: str, *, database: str | None = None) -> dict[str, Any]:
    """Read from every table as the server does, and see that each organisation sees its own rows alone.

    By the URL of the server's account, and perhaps the name of another database. Return what was seen;
    VerificationFailed when anything does not work.
    """
    url = server_url if database is None else named(server_url, database)
    async with _opened(url) as db:
        problem = await problem_of(db)
        if problem is not None:
            raise VerificationFailed(f"The database {name_of(url)} is not fit to serve: {problem.message}")
        # What one of them may not read, no request of that kind could.
        for table in Base.metadata.sorted_tables:
            await db.fetch_sql(f'SELECT 1 FROM "{table.name}" LIMIT 1')  # noqa: S608 -- our own tables
        first = await db.fetch_sql(_FIRST)
        if not first:
            return {"organizations": 0}
        return await _seen_by(db, first[0].id)


async def _seen_by(db: Database, organization: UUID) -> dict[str, Any]:
    (seen,) = await db.within(Scope(organization)).fetch_sql(_SEEN)
    (nothing,) = await db.within(Scope(organization, frozenset())).fetch_sql(_SEEN)
    if seen.organizations != 1 or nothing.projects != 0:
        raise VerificationFailed("Row-level security does not keep organizations and projects apart.")
    async with db.transaction():
        # At its end it settles versions, which takes the right to call the function for that.
        (total,) = await db.fetch_sql("SELECT count(*) AS organizations FROM organization")
    return {"organizations": total.organizations, "projects": seen.projects}


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    db = Database(url, pool_size=2)
    try:
        yield db
    except (*CONNECTION_LOST, StatementFailed) as error:
        raise VerificationFailed(f"The database {name_of(url)} is not fit to serve: {error}.") from error
    finally:
        await db.close()
