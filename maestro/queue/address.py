"""Where the jobs database is: the queue's own, beside the application's, so that a restore of that loses no job."""

from typing import Final

from sqlalchemy import Connection, make_url, text

from maestro.db.migrate import run_on
from maestro.db.roles import JOBS_SUFFIX
from maestro.db.rows import CONNECTION_LOST, StatementFailed

_FOUND: Final = "SELECT to_regclass('dbos.workflow_status') IS NOT NULL"


def jobs_url(url: str) -> str:
    """Return the URL of the jobs database of an application database."""
    parts = make_url(url)
    return parts.set(database=f"{parts.database}{JOBS_SUFFIX}").render_as_string(hide_password=False)


def is_prepared(url: str) -> bool:
    """Say whether an application database, given by its URL, has a jobs database, and tables in it."""

    def run(connection: Connection) -> bool:
        return bool(connection.scalar(text(_FOUND)))

    try:
        return run_on(jobs_url(url), run)
    except (*CONNECTION_LOST, StatementFailed):
        return False
