"""What PostgreSQL counts of statements: switched on by whoever may, in the database that every server has.

The counts are of the whole server, whichever of its databases the extension is in. In `postgres` it is in no backup of
the application's database, and nobody who restores one needs to be a superuser for its sake.
"""

from typing import Final

from sqlalchemy import Connection, make_url, text

from maestro.db.engine import SYSTEM_ROLE
from maestro.db.migrate import run_on
from maestro.db.rows import CONNECTION_LOST, StatementFailed

DATABASE: Final = "postgres"
EXTENSION: Final = "pg_stat_statements"

_STANDING: Final = """
    SELECT rolsuper AS is_superuser, EXISTS (SELECT FROM pg_available_extensions WHERE name = :name) AS is_there,
        :name = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ',')) AS is_loaded
    FROM pg_roles WHERE rolname = current_user
"""


def prepare(url: str) -> bool:
    """Make the extension, and let the server's system role read what is counted; return whether that could be done.

    It takes a superuser, and a server that loads the library when it starts.
    """

    def run(connection: Connection) -> bool:
        found = connection.execute(text(_STANDING), {"name": EXTENSION}).one()
        if not (found.is_superuser and found.is_there and found.is_loaded):
            return False
        connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}"))
        connection.execute(text(f"GRANT pg_read_all_stats TO {SYSTEM_ROLE}"))
        connection.commit()
        return True

    elsewhere = make_url(url).set(database=DATABASE).render_as_string(hide_password=False)
    try:
        return run_on(elsewhere, run)
    except (*CONNECTION_LOST, StatementFailed):
        # Not every server has that database, and not every account may enter it. Nothing depends on it.
        return False
