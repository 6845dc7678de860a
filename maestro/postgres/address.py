"""Where a running embedded PostgreSQL is reached, and how a shell on it is opened."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from maestro.postgres.binaries import program


@dataclass(frozen=True)
class Address:
    """One database of the embedded server; the password is needed on the Unix socket as well as over TCP."""

    socket_folder: Path
    port: int
    password: str = field(repr=False)
    user: str = "maestro"
    database: str = "maestro"
    host: str = "127.0.0.1"

    def url(self, driver: str = "postgresql+asyncpg") -> str:
        """A SQLAlchemy URL over the Unix socket, which costs less per round trip than TCP."""
        # The socket goes into the query: a path cannot stand where a URL has its host.
        query = urlencode({"host": str(self.socket_folder), "port": self.port})
        return f"{driver}://{self.user}:{self.password}@/{self.database}?{query}"

    def tcp_url(self, driver: str = "postgresql") -> str:
        """The same database over loopback TCP, for tools that know no Unix sockets."""
        return f"{driver}://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def libpq_environment(self) -> dict[str, str]:
        """The variables that PostgreSQL's own tools read, so that the password is on no command line."""
        return {
            "PGHOST": str(self.socket_folder),
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }


def psql_command(address: Address) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment that open an interactive shell on `address`."""
    # The wheel's psql is built without readline: one that the system has edits lines and keeps a history.
    psql = shutil.which("psql") or str(program("psql"))
    return [psql], {**os.environ, **address.libpq_environment()}
