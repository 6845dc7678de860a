"""How many connections the account of a URL may have: what PostgreSQL, the database and the account allow."""

from typing import Final

from sqlalchemy import Connection, text

from maestro.db.migrate import run_on

# -1 stands for no limit.
_ROOM: Final = """
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true), '0')::int,
        nullif(d.datconnlimit, -1), nullif(r.rolconnlimit, -1)
    ) FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""


def most_connections(url: str) -> int:
    """Return the most connections that an account may have open, those of others left out of account."""

    def run(connection: Connection) -> int:
        return int(connection.execute(text(_ROOM)).scalar_one())

    return run_on(url, run)
