"""Making the jobs database and bringing it up to date, under the account that owns the application's database."""

import logging
from typing import Final

from dbos import DBOS
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from maestro.db.migrate import run_on
from maestro.db.roles import LOGIN
from maestro.db.rows import StatementFailed
from maestro.errors import StartupError
from maestro.queue.address import jobs_url

_EXISTS: Final = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name)"
_HAS_LOGIN: Final = "SELECT to_regrole(:name) IS NOT NULL"


def prepare(url: str) -> None:
    """Make the jobs database of an application database unless it is there, and bring its tables up to date.

    The server's account may then work in it. Safe beside another process that does the same. Raises StartupError,
    with the SQL that helps, when the account may not make databases.
    """
    silence()
    name = str(make_url(jobs_url(url)).database)

    def run(connection: Connection) -> bool:
        if not connection.scalar(text(_EXISTS), {"name": name}):
            connection.rollback()
            quoted = name.replace('"', '""')
            apart = connection.execution_options(isolation_level="AUTOCOMMIT")
            apart.exec_driver_sql(f'CREATE DATABASE "{quoted}" TEMPLATE template0')
        return bool(connection.scalar(text(_HAS_LOGIN), {"name": LOGIN}))

    try:
        has_login = run_on(url, run, exclusive=True)
        DBOS.migrate(jobs_url(url), application_role=LOGIN if has_login else None)
    except (DBAPIError, StatementFailed) as error:
        account = str(make_url(url).username).replace('"', '""')
        raise StartupError(
            f"The jobs database {name} cannot be made: {str(error).splitlines()[0]}",
            hint=f'Let a superuser run this once, then try again: CREATE DATABASE "{name}" OWNER "{account}";',
        ) from error


def silence() -> None:
    """Let DBOS log by our handlers, and what matters alone."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        # Without one it adds its own, and tells of each start in a dozen lines.
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)
