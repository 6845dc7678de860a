"""The embedded PostgreSQL: what runs when no `MAESTRO_DATABASE_URL` is set."""

from maestro.postgres.address import Address as Address
from maestro.postgres.address import psql_command as psql_command
from maestro.postgres.server import EmbeddedPostgres as EmbeddedPostgres
from maestro.postgres.server import attached as attached
